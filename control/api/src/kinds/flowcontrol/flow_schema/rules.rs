//! Rules of a FlowSchema.

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::name;
use crate::validate::{FieldError, FieldProblem};

/// The schema that is asked before all others, and the one after them.
const EXEMPT: &str = "exempt";
const CATCH_ALL: &str = "catch-all";
/// Most that `matchingPrecedence` may be.
const PRECEDENCE_MAX: i64 = 10_000;
const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

/// Everything wrong with a FlowSchema.
pub(super) fn flow_schema(object: &Value) -> Errors {
    let root = Field::root(object);
    let (spec, own) = (root.at("spec"), root.at("metadata").at("name"));
    let mut errors = precedence(&spec.at("matchingPrecedence"), own.text());
    let method = spec.at("distinguisherMethod");
    let kind = method.at("type");
    if method.is_set() && !matches!(kind.text(), "ByNamespace" | "ByUser") {
        errors.push(kind.not_one_of(&["ByNamespace", "ByUser"]));
    }
    let level = spec.at("priorityLevelConfiguration").at("name");
    errors.extend(level.is_empty().then(|| level.required("must reference a priority level")));
    errors.extend(level.named(name::subdomain));
    errors.extend(spec.at("rules").items().flat_map(|one| rule(&one)));
    if fixed(own.text()).is_some_and(|fixed| *spec.value != fixed) {
        errors.push(spec.invalid(format!("spec of '{}' must equal the fixed value", own.text())));
    }
    errors
}

fn precedence(precedence: &Field<'_>, own: &str) -> Errors {
    let number = precedence.integer().unwrap_or_default();
    let checks = [
        (number <= 0, "must be a positive value".to_owned()),
        (number > PRECEDENCE_MAX, format!("must not be greater than {PRECEDENCE_MAX}")),
        (number == 1 && own != EXEMPT, "only the schema named 'exempt' may have matchingPrecedence 1".to_owned()),
    ];
    checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, why)| precedence.invalid_part(number, why)).collect()
}

/// What the schemas of that name that hold the server together must say.
fn fixed(own: &str) -> Option<Value> {
    let group = |name: &str| json!({"kind": "Group", "group": {"name": name}});
    let rule = |subjects: Value| {
        json!({"subjects": subjects, "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true,
                "namespaces": ["*"]}]})
    };
    match own {
        EXEMPT => Some(json!({"matchingPrecedence": 1, "priorityLevelConfiguration": {"name": EXEMPT},
            "rules": [rule(json!([group("system:masters")]))]})),
        CATCH_ALL => Some(json!({"matchingPrecedence": PRECEDENCE_MAX, "distinguisherMethod": {"type": "ByUser"},
            "priorityLevelConfiguration": {"name": CATCH_ALL},
            "rules": [rule(json!([group("system:unauthenticated"), group("system:authenticated")]))]})),
        _ => None,
    }
}

fn rule(rule: &Field<'_>) -> Errors {
    let [subjects, resources, others] = ["subjects", "resourceRules", "nonResourceRules"].map(|list| rule.at(list));
    let mut errors = Errors::new();
    errors.extend(subjects.is_empty().then(|| subjects.required("subjects must contain at least one value")));
    errors.extend(subjects.items().flat_map(|one| subject(&one)));
    if resources.is_empty() && others.is_empty() {
        errors.push(rule.required("at least one of resourceRules and nonResourceRules has to be non-empty"));
    }
    errors.extend(resources.items().flat_map(|one| of_resources(&one)));
    errors.extend(others.items().flat_map(|one| of_urls(&one)));
    errors
}

/// Kinds of subjects, each with the field that it needs and that the others may not have.
const SUBJECTS: [(&str, &str); 3] = [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];

fn subject(subject: &Field<'_>) -> Errors {
    let kind = subject.at("kind");
    let Some((_, part)) = SUBJECTS.iter().find(|(one, _)| *one == kind.text()) else {
        return vec![kind.not_one_of(&["Group", "ServiceAccount", "User"])];
    };
    let own = subject.at(part);
    let mut errors = Errors::new();
    if own.is_set() {
        errors.extend(named(&own, kind.text() == "ServiceAccount"));
    } else {
        errors.push(own.required(&format!("{part} is required when subject kind is '{}'", kind.text())));
    }
    for (other, part) in SUBJECTS.iter().filter(|(other, _)| *other != kind.text()) {
        let why = format!("{part} is forbidden when subject kind is not '{other}'");
        let field = subject.at(part);
        errors.extend(field.is_set().then(|| field.forbidden(why)));
    }
    errors
}

