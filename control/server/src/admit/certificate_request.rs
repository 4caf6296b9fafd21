//! What only the server can say of a CertificateSigningRequest: who asks, whether the request is signed by its own key, and
//! when a condition came.

use api::meta::Timestamp;
use api::requester::{MASTERS, Requester};
use api::status::Status;
use api::time;
use api::validate::FieldError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde_json::{Value, json};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Admitted, Operation, Review};
use crate::stamp;

/// Who signs certificates with which clients prove themselves to the API server.
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// Completes and judges the object.
pub(super) fn review(review: &Review<'_>, object: &mut Value, admitted: &mut Admitted) -> Result<(), Status> {
    match (review.operation, review.old) {
        (Operation::Create, _) | (Operation::Update, None) => {
            sign_with(object, review.ask.requester);
            match request(object) {
                Ok(organizations) => no_masters(review, object, &organizations)?,
                Err(why) => admitted.errors.push(FieldError::invalid("spec.request", &object["spec"]["request"], why)),
            }
        }
        (Operation::Update, Some(old)) => {
            time_conditions(object, old, review.core.seam.now());
            if object["status"]["certificate"] != old["status"]["certificate"]
                && let Err(why) = certificate(object)
            {
                let shown = "<certificate data>".into();
                admitted.errors.push(FieldError::invalid("status.certificate", &shown, why));
            }
        }
    }
    Ok(())
}

/// Writes down who asks, whatever the object said.
fn sign_with(object: &mut Value, requester: &Requester) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for field in ["uid", "extra"] {
        spec.remove(field);
    }
    spec.insert("username".into(), json!(&*requester.user));
    spec.insert("groups".into(), json!(requester.groups.iter().map(|group| &**group).collect::<Vec<_>>()));
}

fn decoded(object: &Value, pointer: &str) -> Vec<u8> {
    let text = object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    // What is no base64 is told when the object is decoded.
    STANDARD.decode(text).unwrap_or_default()
}

/// The first block of PEM text, as its kind and content.
fn first_block(pem: &[u8]) -> Option<(SectionKind, Vec<u8>)> {
    <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).next()?.ok()
}

/// The organizations of a request that is signed by its own key, or why it is none.
fn request(object: &Value) -> Result<Vec<String>, String> {
    let pem = decoded(object, "/spec/request");
    let Some((SectionKind::Csr, der)) = first_block(&pem) else {
        return Err("PEM block type must be CERTIFICATE REQUEST".to_owned());
    };
    let (rest, request) = X509CertificationRequest::from_der(&der).map_err(|error| format!("x509: {error}"))?;
    if !rest.is_empty() {
        return Err("asn1: syntax error: trailing data".to_owned());
    }
    let info = &request.certification_request_info;
    let (key, signature) = (&info.subject_pki.subject_public_key.data, &request.signature_value.data);
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    // A key fits the algorithms of its own kind only, so the right one need not be named.
    if !algorithms.iter().any(|one| one.verify_signature(key, info.raw, signature).is_ok()) {
        return Err("x509: the request is not signed by its own key".to_owned());
    }
    let organizations = info.subject.iter_organization().filter_map(|one| one.as_str().ok());
    Ok(organizations.map(str::to_owned).collect())
}

/// Nobody becomes master of the cluster by a certificate (plug-in `CertificateSubjectRestriction`).
fn no_masters(review: &Review<'_>, object: &Value, organizations: &[String]) -> Result<(), Status> {
    if object["spec"]["signerName"] != CLIENT_SIGNER || !organizations.iter().any(|one| one == MASTERS) {
        return Ok(());
    }
    let why = format!("use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed");
    Err(Status::forbidden(&review.ask.kind.resource(), stamp::meta_text(object, "name"), &why))
}

