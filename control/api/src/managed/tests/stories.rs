//! Server-side apply by several managers.

use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use super::{Story, pod};

fn check(story: &Story, content: &Value, owners: &Expect) {
    assert_eq!(story.content(), *content);
    owners.assert_eq(&story.owners());
}

fn data(data: Value) -> Value {
    Map::from_iter([("data".to_owned(), data)]).into()
}

/// What a real server answered (recorded pairs 088 to 091).
#[test]
fn fields_are_given_taken_by_force_and_taken_back() {
    let mut story = Story::of("v1", "ConfigMap");
    story.apply("m1", &data(json!({"a": "1", "b": "1"})));
    check(&story, &data(json!({"a": "1", "b": "1"})), &expect!["Apply m1@01: .data.a .data.b"]);
    let refused = story.refused("m2", &data(json!({"a": "2"})));
    assert_eq!(refused, "Apply failed with 1 conflict: conflict with \"m1\": .data.a");
    story.force("m2", &data(json!({"a": "2"})));
    let owners = expect![[r"
        Apply m1@01: .data.b
        Apply m2@03: .data.a"]];
    check(&story, &data(json!({"a": "2", "b": "1"})), &owners);
    story.apply("m1", &data(json!({"c": "1"})));
    let owners = expect![[r"
        Apply m2@03: .data.a
        Apply m1@04: .data.c"]];
    check(&story, &data(json!({"a": "2", "c": "1"})), &owners);
}

#[test]
fn many_conflicts_are_told_by_manager() {
    let mut story = Story::created("v1", "ConfigMap", "u", &data(json!({"u": "1"})));
    story.apply("m1", &data(json!({"a": "1", "b": "1"})));
    let mut status = story.try_apply("m3", &data(json!({"a": "2", "b": "2", "u": "2"})), false).unwrap_err();
    assert_eq!(
        status.message,
        "Apply failed with 3 conflicts: conflicts with \"m1\":\n- .data.a\n- .data.b\nconflicts with \"u\" using v1:\n- .data.u"
    );
    let causes = status.details.take().unwrap().causes;
    let last = causes.last().unwrap();
    assert_eq!(
        (causes.len(), last.reason.as_str(), last.message.as_str(), last.field.as_str()),
        (3, "FieldManagerConflict", "conflict with \"u\" using v1", ".data.u")
    );
    story.subresource = "status";
    story.reach = super::Reach::Whole;
    story.update("s", |mut object| {
        object["data"]["b"] = "3".into();
        object
    });
    let refused = story.refused("m1", &data(json!({"a": "1", "b": "1"})));
    assert_eq!(
        refused,
        "Apply failed with 1 conflict: conflict with \"s\" with subresource \"status\" using v1: .data.b"
    );
}

#[test]
fn equal_values_are_owned_together_and_stay_until_nobody_applies_them() {
    let mut story = Story::of("v1", "ConfigMap");
    story.apply("m1", &data(json!({"a": "1"}))).apply("m2", &data(json!({"a": "1"})));
    // As in Kubernetes, an apply that changes nothing has no time of its own.
    let owners = expect![[r"
        Apply m2@-: .data.a
        Apply m1@01: .data.a"]];
    check(&story, &data(json!({"a": "1"})), &owners);
    story.apply("m1", &json!({}));
    check(&story, &data(json!({"a": "1"})), &expect!["Apply m2@-: .data.a"]);
    story.apply("m2", &json!({}));
    check(&story, &json!({}), &expect![""]);
}

#[test]
fn what_an_updater_set_goes_with_its_item_and_stays_elsewhere() {
    let mut story = Story::of("v1", "Pod");
    story.apply("m1", &pod(&json!([{"name": "c", "image": "i"}, {"name": "d", "image": "i"}])));
    story.update("u", |mut object| {
        object["spec"]["containers"][1]["tty"] = true.into();
        object["metadata"]["labels"] = json!({"l": "1"});
        object["spec"]["containers"][0]["tty"] = true.into();
        object
    });
    story.apply("m1", &pod(&json!([{"name": "c", "image": "i"}])));
    let content = json!({"metadata": {"labels": {"l": "1"}},
        "spec": {"containers": [{"name": "c", "image": "i", "tty": true}]}});
    let owners = expect![[r#"
        Apply m1@03: .spec.containers[name="c"] .spec.containers[name="c"].image .spec.containers[name="c"].name
        Update u@02: .metadata.labels .metadata.labels.l .spec.containers[name="c"].tty"#]];
    check(&story, &content, &owners);
}

#[test]
fn an_atomic_list_or_map_is_one_value() {
    let spec = |selector: &Value, args: &Value| {
        json!({"spec": {"selector": {"matchLabels": selector},
            "template": {"spec": {"containers": [{"name": "c", "args": args}]}}}})
    };
    let mut story = Story::of("apps/v1", "Deployment");
    story.apply("m1", &spec(&json!({"a": "1"}), &json!(["x"])));
    let refused = story.refused("m2", &spec(&json!({"b": "1"}), &json!(["x", "y"])));
    let args = ".spec.template.spec.containers[name=\"c\"].args";
    assert_eq!(refused, format!("Apply failed with 2 conflicts: conflicts with \"m1\":\n- .spec.selector\n- {args}"));
    story.force("m2", &spec(&json!({"b": "1"}), &json!([])));
    assert_eq!(story.content(), spec(&json!({"b": "1"}), &json!([])));
    story.apply("m2", &json!({}));
    // m1 still owns the container, and nobody its arguments.
    assert_eq!(story.content(), json!({"spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}}));
}

#[test]
fn sets_are_merged_by_value() {
    let finalizers = |list: &Value| json!({"metadata": {"finalizers": list}});
    let mut story = Story::of("v1", "ConfigMap");
    story.apply("m1", &finalizers(&json!(["a.io/a", "b.io/b"]))).apply("m2", &finalizers(&json!(["b.io/b", "c.io/c"])));
    let owners = expect![[r#"
        Apply m1@01: .metadata.finalizers[="a.io/a"] .metadata.finalizers[="b.io/b"]
        Apply m2@02: .metadata.finalizers[="b.io/b"] .metadata.finalizers[="c.io/c"]"#]];
    check(&story, &finalizers(&json!(["a.io/a", "b.io/b", "c.io/c"])), &owners);
    story.apply("m1", &finalizers(&json!(["a.io/a"])));
    assert_eq!(story.content(), finalizers(&json!(["a.io/a", "b.io/b", "c.io/c"])));
    story.apply("m2", &json!({}));
    assert_eq!(story.content(), finalizers(&json!(["a.io/a"])));
}

#[test]
fn null_is_owned_and_changes_nothing() {
    let mut story = Story::created("v1", "ConfigMap", "u", &data(json!({"a": "1"})));
    story.apply("m1", &data(Value::Null));
    let owners = expect![[r"
        Apply m1@-: .data
        Update u@01: .data .data.a"]];
    check(&story, &data(json!({"a": "1"})), &owners);
}

#[test]
fn an_object_without_managers_gets_one_for_what_was_before() {
    let mut story = Story::of("v1", "ConfigMap");
    story.object = Some(story.named(&data(json!({"a": "1", "b": "1"}))));
    let refused = story.refused("m1", &data(json!({"a": "2"})));
    assert_eq!(refused, "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a");
    story.force("m1", &data(json!({"a": "2"})));
    let owners = expect![[r"
        Apply m1@02: .data.a
        Update before-first-apply@02: .data .data.b"]];
    check(&story, &data(json!({"a": "2", "b": "1"})), &owners);
}

#[test]
fn without_a_schema_objects_are_merged_and_lists_are_values() {
    let mut story = Story::of("x.io/v1", "Thing");
    story.apply("m1", &json!({"spec": {"list": [1, 2], "map": {"a": {"b": 1}}, "one": 1}}));
    story.apply("m2", &json!({"spec": {"map": {"a": {"c": 1}}}}));
    let owners = expect![[r"
        Apply m1@01: .spec .spec.list .spec.map .spec.one .spec.map.a .spec.map.a.b
        Apply m2@02: .spec .spec.map .spec.map.a .spec.map.a.c"]];
    let content = json!({"spec": {"list": [1, 2], "map": {"a": {"b": 1, "c": 1}}, "one": 1}});
    check(&story, &content, &owners);
    let refused = story.refused("m2", &json!({"spec": {"list": {"a": 1}}}));
    assert_eq!(refused, "Apply failed with 1 conflict: conflict with \"m1\": .spec.list");
    story.force("m2", &json!({"spec": {"list": {"a": 1}, "one": [1]}}));
    assert_eq!(story.content(), json!({"spec": {"list": {"a": 1}, "map": {"a": {"b": 1}}, "one": [1]}}));
    story.force("m2", &json!({"spec": {"list": "s"}}));
    assert_eq!(story.content()["spec"], json!({"list": "s", "map": {"a": {"b": 1}}}));
}

#[test]
fn kubectl_takes_over_what_it_applied_itself_before() {
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    let first =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1", "b": "1"}});
    let mut object = first.clone();
    object["metadata"]["annotations"] = json!({annotation: first.to_string()});
    let mut story = Story::created("v1", "ConfigMap", "kubectl-client-side-apply", &object);
    let refused = story.refused("other", &data(json!({"a": "2"})));
    assert_eq!(refused, "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.a");
    story.apply("kubectl", &data(json!({"a": "2"})));
    assert_eq!(story.content()["data"], json!({"a": "2", "b": "1"}));
    let kept = story.content()["metadata"]["annotations"][annotation].as_str().unwrap().to_owned();
    assert_eq!(
        kept,
        "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"2\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}}\n"
    );
    story.update("u", |mut object| {
        object["data"]["a"] = "3".into();
        object["data"]["c"] = "3".into();
        object
    });
    let refused = story.refused("kubectl", &data(json!({"a": "4", "c": "4"})));
    let all = "Apply failed with 2 conflicts: conflicts with \"u\" using v1:\n- .data.a\n- .data.c";
    assert_eq!(refused, all, "what others changed since is not kubectl's");
}
