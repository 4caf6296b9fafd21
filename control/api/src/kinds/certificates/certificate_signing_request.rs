//! CertificateSigningRequest: a key that is to be certified.
//!
//! Who asks, whether the request is signed, and when a condition came is the server's business: see its admission.

use serde_json::{Value, json};

use crate::field::Field;
use crate::kind::{Column, Flags, Generation, Kind, Scope, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name, time};

mod rules;
mod update;

const COLUMNS: &[Column] = &[
    NAME,
    AGE,
    column("SignerName", "string", "Who is to sign it."),
    column("Requestor", "string", "Who asks."),
    column("RequestedDuration", "string", "How long the certificate is to be valid."),
    column("Condition", "string", "What became of it."),
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["csr"],
        scope: Scope::Cluster,
        subresources: &[Subresource::Status, Subresource::Approval],
        columns: COLUMNS,
        selectable: &["spec.signerName"],
        flags: Flags { generation: Generation::Never, ..Flags::default() },
        schema: "io.k8s.api.certificates.v1.CertificateSigningRequest",
        ..base("certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", &Csr)
    }
}

#[derive(Debug)]
struct Csr;

impl Strategy for Csr {
    fn name(&self, name: &str) -> Vec<String> {
        name::any(name)
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    /// What is asked for stays, whatever an update says.
    fn prepare_update(&self, object: &mut Value, old: &Value) {
        json::set(object, "spec", old["spec"].clone());
    }

    fn prepare_part(&self, part: Subresource, object: &mut Value, wanted: &Value) {
        if part == Subresource::Approval
            && let Some(status) = json::section(object, "status")
        {
            match wanted.pointer("/status/conditions") {
                Some(conditions) => status.insert("conditions".into(), conditions.clone()),
                None => status.remove("conditions"),
            };
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = rules::request(object);
        errors.extend(rules::conditions(object));
        errors
    }

    fn validate_status(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = rules::conditions(object);
        errors.extend(update::kept(object, old));
        errors.extend(update::undecided(object, old));
        errors.extend(update::certificate(object, old));
        errors
    }

    fn validate_part(&self, _part: Subresource, object: &Value, old: &Value) -> Vec<FieldError> {
        update::kept(object, old)
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let signer = Field::root(object).at("spec").at("signerName");
        let ours = signer.text().starts_with("kubernetes.io/");
        let why = format!("{}: this server does not sign for {:?} yet", signer.path(), signer.text());
        ours.then_some(why).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let seconds = object.pointer("/spec/expirationSeconds").and_then(Value::as_i64);
        vec![
            cells::name(object),
            cells::age(object, now),
            cells::or(json::text(object, "/spec/signerName"), cells::NONE).into(),
            json::text(object, "/spec/username").into(),
            seconds.map_or_else(|| cells::NONE.to_owned(), time::human).into(),
            condition(object).into(),
        ]
    }

    fn fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("spec.signerName", json::text(object, "/spec/signerName").to_owned())]
    }
}

/// `Approved,Issued` and the like.
fn condition(object: &Value) -> String {
    let has = |kind: &str| json::items(object, "/status/conditions").iter().any(|one| one["type"] == kind);
    let decided = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    };
    let issued = !json::text(object, "/status/certificate").is_empty();
    let more = [(has("Failed"), ",Failed"), (issued, ",Issued")];
    more.into_iter().filter(|(so, _)| *so).fold(decided.to_owned(), |told, (_, word)| told + word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_tell_what_became_of_it() {
        let row = |spec: Value, status: Value| {
            let object = json!({"metadata": {"name": "c"}, "spec": spec, "status": status});
            Value::from(Csr.cells(&object, Timestamp::UNIX_EPOCH))
        };
        let spec = json!({"signerName": "a.b/c", "username": "jane", "expirationSeconds": 3600});
        let shown = json!(["c", "<unknown>", "a.b/c", "jane", "60m", "Pending"]);
        assert_eq!(row(spec, json!({})), shown);
        let conditions = |kinds: &[&str]| kinds.iter().map(|kind| json!({"type": kind})).collect::<Vec<_>>();
        let became = |kinds: &[&str], certificate: &str| {
            row(json!({}), json!({"conditions": conditions(kinds), "certificate": certificate}))[5].clone()
        };
        assert_eq!(became(&["Approved"], "eA=="), "Approved,Issued");
        assert_eq!(became(&["Failed", "Approved"], ""), "Approved,Failed");
        assert_eq!(became(&["Denied", "Approved"], ""), "Denied");
    }

    #[test]
    fn what_is_asked_stays_and_approval_touches_conditions_alone() {
        let old = json!({"spec": {"signerName": "a.b/c"}, "status": {"certificate": "eA==", "conditions": []}});
        let mut object = json!({"spec": {"signerName": "x.y/z"}});
        Csr.prepare_update(&mut object, &old);
        assert_eq!(object["spec"], old["spec"]);
        let wanted = json!({"spec": {}, "status": {"certificate": "", "conditions": [{"type": "Approved"}]}});
        let mut object = old.clone();
        Csr.prepare_part(Subresource::Approval, &mut object, &wanted);
        assert_eq!(object["spec"], old["spec"]);
        assert_eq!(object["status"], json!({"certificate": "eA==", "conditions": [{"type": "Approved"}]}));
    }

    #[test]
    fn who_asks_a_signer_of_the_cluster_is_told_that_there_is_none() {
        let warned = |signer: &str| Csr.warnings(&json!({"spec": {"signerName": signer}})).len();
        assert_eq!((warned("kubernetes.io/kube-apiserver-client"), warned("example.com/own")), (1, 0));
    }
}