/// Why what is to be the certificate is none.
fn certificate(object: &Value) -> Result<(), String> {
    let pem = decoded(object, "/status/certificate");
    let mut count = 0;
    for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(&pem) {
        let (kind, der) = block.map_err(|error| error.to_string())?;
        if kind != SectionKind::Certificate {
            return Err("only CERTIFICATE PEM blocks are allowed".to_owned());
        }
        X509Certificate::from_der(&der).map_err(|error| format!("x509: {error}"))?;
        count += 1;
    }
    if count == 0 && !pem.is_empty() {
        return Err("must contain at least one CERTIFICATE PEM block".to_owned());
    }
    Ok(())
}

/// Gives conditions the time at which they came: the former one when such a condition stood already.
fn time_conditions(object: &mut Value, old: &Value, now: Timestamp) {
    let now = time::text(now);
    let before = old["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        let is_same = |one: &&Value| ["type", "status"].iter().all(|name| one.get(name) == condition.get(*name));
        let since = before.iter().find(is_same).and_then(|one| one["lastTransitionTime"].as_str()).unwrap_or(&now);
        for (name, moment) in [("lastTransitionTime", since.to_owned()), ("lastUpdateTime", now.clone())] {
            condition.entry(name).or_insert_with(|| moment.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn pem(organization: &str) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, organization);
        params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap()
    }

    fn asking(pem: &str) -> Value {
        json!({"spec": {"request": STANDARD.encode(pem), "username": "somebody", "uid": "1"}})
    }

    #[test]
    fn a_request_is_signed_by_its_own_key() {
        let sound = pem("team");
        assert_eq!(request(&asking(&sound)).unwrap(), ["team"]);
        let none = "PEM block type must be CERTIFICATE REQUEST";
        for text in ["", "x", &sound.replace("CERTIFICATE REQUEST", "CERTIFICATE")] {
            assert_eq!(request(&asking(text)).unwrap_err(), none);
        }
        let (_, mut der) = first_block(sound.as_bytes()).unwrap();
        let last = der.len() - 1;
        der[last] ^= 1;
        let body = STANDARD.encode(der);
        let forged = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
        assert!(request(&asking(&forged)).unwrap_err().starts_with("x509: "));
    }

    #[test]
    fn who_asks_is_written_down_by_the_server() {
        let mut object = asking("");
        sign_with(&mut object, &Requester::new("jane", &["team"]));
        let spec = json!({"request": "", "username": "jane", "groups": ["team"]});
        assert_eq!(object["spec"], spec);
    }

    #[test]
    fn a_condition_keeps_the_time_at_which_it_came() {
        let old = json!({"status": {"conditions": [
            {"type": "Approved", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]}});
        let conditions = json!([{"type": "Approved", "status": "True"}, {"type": "Failed", "status": "True"},
            {"type": "Other", "status": "True", "lastUpdateTime": "2021-01-01T00:00:00Z"}]);
        let mut object = json!({"status": {"conditions": conditions}});
        time_conditions(&mut object, &old, Timestamp::UNIX_EPOCH);
        let times = |nth: usize, name: &str| object["status"]["conditions"][nth][name].clone();
        assert_eq!(times(0, "lastTransitionTime"), "2020-01-01T00:00:00Z");
        assert_eq!(times(0, "lastUpdateTime"), "1970-01-01T00:00:00Z");
        assert_eq!(times(1, "lastTransitionTime"), "1970-01-01T00:00:00Z");
        assert_eq!(times(2, "lastUpdateTime"), "2021-01-01T00:00:00Z");
    }

    #[test]
    fn a_certificate_is_one_or_several() {
        let with = |pem: &str| certificate(&json!({"status": {"certificate": STANDARD.encode(pem)}}));
        let signed = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        assert_eq!(with(""), Ok(()));
        assert_eq!(with(&format!("{signed}\n{signed}")), Ok(()));
        assert_eq!(with("x").unwrap_err(), "must contain at least one CERTIFICATE PEM block");
        assert_eq!(with(&pem("a")).unwrap_err(), "only CERTIFICATE PEM blocks are allowed");
    }
}
