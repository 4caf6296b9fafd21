//! Calls that the parser leaves as calls and that cel-go takes apart: they cost what they would be taken apart to.

use cel::common::ast::{CallExpr, Expr, IdedExpr};

use super::{Found, Known, LIST, Local, Walk, sized};
use crate::cel::binders::is_named;

/// What `accu == 1` costs in the end of "exactly one".
const COUNTED: u64 = 2;
/// A look at what was found so far.
const LOOK: u64 = 1;

impl<'a> Walk<'a> {
    /// What such a call costs; none when it is another.
    pub(super) fn binder(&mut self, call: &'a CallExpr, plain: &Known) -> Option<Found> {
        let target = call.target.as_deref()?;
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("bind", [own, value, rest]) if is_named(target, "cel") => Some(self.bound(own, value, rest, plain)),
            ("optMap" | "optFlatMap", [own, rest]) => {
                let (found, _) = self.of(target);
                let (bound, _) = self.bound(own, target, rest, plain);
                // Whether there is one, its value, and what may be missing around the result.
                let made = if call.func_name == "optMap" { 3 } else { 2 };
                let cost = found.saturating_add(bound).saturating_add(made);
                Some((cost, sized(plain.clone(), None, None)))
            }
            ("all" | "exists" | "existsOne" | "exists_one", [one, other, judged]) => {
                let (range_cost, range) = self.of(target);
                let judged = self.with(&[(one, range.key()), (other, range.value())], judged).0;
                let (each, last) = match call.func_name.as_str() {
                    "all" => (2 + LOOK, LOOK),
                    "exists" => (3 + LOOK, LOOK),
                    _ => (1 + LOOK, COUNTED),
                };
                let walked = range.size_or_unknown().most.saturating_mul(judged.saturating_add(each));
                let cost = range_cost.saturating_add(walked).saturating_add(last);
                Some((cost, sized(plain.clone(), None, None)))
            }
            ("transformList" | "transformMap" | "transformMapEntry", [one, other, conditions @ .., result])
                if conditions.len() <= 1 =>
            {
                let (range_cost, range) = self.of(target);
                let names = [(one, range.key()), (other, range.value())];
                let each = conditions.iter().chain([result]).map(|part| self.with(&names, part).0);
                // What was made so far, what is added, and the adding.
                let each = each.fold(2 + LIST, u64::saturating_add);
                let walked = range.size_or_unknown().most.saturating_mul(each);
                let cost = range_cost.saturating_add(walked).saturating_add(LIST + LOOK);
                Some((cost, Known { size: range.size, ..plain.clone() }))
            }
            _ => None,
        }
    }

    /// A name for a value. cel-go makes it a walk through an empty list.
    fn bound(&mut self, own: &'a IdedExpr, value: &'a IdedExpr, rest: &'a IdedExpr, plain: &Known) -> Found {
        let (cost, known) = self.of(value);
        let (rest, result) = self.with(&[(own, Local::from(&known))], rest);
        let cost = cost.saturating_add(rest).saturating_add(LIST);
        (cost, Known { size: result.size, entries: result.entries, ..plain.clone() })
    }

    /// A part in which these are names.
    fn with(&mut self, names: &[(&'a IdedExpr, Local)], inside: &'a IdedExpr) -> Found {
        let outer = self.locals.len();
        for (own, local) in names {
            if let Expr::Ident(name) = &own.expr {
                self.locals.push((name, local.clone()));
            }
        }
        let found = self.of(inside);
        self.locals.truncate(outer);
        found
    }
}