/// Everything wrong with whom a subject names; `*` is every account of a namespace.
fn named(whom: &Field<'_>, is_account: bool) -> Errors {
    let (own, namespace) = (whom.at("name"), whom.at("namespace"));
    let mut errors: Errors = own.must().into_iter().collect();
    if !is_account {
        return errors;
    }
    if own.text() != "*" {
        errors.extend(own.named(name::subdomain));
    }
    errors.extend(namespace.named(name::label));
    errors.extend(namespace.is_empty().then(|| namespace.required("must specify namespace for service account")));
    errors
}

/// An error when `*` stands beside others.
fn all_or_some(list: &Field<'_>, what: &str) -> Option<FieldError> {
    let wrong = has_all(list) && list.items().count() > 1;
    wrong.then(|| list.invalid(format!("if '*' is present, must not specify other {what}")))
}

fn has_all(list: &Field<'_>) -> bool {
    list.items().any(|one| one.text() == "*")
}

fn verbs(verbs: &Field<'_>) -> Option<FieldError> {
    if verbs.is_empty() {
        return Some(verbs.required("verbs must contain at least one value"));
    }
    let unknown = !has_all(verbs) && verbs.items().any(|verb| !VERBS.contains(&verb.text()));
    all_or_some(verbs, "verbs").or_else(|| {
        let allowed = VERBS.iter().map(|verb| (*verb).to_owned()).collect();
        let problem = FieldProblem::NotSupported(verbs.value.to_string(), allowed);
        unknown.then(|| FieldError { path: verbs.path().to_owned(), problem })
    })
}

fn of_resources(rule: &Field<'_>) -> Errors {
    let mut errors: Errors = verbs(&rule.at("verbs")).into_iter().collect();
    let lists = [("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")];
    for (name, one, others) in lists {
        let list = rule.at(name);
        let why = format!("resource rules must supply at least one {one}");
        errors.extend(list.is_empty().then(|| list.required(&why)));
        errors.extend(all_or_some(&list, others));
    }
    let namespaces = rule.at("namespaces");
    if namespaces.is_empty() && !rule.at("clusterScope").is_true() {
        let why = "resource rules that are not cluster scoped must supply at least one namespace";
        errors.push(namespaces.required(why));
    }
    errors.extend(all_or_some(&namespaces, "namespaces"));
    if !has_all(&namespaces) {
        let intro = "each member of this list must be '*' or a DNS-1123 label; ";
        let wrong =
            namespaces.items().flat_map(|one| name::label(one.text()).into_iter().map(move |why| (one.clone(), why)));
        errors.extend(wrong.map(|(one, why)| one.invalid(format!("{intro}{why}"))));
    }
    errors
}

fn of_urls(rule: &Field<'_>) -> Errors {
    let urls = rule.at("nonResourceURLs");
    let mut errors: Errors = verbs(&rule.at("verbs")).into_iter().collect();
    errors.extend(urls.is_empty().then(|| urls.required("nonResourceURLs must contain at least one value")));
    errors.extend(all_or_some(&urls, "non-resource URLs"));
    if !has_all(&urls) {
        errors.extend(urls.items().filter_map(|one| url(one.text()).map(|why| one.invalid(why))));
    }
    errors
}

