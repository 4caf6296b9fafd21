//! Names of managers: given by `fieldManager`, or taken from the client's own name.

use serde_json::Value;

use crate::validate::{FieldError, FieldProblem};

/// Longest name, in bytes, as in Kubernetes.
pub const MANAGER_MAX: usize = 128;

/// Everything wrong with the option `fieldManager`.
#[must_use]
pub fn validate(name: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if name.len() > MANAGER_MAX {
        errors.push(FieldError { path: "fieldManager".into(), problem: FieldProblem::TooLong(MANAGER_MAX) });
    }
    let wrong = name.char_indices().filter(|(_, letter)| !is_printable(*letter));
    errors.extend(wrong.map(|(at, letter)| {
        let why = format!("invalid character U+{:04X} (at position {at})", u32::from(letter));
        FieldError::invalid("fieldManager", &Value::from(name), why)
    }));
    errors
}

/// The manager when none is given: the `User-Agent` up to its first slash, such as `kubectl` of `kubectl/v1.37.1`.
#[must_use]
pub fn of_user_agent(agent: &str) -> String {
    let product = agent.split('/').next().unwrap_or_default();
    let mut name = String::new();
    for letter in product.chars().filter(|letter| is_printable(*letter)) {
        if name.len() + letter.len_utf8() > MANAGER_MAX {
            break;
        }
        name.push(letter);
    }
    name
}

/// Whether Go counts the character as printable: all that leaves a mark, and the space.
fn is_printable(letter: char) -> bool {
    letter == ' ' || !(letter.is_whitespace() || letter.is_control() || letter.escape_debug().len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    #[test]
    fn names_are_short_and_printable() {
        let told = |name: &str| {
            let errors = validate(name);
            let status = Status::invalid("meta.k8s.io", "PatchOptions", "", &errors);
            if errors.is_empty() { String::new() } else { status.message }
        };
        let start = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager:";
        assert_eq!(told("my manager/\u{e9}\"\\'"), "");
        assert_eq!(told("a\nb"), format!("{start} Invalid value: \"a\\nb\": invalid character U+000A (at position 1)"));
        assert_eq!(told(&"x".repeat(129)), format!("{start} Too long: may not be more than 128 bytes"));
    }

    #[test]
    fn a_client_is_called_as_it_calls_itself() {
        assert_eq!(of_user_agent("kubectl/v1.37.1 (linux/amd64) kubernetes/abc"), "kubectl");
        assert_eq!(of_user_agent("Go\u{7}-http-client/2.0"), "Go-http-client");
        assert_eq!(of_user_agent(""), "");
        assert_eq!(of_user_agent(&"\u{e9}".repeat(80)).len(), 128);
    }
}
