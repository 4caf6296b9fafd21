//! Calls whose first arguments are names for what the last ones say, and that the parser leaves as calls: two names at
//! once, names for values that may be missing, and names for anything.

use cel::common::ast::{CallExpr, Expr, IdedExpr};

use super::check::Walk;
use super::types::Type;

impl<'a> Walk<'a> {
    /// The type of such a call; none when it is another.
    pub(super) fn binder(&mut self, id: u64, call: &'a CallExpr) -> Option<Type> {
        let target = call.target.as_deref()?;
        let arguments = call.args.as_slice();
        match (call.func_name.as_str(), arguments) {
            ("bind", [own, value, rest]) if is_named(target, "cel") => {
                let of = self.of(value);
                Some(self.with(&[(own, of)], rest))
            }
            (kind @ ("optMap" | "optFlatMap"), [own, rest]) => {
                let of = self.of(target);
                let inner = match self.bindings.resolved(&of) {
                    Type::Optional(inner) => (*inner).clone(),
                    of if of.fits_all() => Type::Dyn,
                    of => {
                        let why = format!("found no matching overload for 'hasValue' applied to '{of}.()'");
                        self.fault(id, why)
                    }
                };
                let result = self.with(&[(own, inner)], rest);
                match kind {
                    "optMap" => Some(Type::optional(result)),
                    _ => {
                        let any = Type::optional(self.bindings.fresh());
                        self.expect(rest.id, &result, &any);
                        Some(result)
                    }
                }
            }
            ("all" | "exists" | "existsOne" | "exists_one", [one, other, judged]) => {
                let (first, second) = self.pair(target);
                self.judged(&[(one, first), (other, second)], judged);
                Some(Type::Bool)
            }
            ("transformList" | "transformMap" | "transformMapEntry", [one, other, conditions @ .., result])
                if conditions.len() <= 1 =>
            {
                let (first, second) = self.pair(target);
                let names = [(one, first.clone()), (other, second)];
                conditions.iter().for_each(|judged| self.judged(&names, judged));
                let result = self.with(&names, result);
                Some(match call.func_name.as_str() {
                    "transformList" => Type::list(result),
                    "transformMap" => Type::map(first, result),
                    _ => result,
                })
            }
            _ => None,
        }
    }

    /// Types of keys and values, or of places and items.
    fn pair(&mut self, target: &'a IdedExpr) -> (Type, Type) {
        let of = self.of(target);
        self.items(&of, target.id, true)
    }

    /// An error when a condition comes to something else than yes or no.
    fn judged(&mut self, names: &[(&'a IdedExpr, Type)], condition: &'a IdedExpr) {
        let found = self.with(names, condition);
        self.expect(condition.id, &found, &Type::Bool);
    }

    /// The type of a part in which these are names.
    fn with(&mut self, names: &[(&'a IdedExpr, Type)], inside: &'a IdedExpr) -> Type {
        let outer = self.bound.len();
        for (own, of) in names {
            match &own.expr {
                Expr::Ident(name) => self.bound.push((name.clone(), of.clone())),
                _ => drop(self.fault(own.id, "argument is not an identifier".to_owned())),
            }
        }
        let found = self.of(inside);
        self.bound.truncate(outer);
        found
    }
}

pub(super) fn is_named(expression: &IdedExpr, wanted: &str) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == wanted)
}
