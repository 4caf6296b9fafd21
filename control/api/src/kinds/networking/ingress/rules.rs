//! Rules of an Ingress.

use std::net::IpAddr;

use serde_json::Value;

use super::super::reference::reference;
use super::CLASS_ANNOTATION;
use crate::field::{Errors, Field};
use crate::validate::FieldError;
use crate::{name, network};

/// Everything wrong with an Ingress.
pub(super) fn ingress(object: &Value) -> Errors {
    let spec = Field::root(object).at("spec");
    let (backend, rules) = (spec.at("defaultBackend"), spec.at("rules"));
    let mut errors = Errors::new();
    if rules.is_empty() && !backend.is_set() {
        errors.push(spec.invalid_part(rules.value.clone(), "either `defaultBackend` or `rules` must be specified"));
    }
    if backend.is_set() {
        errors.extend(self::backend(&backend));
    }
    errors.extend(rules.items().flat_map(|rule| self::rule(&rule)));
    for tls in spec.at("tls").items() {
        errors.extend(tls.at("hosts").items().flat_map(|one| host(&one)));
        errors.extend(tls.at("secretName").named(name::subdomain));
    }
    let class = spec.at("ingressClassName");
    if class.is_set() {
        errors.extend(name::subdomain(class.text()).into_iter().map(|why| class.invalid(why)));
    }
    errors
}

/// Everything wrong with where an Ingress is reached.
pub(super) fn status(object: &Value) -> Errors {
    let addresses = Field::root(object).at("status").at("loadBalancer").at("ingress");
    addresses.items().flat_map(|one| balanced(&one)).collect()
}

/// An error when the older annotation names another class than the field.
pub(super) fn one_class(object: &Value) -> Option<FieldError> {
    let root = Field::root(object);
    let annotated = root.at("metadata").at("annotations").entry(CLASS_ANNOTATION);
    let class = root.at("spec").at("ingressClassName");
    let differ = annotated.is_set() && class.is_set() && annotated.text() != class.text();
    let why = "must match `ingressClassName` when both are specified";
    differ.then(|| FieldError::invalid(format!("annotations.{CLASS_ANNOTATION}"), annotated.value, why))
}

/// Everything wrong with a host that may begin with `*.`.
fn host(host: &Field<'_>) -> Errors {
    let rule = if host.text().contains('*') { name::wildcard_subdomain } else { name::subdomain };
    rule(host.text()).into_iter().map(|why| host.invalid(why)).collect()
}

fn no_address(host: &Field<'_>) -> Option<FieldError> {
    let wrong = host.text().parse::<IpAddr>().is_ok();
    wrong.then(|| host.invalid("must be a DNS name, not an IP address"))
}

fn rule(rule: &Field<'_>) -> Errors {
    let (named, http) = (rule.at("host"), rule.at("http"));
    let mut errors = Errors::new();
    if !named.is_empty() {
        errors.extend(no_address(&named));
        errors.extend(host(&named));
    }
    if http.is_set() {
        let paths = http.at("paths");
        errors.extend(paths.must());
        errors.extend(paths.items().flat_map(|one| path(&one)));
    }
    errors
}

/// What no path that is compared as written may contain, or end with.
const UNCLEAN: &[&str] = &["//", "/./", "/../", "%2f", "%2F"];
const UNCLEAN_ENDS: &[&str] = &["/..", "/."];

fn path(path: &Field<'_>) -> Errors {
    let (kind, own) = (path.at("pathType"), path.at("path"));
    let text = own.text();
    if !kind.is_set() {
        return vec![kind.required("pathType must be specified")];
    }
    let mut errors = Errors::new();
    let relative = (!text.starts_with('/')).then(|| own.invalid_part(text, "must be an absolute path"));
    match kind.text() {
        "Exact" | "Prefix" => {
            errors.extend(relative);
            let inside = UNCLEAN.iter().filter(|part| text.contains(**part));
            errors.extend(inside.map(|part| own.invalid(format!("must not contain '{part}'"))));
            let at_end = UNCLEAN_ENDS.iter().filter(|part| text.ends_with(**part));
            errors.extend(at_end.map(|part| own.invalid(format!("cannot end with '{part}'"))));
        }
        "ImplementationSpecific" => errors.extend(relative.filter(|_| !text.is_empty())),
        _ => errors.extend(kind.one_of(&["Exact", "ImplementationSpecific", "Prefix"])),
    }
    errors.extend(backend(&path.at("backend")));
    errors
}

fn backend(backend: &Field<'_>) -> Errors {
    let (resource, service) = (backend.at("resource"), backend.at("service"));
    match (resource.is_set(), service.is_set()) {
        (true, true) => vec![backend.invalid_part("", "cannot set both resource and service backends")],
        (true, false) => reference(&resource),
        (false, true) => of_service(backend, &service),
        (false, false) => vec![backend.invalid_part("", "resource or service backend is required")],
    }
}

fn of_service(backend: &Field<'_>, service: &Field<'_>) -> Errors {
    let port = service.at("port");
    let (named, number) = (port.at("name"), port.at("number"));
    let mut errors = service.at("name").must_be_named(name::label);
    match (!named.is_empty(), number.integer().is_some_and(|number| number != 0)) {
        (true, true) => errors.push(backend.invalid_part("", "cannot set both port name & port number")),
        (true, false) => errors.extend(named.must_be_named(name::port)),
        (false, true) => errors.extend(number.port()),
        (false, false) => errors.push(backend.required("port name or number is required")),
    }
    errors
}

