//! IngressClass: which controller carries out an Ingress.

use serde_json::{Value, json};

use super::reference::reference;
use crate::field::{Errors, Field};
use crate::kind::{Column, Flags, Generation, Kind, Scope, Strategy};
use crate::kinds::{AGE, NAME, base, cells, column};
use crate::meta::Timestamp;
use crate::validate::FieldError;
use crate::{json, name};

const COLUMNS: &[Column] = &[
    NAME,
    column("Controller", "string", "Name of the controller."),
    column("Parameters", "string", "What it reads further settings from."),
    AGE,
];

pub(in crate::kinds) fn kind() -> Kind {
    Kind {
        scope: Scope::Cluster,
        columns: COLUMNS,
        flags: Flags { generation: Generation::Always, ..Flags::default() },
        schema: "io.k8s.api.networking.v1.IngressClass",
        ..base("networking.k8s.io", "IngressClass", "ingressclasses", &IngressClass)
    }
}

#[derive(Debug)]
struct IngressClass;

impl Strategy for IngressClass {
    fn default(&self, object: &mut Value) {
        json::fill(object, "spec", json!({}));
        if let Some(parameters) = object.pointer_mut("/spec/parameters") {
            json::fill(parameters, "scope", "Cluster");
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = Field::root(object).at("spec");
        let parameters = spec.at("parameters");
        let mut errors = controller(&spec.at("controller"));
        if parameters.is_set() {
            errors.extend(self::parameters(&parameters));
        }
        errors
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        let controller = Field::root(object).at("spec").at("controller");
        controller.unchanged(&old["spec"]["controller"]).into_iter().collect()
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let controller = json::text(object, "/spec/controller");
        let parameters = object.pointer("/spec/parameters").map_or_else(|| cells::NONE.to_owned(), named);
        vec![cells::name(object), controller.into(), parameters.into(), cells::age(object, now)]
    }
}

/// `Kind.group/name`.
fn named(parameters: &Value) -> String {
    let part = |name: &str| parameters[name].as_str().unwrap_or_default();
    let group = parameters["apiGroup"].as_str().map(|group| format!(".{group}")).unwrap_or_default();
    format!("{}{group}/{}", part("kind"), part("name"))
}

/// Longest name of a controller, in bytes.
const CONTROLLER_MAX: usize = 250;
/// Characters of a path in a URL (RFC 3986), as Kubernetes shows them.
const PATH: &str = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+";

/// Everything wrong with a name such as `acme.io/foo`.
fn controller(controller: &Field<'_>) -> Errors {
    if controller.is_empty() {
        return vec![controller.required("")];
    }
    let mut errors = Errors::new();
    errors.extend((controller.text().len() > CONTROLLER_MAX).then(|| controller.too_long(CONTROLLER_MAX)));
    let parts = controller.text().split_once('/').filter(|(host, path)| !host.is_empty() && !path.is_empty());
    let Some((host, path)) = parts else {
        errors.push(controller.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")"));
        return errors;
    };
    errors.extend(name::subdomain(host).into_iter().map(|why| controller.invalid_part(host, why)));
    if !path.chars().all(|c| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c)) {
        let why = format!("Invalid path (regex used for validation is '{PATH}')");
        errors.push(controller.invalid_part(path, why));
    }
    errors
}

fn parameters(parameters: &Field<'_>) -> Errors {
    let (scope, namespace) = (parameters.at("scope"), parameters.at("namespace"));
    let mut errors = reference(parameters);
    match scope.text() {
        "Namespace" if !namespace.is_set() => {
            errors.push(namespace.required("`parameters.scope` is set to 'Namespace'"));
        }
        "Namespace" => errors.extend(name::label(namespace.text()).into_iter().map(|why| namespace.invalid(why))),
        "Cluster" => {
            let why = "`parameters.scope` is set to 'Cluster'";
            errors.extend(namespace.is_set().then(|| namespace.forbidden(why)));
        }
        _ => errors.extend(scope.must_be_one_of(&["Cluster", "Namespace"])),
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::{defaulted, told};
    use expect_test::{Expect, expect};

    fn check(spec: &Value, expected: &Expect) {
        expected.assert_eq(&told(&IngressClass.validate(&defaulted(&IngressClass, json!({"spec": spec})))));
    }

    #[test]
    fn a_controller_is_a_path_below_a_domain() {
        check(&json!({"controller": "k8s.io/ingress-nginx"}), &expect![""]);
        check(&json!({}), &expect!["spec.controller: Required value"]);
        check(
            &json!({"controller": "nginx"}),
            &expect![[
                r#"spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")"#
            ]],
        );
        check(
            &json!({"controller": "A/b c"}),
            &expect![[r#"
                spec.controller: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.controller: Invalid value: "b c": Invalid path (regex used for validation is '[A-Za-z0-9/\-._~%!$&'()*+,;=:]+')"#]],
        );
        check(
            &json!({"controller": format!("a/{}", "b".repeat(250))}),
            &expect!["spec.controller: Too long: may not be more than 250 bytes"],
        );
    }

    #[test]
    fn parameters_are_of_the_cluster_or_of_a_namespace() {
        let check = |parameters: Value, expected: &Expect| {
            check(&json!({"controller": "a/b", "parameters": parameters}), expected);
        };
        check(json!({"kind": "K", "name": "n"}), &expect![""]);
        check(json!({"kind": "K", "name": "n", "scope": "Namespace", "namespace": "x"}), &expect![""]);
        check(
            json!({"scope": "Namespace"}),
            &expect![[r#"
                spec.parameters.kind: Required value
                spec.parameters.name: Required value
                spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"#]],
        );
        check(
            json!({"kind": "K", "name": "n", "namespace": "x"}),
            &expect!["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
        );
        check(
            json!({"kind": "K", "name": "n", "scope": "World"}),
            &expect![[
                r#"spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace""#
            ]],
        );
    }

    #[test]
    fn its_controller_stays() {
        let class = |controller: &str| json!({"spec": {"controller": controller}});
        expect![[r#"spec.controller: Invalid value: "a/c": field is immutable"#]]
            .assert_eq(&told(&IngressClass.validate_update(&class("a/c"), &class("a/b"))));
    }

    #[test]
    fn rows_name_the_parameters() {
        let row = |spec: Value| {
            let object = json!({"metadata": {"name": "c"}, "spec": spec});
            Value::from(IngressClass.cells(&object, Timestamp::UNIX_EPOCH))
        };
        assert_eq!(row(json!({"controller": "a/b"})), json!(["c", "a/b", "<none>", "<unknown>"]));
        let parameters = json!({"apiGroup": "k.io", "kind": "Foo", "name": "f"});
        assert_eq!(row(json!({"controller": "a/b", "parameters": parameters}))[2], "Foo.k.io/f");
    }
}
