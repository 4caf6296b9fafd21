//! Rules of a CertificateSigningRequest.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::name;

/// What a key may be used for, in order of name.
const USAGES: &[&str] = &[
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
/// Shortest life that may be asked for.
const SECONDS_MIN: i64 = 600;
/// What a request of the first version of the API had that named no signer.
const NO_SIGNER: &str = "kubernetes.io/legacy-unknown";

/// Everything wrong with a request that shows without its content.
pub(super) fn request(object: &Value) -> Errors {
    let spec = Field::root(object).at("spec");
    let (usages, signer, life) = (spec.at("usages"), spec.at("signerName"), spec.at("expirationSeconds"));
    let mut errors: Errors = usages.must().into_iter().collect();
    errors.extend(usages.items().filter_map(|usage| usage.one_of(USAGES)));
    let mut seen = BTreeSet::new();
    errors.extend(usages.items().filter(|usage| !seen.insert(usage.text())).map(|usage| usage.duplicate()));
    if signer.text() == NO_SIGNER {
        errors.push(signer.invalid("the legacy signerName is not allowed via this API version"));
    } else {
        errors.extend(self::signer(&signer));
    }
    if life.integer().is_some_and(|seconds| seconds < SECONDS_MIN) {
        errors.push(life.invalid("may not specify a duration less than 600 seconds (10 minutes)"));
    }
    errors
}

/// Everything wrong with a name such as `example.com/signer`.
fn signer(signer: &Field<'_>) -> Errors {
    const LENGTH_MAX: usize = 2 * name::SUBDOMAIN_MAX + name::LABEL_MAX + 2;
    if signer.is_empty() {
        return vec![signer.required("")];
    }
    let [domain, path] = signer.text().split('/').collect::<Vec<_>>()[..] else {
        return vec![signer.invalid("must be a fully qualified domain and path of the form 'example.com/signer-name'")];
    };
    let mut errors = Errors::new();
    errors.extend((domain.len() > name::SUBDOMAIN_MAX).then(|| signer.too_long(name::SUBDOMAIN_MAX)));
    errors.extend(labels(signer, domain, name::label));
    if !domain.contains('.') {
        errors.push(signer.invalid_part(domain, "should be a domain with at least two segments separated by dots"));
    }
    errors.extend(labels(signer, path, name::subdomain));
    errors.extend((signer.text().len() > LENGTH_MAX).then(|| signer.too_long(LENGTH_MAX)));
    errors
}

/// Everything wrong with the first bad label of a part.
fn labels(signer: &Field<'_>, part: &str, rule: fn(&str) -> Vec<String>) -> Errors {
    let wrong = part.split('.').map(|label| (label, rule(label))).find(|(_, wrong)| !wrong.is_empty());
    let Some((label, wrong)) = wrong else { return Errors::new() };
    wrong.into_iter().map(|why| signer.invalid_part(part, format!("validating label {label:?}: {why}"))).collect()
}

/// Everything wrong with what became of it.
pub(super) fn conditions(object: &Value) -> Errors {
    let conditions = Field::root(object).at("status").at("conditions");
    let mut seen = BTreeSet::new();
    let mut errors = Errors::new();
    for condition in conditions.items() {
        let (kind, status) = (condition.at("type"), condition.at("status"));
        errors.extend(kind.must());
        let allowed: &[&str] = match kind.text() {
            "Approved" | "Denied" | "Failed" => &["True"],
            _ => &["False", "True", "Unknown"],
        };
        errors.extend(status.must_be_one_of(allowed));
        let other = match kind.text() {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "",
        };
        if !other.is_empty() && seen.contains(other) {
            errors.push(conditions.invalid_part(kind.text(), "Approved and Denied conditions are mutually exclusive"));
        }
        errors.extend((!seen.insert(kind.text())).then(|| kind.duplicate_of(&kind.text().into())));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{told, with};
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(spec: &Value, expected: &Expect) {
        let sound = json!({"spec": {"usages": ["client auth"], "signerName": "example.com/a.b"}});
        expected.assert_eq(&told(&request(&with(sound, "spec", spec))));
    }

    #[test]
    fn usages_are_known_and_stand_once() {
        check(&json!({"expirationSeconds": 600}), &expect![""]);
        check(
            &json!({"usages": [], "expirationSeconds": 599}),
            &expect![[r#"
            spec.usages: Required value
            spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"#]],
        );
        check(
            &json!({"usages": ["client auth", "fun", "client auth"]}),
            &expect![[r#"
            spec.usages[1]: Unsupported value: "fun": supported values: "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"
            spec.usages[2]: Duplicate value: "client auth""#]],
        );
    }

    #[test]
    fn a_signer_is_a_path_below_a_domain() {
        let check = |signer: &str, expected: &Expect| check(&json!({"signerName": signer}), expected);
        check("", &expect!["spec.signerName: Required value"]);
        check(
            "kubernetes.io/legacy-unknown",
            &expect![[
                r#"spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version"#
            ]],
        );
        check(
            "a.b",
            &expect![[
                r#"spec.signerName: Invalid value: "a.b": must be a fully qualified domain and path of the form 'example.com/signer-name'"#
            ]],
        );
        check(
            "Ab/_",
            &expect![[r#"
            spec.signerName: Invalid value: "Ab": validating label "Ab": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.signerName: Invalid value: "Ab": should be a domain with at least two segments separated by dots
            spec.signerName: Invalid value: "_": validating label "_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]],
        );
    }

    #[test]
    fn it_is_approved_or_denied() {
        let conditions = json!([{"type": "Approved", "status": "False"}, {"type": "Denied", "status": "True"},
            {"type": "Denied"}, {"type": "", "status": "Maybe"}]);
        expect![[r#"
            status.conditions[0].status: Unsupported value: "False": supported values: "True"
            status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive
            status.conditions[2].status: Required value
            status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive
            status.conditions[2].type: Duplicate value: "Denied"
            status.conditions[3].type: Required value
            status.conditions[3].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown""#]]
        .assert_eq(&told(&super::conditions(&json!({"status": {"conditions": conditions}}))));
    }
}
