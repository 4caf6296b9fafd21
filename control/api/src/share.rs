//! A number of pods, or a percentage of them, as rollouts and budgets give it.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::validate::FieldError;

/// What a well-formed field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// That many pods.
    Count(i64),
    /// That many of a hundred pods.
    Percent(i64),
}

impl Share {
    /// Reads a field; nothing when it is absent or malformed.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => {
                let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
                digits.and_then(|digits| digits.parse().ok()).map(Self::Percent)
            }
            value => value.as_i64().map(Self::Count),
        }
    }

    /// The number, of whatever it is; nothing given counts as nought.
    pub(crate) fn number(value: &Value) -> i64 {
        match Self::of(value) {
            Some(Self::Count(number) | Self::Percent(number)) => number,
            None => 0,
        }
    }
}

/// Everything wrong with a share that may be of any size.
pub(crate) fn validate(field: &Field<'_>) -> Errors {
    if !field.value.is_string() {
        return field.not_negative().into_iter().collect();
    }
    let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used \
               for validation is '[0-9]+%')";
    Share::of(field.value).is_none().then(|| field.invalid(why)).into_iter().collect()
}

/// An error when a share is more than everything.
pub(crate) fn at_most_all(field: &Field<'_>) -> Option<FieldError> {
    let over = matches!(Share::of(field.value), Some(Share::Percent(101..)));
    over.then(|| field.invalid("must not be greater than 100%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_percentages_are_read_and_all_else_is_told() {
        let told = |value: Value| {
            let object = json!({"a": value});
            let field = Field::root(&object).at("a");
            validate(&field).into_iter().chain(at_most_all(&field)).count()
        };
        for (value, wrong, number) in [
            (json!(3), 0, 3),
            (json!("25%"), 0, 25),
            (json!("101%"), 1, 101),
            (json!(-1), 1, -1),
            (json!("5"), 1, 0),
            (json!("%"), 1, 0),
            (json!("-1%"), 1, 0),
            (Value::Null, 0, 0),
        ] {
            assert_eq!((told(value.clone()), Share::number(&value)), (wrong, number), "{value}");
        }
    }
}
