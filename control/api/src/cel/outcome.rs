//! What an expression comes to, as far as it shows without values.

use cel::common::ast::{Expr, IdedExpr, LiteralValue};

/// What an expression must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Anything.
    Any,
    /// True or false.
    Truth,
    /// A text.
    Text,
    /// A text, or nothing.
    TextOrNull,
}

/// What an expression does come to, where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Truth,
    Text,
    Null,
    Other,
}

/// Operators and functions that say yes or no.
const JUDGES: &[&str] = &[
    "_&&_",
    "_||_",
    "!_",
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "@in",
    "contains",
    "endsWith",
    "matches",
    "startsWith",
];

impl Outcome {
    /// Says so when the expression shows that it comes to something else.
    pub(super) fn missed(self, expression: &IdedExpr) -> Option<String> {
        let found = found(expression)?;
        let (fits, wanted) = match self {
            Self::Any => return None,
            Self::Truth => (found == Found::Truth, "bool"),
            Self::Text => (found == Found::Text, "string"),
            Self::TextOrNull => (matches!(found, Found::Text | Found::Null), "one of [string null_type]"),
        };
        (!fits).then(|| format!("must evaluate to {wanted}"))
    }
}

fn found(expression: &IdedExpr) -> Option<Found> {
    Some(match &expression.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => Found::Truth,
        Expr::Literal(LiteralValue::String(_)) => Found::Text,
        Expr::Literal(LiteralValue::Null) => Found::Null,
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => Found::Other,
        Expr::Select(select) if select.test => Found::Truth,
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (name, _) if JUDGES.contains(&name) => Found::Truth,
            ("size" | "int" | "uint" | "double", _) => Found::Other,
            ("string", [_]) if call.target.is_none() => Found::Text,
            ("_?_:_", [_, one, other]) => found(one).filter(|one| found(other) == Some(*one))?,
            ("_+_", [one, other]) if [found(one), found(other)].contains(&Some(Found::Text)) => Found::Text,
            _ => return None,
        },
        _ => return None,
    })
}
