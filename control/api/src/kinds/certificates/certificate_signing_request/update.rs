//! What may change of a CertificateSigningRequest, and through which part of it.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::json;
use crate::validate::FieldError;

/// Conditions that are decisions, and the one that ends it otherwise.
const DECISIONS: [&str; 2] = ["Approved", "Denied"];
const FAILED: &str = "Failed";

fn of_type<'a>(object: &'a Value, kind: &str) -> Vec<&'a Value> {
    json::items(object, "/status/conditions").iter().filter(|one| one["type"] == kind).collect()
}

fn refused(object: &Value, what: &str, kind: &str) -> FieldError {
    let conditions = Field::root(object).at("status").at("conditions");
    conditions.forbidden(format!("updates may not {what} a condition of type {kind:?}"))
}

/// A decision, once made, stays.
pub(super) fn kept(object: &Value, old: &Value) -> Errors {
    let kinds = DECISIONS.iter().chain([&FAILED]);
    let lost = kinds.filter(|kind| of_type(object, kind).len() < of_type(old, kind).len());
    lost.map(|kind| refused(object, "remove", kind)).collect()
}

/// Whoever may not decide makes and changes no decision.
pub(super) fn undecided(object: &Value, old: &Value) -> Errors {
    let mut errors = Errors::new();
    for kind in DECISIONS {
        let (now, before) = (of_type(object, kind), of_type(old, kind));
        if now.len() > before.len() {
            errors.push(refused(object, "add", kind));
        } else if now.len() == before.len() && now != before {
            errors.push(refused(object, "modify", kind));
        }
    }
    errors
}

/// A certificate, once there, stays.
pub(super) fn certificate(object: &Value, old: &Value) -> Option<FieldError> {
    let certificate = Field::root(object).at("status").at("certificate");
    let before = json::text(old, "/status/certificate");
    let changed = !before.is_empty() && certificate.text() != before;
    changed.then(|| certificate.forbidden("updates may not modify existing certificate content"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::expect;
    use serde_json::json;

    fn with(conditions: &Value, certificate: &str) -> Value {
        json!({"status": {"conditions": conditions, "certificate": certificate}})
    }

    #[test]
    fn decisions_and_certificates_stay() {
        let approved = json!([{"type": "Approved", "reason": "a"}]);
        let (old, new) = (with(&approved, "eA=="), with(&json!([{"type": "Failed"}]), "eQ=="));
        expect![[r#"status.conditions: Forbidden: updates may not remove a condition of type "Approved""#]]
            .assert_eq(&told(&kept(&new, &old)));
        expect!["status.certificate: Forbidden: updates may not modify existing certificate content"]
            .assert_eq(&told(&certificate(&new, &old).into_iter().collect::<Errors>()));
        assert_eq!(certificate(&with(&approved, "eA=="), &with(&approved, "")), None);
    }

    #[test]
    fn a_status_decides_nothing() {
        let (none, one) = (json!([]), json!([{"type": "Approved", "reason": "a"}]));
        let other = json!([{"type": "Approved", "reason": "b"}]);
        expect![[r#"status.conditions: Forbidden: updates may not add a condition of type "Approved""#]]
            .assert_eq(&told(&undecided(&with(&one, ""), &with(&none, ""))));
        expect![[r#"status.conditions: Forbidden: updates may not modify a condition of type "Approved""#]]
            .assert_eq(&told(&undecided(&with(&other, ""), &with(&one, ""))));
        assert_eq!(undecided(&with(&one, "eA=="), &with(&one, "")), []);
    }
}
