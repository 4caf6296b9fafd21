//! APIService: who serves a version of a group.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Generation, Kind, Scope, StatusKeeps, Strategy, Subresource};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[
    NAME,
    column("Service", "string", "Service that serves it, or that this server does."),
    column("Available", "string", "Whether it is served."),
    AGE,
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        categories: &["api-extensions"],
        scope: Scope::Cluster,
        subresources: &[Subresource::Status],
        columns: COLUMNS,
        flags: Flags {
            needs_revision_on_update: true,
            generation: Generation::Never,
            status_keeps: StatusKeeps::Metadata,
            ..Flags::default()
        },
        schema: "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
        ..base("apiregistration.k8s.io", "APIService", "apiservices", &ApiService)
    }
}

#[derive(Debug)]
struct ApiService;

impl Strategy for ApiService {
    fn name(&self, name: &str) -> Vec<String> {
        name::any(name)
    }

    fn default(&self, object: &mut Value) {
        if let Some(service) = object.pointer_mut("/spec/service") {
            json::fill(service, "port", 443);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        json::set(object, "status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let root = Field::root(object);
        let (own, spec) = (root.at("metadata").at("name"), root.at("spec"));
        let (group, version, service) = (spec.at("group"), spec.at("version"), spec.at("service"));
        let mut errors = Errors::new();
        let full = format!("{}.{}", version.text(), group.text());
        if !own.is_empty() && own.text() != full {
            errors.push(own.invalid(format!("must be `spec.version+\".\"+spec.group`: {full:?}")));
        }
        if group.is_empty() && version.text() != "v1" {
            errors.push(group.required("only v1 may have an empty group and it better be legacy kube"));
        }
        errors.extend(group.named(name::subdomain));
        let wrong = name::label_1035(version.text()).into_iter();
        errors.extend(wrong.map(|why| version.invalid_part(version.text(), why)));
        errors.extend(priority(&spec.at("groupPriorityMinimum"), 20_000));
        errors.extend(priority(&spec.at("versionPriority"), 1_000));
        errors.extend(if service.is_set() { remote(&spec, &service) } else { local(&spec) });
        errors
    }

    fn validate_status(&self, object: &Value, _old: &Value) -> Vec<FieldError> {
        conditions(&Field::root(object).at("status").at("conditions"))
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let service = Field::root(object).at("spec").at("service");
        let why = format!("{}: this server does not pass requests on to other API servers yet", service.path());
        service.is_set().then_some(why).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let service = match object.pointer("/spec/service") {
            None => "Local".to_owned(),
            Some(service) => format!("{}/{}", json::text(service, "/namespace"), json::text(service, "/name")),
        };
        vec![cells::name(object), service.into(), available(object).into(), cells::age(object, now)]
    }
}

/// `True`, or what else is known and why.
fn available(object: &Value) -> String {
    let condition = json::items(object, "/status/conditions").iter().find(|one| one["type"] == "Available");
    match condition.map(|one| (json::text(one, "/status"), json::text(one, "/reason"))) {
        None => "Unknown".to_owned(),
        Some(("True", _)) => "True".to_owned(),
        Some((status, reason)) => format!("{status} ({reason})"),
    }
}

fn priority(priority: &Field<'_>, most: i64) -> Option<FieldError> {
    let number = priority.integer().unwrap_or_default();
    let wrong = !(1..=most).contains(&number);
    wrong.then(|| priority.invalid_part(number, format!("must be positive and less than {most}")))
}

/// Everything wrong with how a remote server is trusted, when there is none.
fn local(spec: &Field<'_>) -> Errors {
    let (bundle, careless) = (spec.at("caBundle"), spec.at("insecureSkipTLSVerify"));
    let mut errors = Errors::new();
    if !bundle.is_empty() {
        let bytes = bundle.text().trim_end_matches('=').len() * 3 / 4;
        errors.push(bundle.invalid_part(format!("{bytes} bytes"), "local APIServices may not have a caBundle"));
    }
    if careless.is_true() {
        errors.push(careless.invalid("local APIServices may not have insecureSkipTLSVerify"));
    }
    errors
}

fn remote(spec: &Field<'_>, service: &Field<'_>) -> Errors {
    let (port, careless) = (service.at("port"), spec.at("insecureSkipTLSVerify"));
    let mut errors: Errors = ["namespace", "name"].iter().filter_map(|name| service.at(name).must()).collect();
    if !port.integer().is_some_and(|number| (1..=65_535).contains(&number)) {
        errors.push(port.invalid("port is not valid: must be between 1 and 65535, inclusive"));
    }
    if careless.is_true() && !spec.at("caBundle").is_empty() {
        errors.push(careless.invalid("may not be true if caBundle is present"));
    }
    errors
}

fn conditions(conditions: &Field<'_>) -> Errors {
    const STATES: &[&str] = &["True", "False", "Unknown"];
    let states = conditions.items().map(|one| one.at("status"));
    states.filter(|status| !STATES.contains(&status.text())).map(|status| status.not_one_of(STATES)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{check, with};
    use expect_test::{Expect, expect};

    fn service(fields: &Value) -> Value {
        let spec = json!({"group": "a.b", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1});
        with(json!({"metadata": {"name": "v1.a.b"}, "spec": spec}), "spec", fields)
    }

    fn told(fields: &Value, expected: &Expect) {
        check(&ApiService, &service(fields), expected);
    }

    #[test]
    fn it_is_named_after_what_it_serves() {
        told(&json!({}), &expect![""]);
        told(&json!({"service": {"namespace": "n", "name": "s"}, "insecureSkipTLSVerify": true}), &expect![""]);
        told(
            &json!({"group": "", "version": "V2"}),
            &expect![[r#"
            metadata.name: Invalid value: "v1.a.b": must be `spec.version+"."+spec.group`: "V2."
            spec.group: Required value: only v1 may have an empty group and it better be legacy kube
            spec.version: Invalid value: "V2": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"#]],
        );
        told(
            &json!({"groupPriorityMinimum": 20_001, "versionPriority": 0}),
            &expect![[r#"
            spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000
            spec.versionPriority: Invalid value: 0: must be positive and less than 1000"#]],
        );
    }

    #[test]
    fn only_a_remote_server_is_trusted_somehow() {
        told(
            &json!({"caBundle": "eHl6", "insecureSkipTLSVerify": true}),
            &expect![[r#"
            spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle
            spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify"#]],
        );
        told(
            &json!({"service": {"port": 0}, "caBundle": "eHl6", "insecureSkipTLSVerify": true}),
            &expect![[r#"
            spec.service.namespace: Required value
            spec.service.name: Required value
            spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive
            spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present"#]],
        );
    }

    #[test]
    fn rows_tell_who_serves_and_whether() {
        let row = |fields: &Value, status: Value| {
            let mut object = service(fields);
            object["status"] = status;
            Value::from(ApiService.cells(&object, Timestamp::UNIX_EPOCH))
        };
        assert_eq!(row(&json!({}), json!({})), json!(["v1.a.b", "Local", "Unknown", "<unknown>"]));
        let status = |status: &str| json!({"conditions": [{"type": "Available", "status": status, "reason": "Why"}]});
        assert_eq!(row(&json!({}), status("True"))[2], "True");
        let remote = json!({"service": {"namespace": "n", "name": "s"}});
        assert_eq!(row(&remote, status("False")), json!(["v1.a.b", "n/s", "False (Why)", "<unknown>"]));
        assert_eq!(ApiService.warnings(&service(&remote)).len(), 1);
    }
}
