//! Fields of what is known: of variables, of objects, of maps.

use cel::common::ast::{Expr, IdedExpr, SelectExpr};

use super::check::Walk;
use super::types::Type;
use super::{FIELDS_OF, objects};

impl<'a> Walk<'a> {
    pub(super) fn select(&mut self, id: u64, select: &'a SelectExpr) -> Type {
        if !select.test
            && let Some(name) = qualified(&select.operand).map(|before| format!("{before}.{}", select.field))
            && !self.bound.iter().any(|(bound, _)| name.split('.').next() == Some(bound))
            && let Some(found) = self.known(&name)
        {
            return found;
        }
        let operand = self.of(&select.operand);
        let found = self.field(id, &select.operand, &operand, &select.field, false);
        if select.test { Type::Bool } else { found }
    }

    /// The type of a field. What may be missing has fields that may be missing.
    pub(super) fn field(&mut self, id: u64, operand: &IdedExpr, of: &Type, name: &str, optional: bool) -> Type {
        let (of, optional) = match self.bindings.resolved(of) {
            Type::Optional(inner) => ((*inner).clone(), true),
            of => (of, optional),
        };
        let found = match &of {
            Type::Map(entry) => entry.1.clone(),
            Type::Object(_) if matches!(&operand.expr, Expr::Ident(variable) if variable == FIELDS_OF) => {
                match self.scope.fields.iter().find(|(field, _)| *field == name) {
                    Some((_, of)) => of.clone(),
                    None => self.fault(id, format!("undefined field '{name}'")),
                }
            }
            Type::Object(object) => match objects::named(object).map(|fields| fields.of(name)) {
                Some(Some(found)) => found,
                Some(None) => self.fault(id, format!("undefined field '{name}'")),
                None => self.fault(id, format!("unexpected failed resolution of '{object}'")),
            },
            Type::Parameter(_) => {
                self.bindings.fit(&Type::Dyn, &of);
                Type::Dyn
            }
            of if of.fits_all() => Type::Dyn,
            of => self.fault(id, format!("type '{of}' does not support field selection")),
        };
        if optional { Type::optional(found) } else { found }
    }
}

/// Names joined by points, as one name; none for anything else.
pub(super) fn qualified(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.trim_start_matches('.').to_owned()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", qualified(&select.operand)?, select.field)),
        _ => None,
    }
}