/// Everything wrong with an address of its load balancer.
fn balanced(ingress: &Field<'_>) -> Errors {
    let (ip, host) = (ingress.at("ip"), ingress.at("hostname"));
    let mut errors = Errors::new();
    errors.extend((!ip.is_empty()).then(|| network::address(&ip)).flatten());
    errors.extend(host.named(name::subdomain));
    errors.extend((!host.is_empty()).then(|| no_address(&host)).flatten());
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(spec: &Value, expected: &Expect) {
        expected.assert_eq(&told(&ingress(&json!({"spec": spec}))));
    }

    fn service(port: &Value) -> Value {
        json!({"service": {"name": "s", "port": port}})
    }

    #[test]
    fn sound_ones_pass() {
        check(&json!({"defaultBackend": service(&json!({"number": 80}))}), &expect![""]);
        check(
            &json!({"defaultBackend": {"resource": {"apiGroup": "a.b", "kind": "Bucket", "name": "b"}}}),
            &expect![""],
        );
        let paths = json!([{"path": "/a", "pathType": "Prefix", "backend": service(&json!({"name": "http"}))},
            {"pathType": "ImplementationSpecific", "backend": service(&json!({"number": 1}))}]);
        let rules = json!([{"host": "*.a.b", "http": {"paths": paths}}, {"host": "a.b"}, {}]);
        check(
            &json!({"rules": rules, "ingressClassName": "x", "tls": [{"hosts": ["*.a", "b"], "secretName": "s"}, {}]}),
            &expect![""],
        );
    }

    #[test]
    fn it_leads_somewhere() {
        check(&json!({}), &expect!["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]);
        check(
            &json!({"defaultBackend": {}}),
            &expect![[r#"spec.defaultBackend: Invalid value: "": resource or service backend is required"#]],
        );
        let both = json!({"defaultBackend": {"service": {}, "resource": {}}});
        check(
            &both,
            &expect![[r#"spec.defaultBackend: Invalid value: "": cannot set both resource and service backends"#]],
        );
        check(
            &json!({"defaultBackend": {"resource": {"apiGroup": "A", "kind": "a/b"}}}),
            &expect![[r#"
                spec.defaultBackend.resource.apiGroup: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.defaultBackend.resource.kind: Invalid value: "a/b": may not contain '/'
                spec.defaultBackend.resource.name: Required value"#]],
        );
        check(
            &json!({"defaultBackend": {"service": {"name": "A"}}}),
            &expect![[r#"
                spec.defaultBackend.service.name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
                spec.defaultBackend: Required value: port name or number is required"#]],
        );
        let number = json!({"defaultBackend": service(&json!({"number": 65536}))});
        check(
            &number,
            &expect![
                "spec.defaultBackend.service.port.number: Invalid value: 65536: must be between 1 and 65535, inclusive"
            ],
        );
        let name = json!({"defaultBackend": service(&json!({"name": "a--b"}))});
        check(
            &name,
            &expect![[
                r#"spec.defaultBackend.service.port.name: Invalid value: "a--b": must not contain consecutive hyphens"#
            ]],
        );
        let both = json!({"defaultBackend": service(&json!({"name": "a", "number": 1}))});
        check(&both, &expect![[r#"spec.defaultBackend: Invalid value: "": cannot set both port name & port number"#]]);
    }

    #[test]
    fn hosts_are_names() {
        check(
            &json!({"rules": [{"host": "10.0.0.1", "http": {}}, {"host": "foo.*.a"}, {"host": "A:80"}],
                "ingressClassName": "", "tls": [{"hosts": ["*", "a_b"], "secretName": "S"}]}),
            &expect![[r#"
                spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address
                spec.rules[0].http.paths: Required value
                spec.rules[1].host: Invalid value: "foo.*.a": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.rules[2].host: Invalid value: "A:80": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.tls[0].hosts[0]: Invalid value: "*": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.tls[0].hosts[1]: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.tls[0].secretName: Invalid value: "S": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.ingressClassName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]],
        );
    }

    #[test]
    fn paths_are_absolute_and_clean() {
        let backend = service(&json!({"number": 80}));
        let path = |kind: Value, path: &str| json!({"pathType": kind, "path": path, "backend": backend});
        let paths = [
            json!({"backend": backend}),
            path("Exact".into(), ""),
            path("Prefix".into(), "/a//b/./c/../d%2f/.."),
            path("Exact".into(), "/%2F/."),
            path("ImplementationSpecific".into(), "a//"),
            path("Regex".into(), "a"),
        ];
        check(
            &json!({"rules": [{"http": {"paths": paths}}]}),
            &expect![[r#"
                spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified
                spec.rules[0].http.paths[1].path: Invalid value: "": must be an absolute path
                spec.rules[0].http.paths[2].path: Invalid value: "/a//b/./c/../d%2f/..": must not contain '//'
                spec.rules[0].http.paths[2].path: Invalid value: "/a//b/./c/../d%2f/..": must not contain '/./'
                spec.rules[0].http.paths[2].path: Invalid value: "/a//b/./c/../d%2f/..": must not contain '/../'
                spec.rules[0].http.paths[2].path: Invalid value: "/a//b/./c/../d%2f/..": must not contain '%2f'
                spec.rules[0].http.paths[2].path: Invalid value: "/a//b/./c/../d%2f/..": cannot end with '/..'
                spec.rules[0].http.paths[3].path: Invalid value: "/%2F/.": must not contain '%2F'
                spec.rules[0].http.paths[3].path: Invalid value: "/%2F/.": cannot end with '/.'
                spec.rules[0].http.paths[4].path: Invalid value: "a//": must be an absolute path
                spec.rules[0].http.paths[5].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix""#]],
        );
    }

    #[test]
    fn a_status_has_addresses_and_names() {
        let status = json!({"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "1.2.3.4"}]}});
        expect![[r#"
            status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address"#]]
        .assert_eq(&told(&super::status(&json!({"status": status}))));
    }
}