/// Why a text is no path of a URL that may end with `/*`.
fn url(text: &str) -> Option<&'static str> {
    let wildcards = text.matches('*').count();
    match text {
        "" => Some("must not be empty"),
        "/" => None,
        _ if !text.starts_with('/') => Some("must start with slash"),
        _ if text.contains(' ') => Some("must not contain white-space"),
        _ if text.contains("//") => Some("must not contain double slash"),
        _ if wildcards > 1 || wildcards == 1 && !text.ends_with("/*") => Some("wildcard can only do suffix matching"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};

    fn check(name: &str, spec: &Value, expected: &Expect) {
        expected.assert_eq(&told(&flow_schema(&json!({"metadata": {"name": name}, "spec": spec}))));
    }

    fn with(rule: &Value) -> Value {
        json!({"matchingPrecedence": 2, "priorityLevelConfiguration": {"name": "p"}, "rules": [rule]})
    }

    #[test]
    fn sound_ones_pass_and_the_fixed_ones_are_sound() {
        let account = json!({"kind": "ServiceAccount", "serviceAccount": {"name": "*", "namespace": "n"}});
        let resources = json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["*"], "namespaces": ["a"]});
        let urls = json!({"verbs": ["*"], "nonResourceURLs": ["/", "/a/*", "/b"]});
        check(
            "a",
            &with(&json!({"subjects": [account], "resourceRules": [resources], "nonResourceRules": [urls]})),
            &expect![""],
        );
        for name in [EXEMPT, CATCH_ALL] {
            check(name, &fixed(name).unwrap(), &expect![""]);
        }
        let mut changed = fixed(CATCH_ALL).unwrap();
        changed["rules"] = json!([]);
        check(
            CATCH_ALL,
            &changed,
            &expect![[
                r#"spec: Invalid value: {"distinguisherMethod":{"type":"ByUser"},"matchingPrecedence":10000,"priorityLevelConfiguration":{"name":"catch-all"},"rules":[]}: spec of 'catch-all' must equal the fixed value"#
            ]],
        );
    }

    #[test]
    fn it_has_a_place_and_a_level() {
        check(
            "a",
            &json!({"distinguisherMethod": {"type": "ByShoe"}}),
            &expect![[r#"
            spec.matchingPrecedence: Invalid value: 0: must be a positive value
            spec.distinguisherMethod.type: Unsupported value: "ByShoe": supported values: "ByNamespace", "ByUser"
            spec.priorityLevelConfiguration.name: Required value: must reference a priority level"#]],
        );
        check(
            "a",
            &json!({"matchingPrecedence": 1, "priorityLevelConfiguration": {"name": "P"}}),
            &expect![[r#"
            spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1
            spec.priorityLevelConfiguration.name: Invalid value: "P": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#]],
        );
        check(
            "a",
            &json!({"matchingPrecedence": 10_001, "priorityLevelConfiguration": {"name": "p"}}),
            &expect!["spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"],
        );
    }

    #[test]
    fn subjects_are_of_one_kind() {
        let subjects = json!([{"kind": "Robot"}, {"kind": "User"}, {"kind": "Group", "group": {}, "user": {"name": "u"}},
            {"kind": "ServiceAccount", "serviceAccount": {"name": "A"}, "group": {"name": "g"}}]);
        check(
            "a",
            &with(&json!({"subjects": subjects})),
            &expect![[r#"
            spec.rules[0].subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"
            spec.rules[0].subjects[1].user: Required value: user is required when subject kind is 'User'
            spec.rules[0].subjects[2].group.name: Required value
            spec.rules[0].subjects[2].user: Forbidden: user is forbidden when subject kind is not 'User'
            spec.rules[0].subjects[3].serviceAccount.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.rules[0].subjects[3].serviceAccount.namespace: Required value: must specify namespace for service account
            spec.rules[0].subjects[3].group: Forbidden: group is forbidden when subject kind is not 'Group'
            spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty"#]],
        );
    }

    #[test]
    fn rules_are_about_something() {
        let resources = json!([{}, {"verbs": ["*", "get"], "apiGroups": ["*", "a"], "resources": ["*", "a"], "namespaces": ["*", "a"]},
            {"verbs": ["eat"], "apiGroups": [""], "resources": ["a"], "namespaces": ["A"]}]);
        let urls = json!([{}, {"verbs": ["get"], "nonResourceURLs": ["", "a", "/a b", "/a//b", "/*/a", "/a*"]},
            {"verbs": ["get"], "nonResourceURLs": ["*", "/a"]}]);
        check(
            "a",
            &with(&json!({"resourceRules": resources, "nonResourceRules": urls})),
            &expect![[r#"
            spec.rules[0].subjects: Required value: subjects must contain at least one value
            spec.rules[0].resourceRules[0].verbs: Required value: verbs must contain at least one value
            spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group
            spec.rules[0].resourceRules[0].resources: Required value: resource rules must supply at least one resource
            spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace
            spec.rules[0].resourceRules[1].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs
            spec.rules[0].resourceRules[1].apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other api groups
            spec.rules[0].resourceRules[1].resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources
            spec.rules[0].resourceRules[1].namespaces: Invalid value: ["*","a"]: if '*' is present, must not specify other namespaces
            spec.rules[0].resourceRules[2].verbs: Unsupported value: ["eat"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"
            spec.rules[0].resourceRules[2].namespaces[0]: Invalid value: "A": each member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.rules[0].nonResourceRules[0].verbs: Required value: verbs must contain at least one value
            spec.rules[0].nonResourceRules[0].nonResourceURLs: Required value: nonResourceURLs must contain at least one value
            spec.rules[0].nonResourceRules[1].nonResourceURLs[0]: Invalid value: "": must not be empty
            spec.rules[0].nonResourceRules[1].nonResourceURLs[1]: Invalid value: "a": must start with slash
            spec.rules[0].nonResourceRules[1].nonResourceURLs[2]: Invalid value: "/a b": must not contain white-space
            spec.rules[0].nonResourceRules[1].nonResourceURLs[3]: Invalid value: "/a//b": must not contain double slash
            spec.rules[0].nonResourceRules[1].nonResourceURLs[4]: Invalid value: "/*/a": wildcard can only do suffix matching
            spec.rules[0].nonResourceRules[1].nonResourceURLs[5]: Invalid value: "/a*": wildcard can only do suffix matching
            spec.rules[0].nonResourceRules[2].nonResourceURLs: Invalid value: ["*","/a"]: if '*' is present, must not specify other non-resource URLs"#]],
        );
    }
}
