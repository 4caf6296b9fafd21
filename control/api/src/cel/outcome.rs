//! What an expression is for, and so what it must come to.

use super::types::Type;

/// What an expression must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Anything.
    Any,
    /// True or false.
    Truth,
    /// True or false, or what is known when it runs.
    TruthOrUnknown,
    /// A text.
    Text,
    /// A text, or nothing.
    TextOrNull,
    /// A configuration to apply.
    Configuration,
    /// The steps of a JSON patch.
    Patch,
}

impl Outcome {
    /// Says so when it comes to something else. What is known only when it runs is something else, too.
    pub(super) fn missed(self, found: &Type) -> Option<String> {
        let wanted = self.wanted();
        if wanted.is_empty() || wanted.contains(found) {
            return None;
        }
        let names: Vec<String> = wanted.iter().map(Type::outcome).collect();
        let found = found.outcome();
        Some(match (self, names.as_slice()) {
            (Self::TruthOrUnknown, _) => format!("must evaluate to bool or the unknown type, not {found}"),
            (_, [one]) => format!("must evaluate to {one} but got {found}"),
            (_, several) => format!("must evaluate to one of [{}] but got {found}", several.join(" ")),
        })
    }

    /// The types that fit; none stands for all.
    fn wanted(self) -> Vec<Type> {
        match self {
            Self::Any => Vec::new(),
            Self::Truth => vec![Type::Bool],
            Self::TruthOrUnknown => vec![Type::Bool, Type::Any],
            Self::Text => vec![Type::Text],
            Self::TextOrNull => vec![Type::Text, Type::Null],
            Self::Configuration => vec![Type::Object("Object".into())],
            Self::Patch => vec![Type::list(Type::Object("JSONPatch".into()))],
        }
    }
}
