//! IPAddress: an address of a Service, and whose it is.

use std::net::IpAddr;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::kind::{Column, Kind, Scope, Strategy};
use crate::kinds::{NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[NAME, column("ParentRef", "string", "Whose address it is.")];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        short: &["ip"],
        scope: Scope::Cluster,
        columns: COLUMNS,
        schema: "io.k8s.api.networking.v1.IPAddress",
        ..base("networking.k8s.io", "IPAddress", "ipaddresses", &IpAddress)
    }
}

#[derive(Debug)]
struct IpAddress;

impl Strategy for IpAddress {
    fn name(&self, name: &str) -> Vec<String> {
        match name.parse::<IpAddr>() {
            Err(_) => vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()],
            Ok(address) if address.to_string() == name => Vec::new(),
            Ok(address) => vec![format!("must be in canonical form (\"{address}\")")],
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let parent = Field::root(object).at("spec").at("parentRef");
        if !parent.is_set() {
            return vec![parent.required("")];
        }
        let mut errors: Errors = parent.at("group").named(name::subdomain);
        errors.extend(parent.at("resource").must_be_named(name::path_segment));
        errors.extend(parent.at("name").must_be_named(name::path_segment));
        errors.extend(parent.at("namespace").named(name::path_segment));
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let parent = Field::root(object).at("spec").at("parentRef");
        parent.unchanged(&old["spec"]["parentRef"]).into_iter().collect()
    }

    fn cells(&self, object: &Value, _now: Timestamp) -> Vec<Value> {
        let parent = object.pointer("/spec/parentRef").map_or_else(|| cells::NONE.to_owned(), shown);
        vec![cells::name(object), parent.into()]
    }
}

/// `resource.group/namespace/name`.
fn shown(parent: &Value) -> String {
    let part = |name: &str| json::text(parent, &format!("/{name}"));
    let dotted = [part("resource"), part("group")].into_iter().filter(|text| !text.is_empty());
    let resource = dotted.collect::<Vec<_>>().join(".").to_lowercase();
    let place = [resource.as_str(), part("namespace"), part("name")].into_iter().filter(|text| !text.is_empty());
    place.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, told};
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn its_name_is_the_address() {
        assert!(IpAddress.name("10.0.0.1").is_empty() && IpAddress.name("2001:db8::1").is_empty());
        assert_eq!(IpAddress.name("2001:DB8:0::1"), ["must be in canonical form (\"2001:db8::1\")"]);
        assert_eq!(IpAddress.name("10.0.0.01"), ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]);
    }

    #[test]
    fn it_is_somebodys_and_stays_so() {
        check(&IpAddress, &json!({}), &expect!["spec.parentRef: Required value"]);
        let bad = json!({"spec": {"parentRef": {"group": "A", "namespace": "a/b"}}});
        check(
            &IpAddress,
            &bad,
            &expect![[r#"
                spec.parentRef.group: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.parentRef.resource: Required value
                spec.parentRef.name: Required value
                spec.parentRef.namespace: Invalid value: "a/b": may not contain '/'"#]],
        );
        let of = |name: &str| json!({"spec": {"parentRef": {"resource": "services", "name": name}}});
        check(&IpAddress, &of("a"), &expect![""]);
        expect![[r#"spec.parentRef: Invalid value: {"name":"b","resource":"services"}: field is immutable"#]]
            .assert_eq(&told(&IpAddress.validate_update(&of("b"), &of("a"))));
    }

    #[test]
    fn rows_tell_whose() {
        let parent = json!({"group": "a.b", "resource": "Things", "namespace": "n", "name": "x"});
        let object = json!({"metadata": {"name": "1.1.1.1"}, "spec": {"parentRef": parent}});
        assert_eq!(IpAddress.cells(&object, Timestamp::UNIX_EPOCH), [json!("1.1.1.1"), json!("things.a.b/n/x")]);
    }
}
