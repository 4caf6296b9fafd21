//! Walks through lists and maps: what the parser makes of `all`, `exists`, `map` and their like.

use cel::common::ast::ComprehensionExpr;

use super::check::Walk;
use super::types::Type;

impl<'a> Walk<'a> {
    pub(super) fn comprehension(&mut self, of: &'a ComprehensionExpr) -> Type {
        let range = self.of(&of.iter_range);
        let start = self.of(&of.accu_init);
        let outer = self.bound.len();
        self.bound.push((of.accu_var.clone(), start.clone()));
        let (first, second) = self.items(&range, of.iter_range.id, of.iter_var2.is_some());
        self.bound.push((of.iter_var.clone(), first));
        self.bound.extend(of.iter_var2.clone().map(|name| (name, second)));
        let goes_on = self.of(&of.loop_cond);
        self.expect(of.loop_cond.id, &goes_on, &Type::Bool);
        let step = self.of(&of.loop_step);
        self.expect(of.loop_step.id, &step, &start);
        self.bound.truncate(outer + 1);
        let result = self.of(&of.result);
        self.bound.truncate(outer);
        result
    }

    /// Types of what is named when something is walked: items of a list, keys of a map; with two names, places and items, or
    /// keys and values.
    pub(super) fn items(&mut self, range: &Type, id: u64, two: bool) -> (Type, Type) {
        match self.bindings.resolved(range) {
            Type::List(item) if two => (Type::Int, (*item).clone()),
            Type::List(item) => ((*item).clone(), Type::Error),
            Type::Map(entry) => (entry.0.clone(), entry.1.clone()),
            of @ Type::Parameter(_) => {
                self.bindings.fit(&Type::Dyn, &of);
                (Type::Dyn, Type::Dyn)
            }
            of if of.fits_all() => (Type::Dyn, Type::Dyn),
            of => {
                let why = "cannot be range of a comprehension (must be list, map, or dynamic)";
                self.fault(id, format!("expression of type '{of}' {why}"));
                (Type::Error, Type::Error)
            }
        }
    }
}
