//! Schemas as Kubernetes reads them.

use serde_json::json;

use super::*;
use crate::record::{Body, Record};
use crate::{header, kinds};

fn put(view: &mut View, plural: &str, name: &str, spec: &Value) {
    let kind = kinds::find(GROUP, "v1", plural).unwrap();
    let object = json!({"apiVersion": kind.api_version(), "kind": &*kind.kind,
        "metadata": {"name": name, "uid": name}, "spec": spec});
    let key = crate::meta::Key::new(&kind.resource(), "", name).unwrap();
    let revision = Revision(view.revision().0 + 1);
    let body = Body::encode(&object).unwrap();
    view.put(Arc::new(Record { key, revision, header: header::extract(kind, &object), body }));
}

/// A state of a level `l` and of schemas of it, each with one rule.
fn schemas(all: &[(&str, i64, Value)]) -> View {
    let mut view = View::new();
    put(&mut view, "prioritylevelconfigurations", "l", &json!({}));
    for (name, precedence, rule) in all {
        let level = json!({"name": rule["level"].as_str().unwrap_or("l")});
        let spec = json!({"matchingPrecedence": precedence, "priorityLevelConfiguration": level, "rules": [rule]});
        put(&mut view, "flowschemas", name, &spec);
    }
    view
}

fn objects(
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    namespace: &'static str,
) -> Goal<'static> {
    Goal::Objects { group, resource, subresource, namespace }
}

/// The schema of a request of a user in a group `g`.
fn of<'a>(view: &View, user: &str, verb: &'a str, goal: Goal<'a>) -> String {
    let requester = Requester::new(user, &["g"]);
    let class = Schemas::of(view).class(&Flow { requester: &requester, verb, goal }).cloned();
    class.map_or_else(String::new, |class| format!("{} {}", class.schema, class.level))
}

#[test]
fn the_first_in_order_of_precedence_and_name_is_taken() {
    let everything = json!({"subjects": [{"kind": "Group", "group": {"name": "g"}}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
    let mut lost = everything.clone();
    lost["level"] = "missing".into();
    let view = schemas(&[("b", 2, everything.clone()), ("a", 2, everything), ("c", 1, lost)]);
    assert_eq!(of(&view, "u", "get", Goal::Path("/x")), "a l");
    assert_eq!(of(&view, "u", "get", objects("", "pods", "", "n")), "", "no rule is about objects");
}

#[test]
fn subjects_are_users_groups_and_accounts() {
    let check = |subject: Value, user: &str, holds: bool| {
        let rule =
            json!({"subjects": [subject.clone()], "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        let class = of(&schemas(&[("s", 1, rule)]), user, "get", Goal::Path("/x"));
        assert_eq!(!class.is_empty(), holds, "{subject} {user}");
    };
    let account = |name: &str| json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "n", "name": name}});
    check(json!({"kind": "User", "user": {"name": "u"}}), "u", true);
    check(json!({"kind": "User", "user": {"name": "u"}}), "v", false);
    check(json!({"kind": "User", "user": {"name": "*"}}), "v", true);
    check(json!({"kind": "Group", "group": {"name": "h"}}), "u", false);
    check(json!({"kind": "Group", "group": {"name": "*"}}), "u", true);
    check(account("a"), "system:serviceaccount:n:a", true);
    check(account("b"), "system:serviceaccount:n:a", false);
    check(account("*"), "system:serviceaccount:n:a", true);
    check(account("*"), "system:serviceaccount:nn:a", false);
}

#[test]
fn rules_are_about_objects_or_pages() {
    let group = json!([{"kind": "Group", "group": {"name": "g"}}]);
    let rule = json!({"subjects": group,
        "resourceRules": [
            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "pods/status"], "namespaces": ["n"]},
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["nodes"], "clusterScope": true}],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/a/*"]}]});
    let view = schemas(&[("s", 1, rule)]);
    let check = |verb: &str, goal: Goal<'_>, holds: bool| {
        assert_eq!(!of(&view, "u", verb, goal).is_empty(), holds, "{verb} {goal:?}");
    };
    check("get", objects("", "pods", "", "n"), true);
    check("get", objects("", "pods", "status", "n"), true);
    check("get", objects("", "pods", "log", "n"), false);
    check("list", objects("", "pods", "", "n"), false);
    check("get", objects("apps", "pods", "", "n"), false);
    check("get", objects("", "pods", "", "m"), false);
    check("get", objects("", "pods", "", ""), false);
    check("patch", objects("", "nodes", "", ""), true);
    check("get", Goal::Path("/healthz"), true);
    check("get", Goal::Path("/healthz/ping"), true);
    check("get", Goal::Path("/healthzz"), false);
    check("get", Goal::Path("/a/b"), true);
    check("post", Goal::Path("/a/b"), false);
}

#[test]
fn every_change_changes_the_print() {
    let mut view = schemas(&[]);
    let empty = Print::of(&view);
    put(&mut view, "flowschemas", "s", &json!({}));
    let one = Print::of(&view);
    put(&mut view, "flowschemas", "s", &json!({"matchingPrecedence": 2}));
    let changed = Print::of(&view);
    let key = view.find(GROUP, "flowschemas", "", "s").unwrap().key.clone();
    view.remove(&key, Revision(9));
    assert!(empty != one && one != changed && Print::of(&view) != changed && Print::of(&view) == empty);
}
