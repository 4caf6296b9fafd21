//! Patches of each kind against what they should give.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::Schema;

fn check(how: PatchType, of: &str, original: &Value, patch: &Value, expected: &Value) {
    let of = Schema::of(of).unwrap();
    let patched = how.apply(original, patch.to_string().as_bytes(), Some(of)).unwrap();
    assert_eq!(patched, *expected, "{original} patched with {patch}");
}

fn refused(how: PatchType, original: &Value, patch: &Value, code: u16, words: &str) {
    let pod = Schema::of("io.k8s.api.core.v1.Pod");
    let status = how.apply(original, patch.to_string().as_bytes(), pod).unwrap_err();
    assert_eq!(status.code, code, "{patch}: {}", status.message);
    assert!(status.message.contains(words), "{patch}: {}", status.message);
}

fn json_patch(original: &Value, patch: &Value, expected: &Value) {
    check(PatchType::Json, "io.k8s.api.core.v1.Pod", original, patch, expected);
}

/// A strategic patch of a pod's spec.
fn pod(original: &Value, patch: &Value, expected: &Value) {
    check(PatchType::Strategic, "io.k8s.api.core.v1.PodSpec", original, patch, expected);
}

#[test]
fn the_content_type_names_the_patch() {
    assert_eq!(PatchType::parse("application/merge-patch+json; charset=utf-8"), Some(PatchType::Merge));
    assert_eq!(PatchType::parse("application/strategic-merge-patch+json"), Some(PatchType::Strategic));
    assert_eq!(PatchType::parse("application/json-patch+json"), Some(PatchType::Json));
    assert_eq!(PatchType::parse("application/apply-patch+yaml"), None);
    assert_eq!(PatchType::parse("application/json"), None);
}

#[test]
fn operations_take_effect_in_order() {
    let original = json!({"spec": {"replicas": 2, "list": [1, 3]}});
    let patch = json!([
        {"op": "test", "path": "/spec/replicas", "value": 2},
        {"op": "replace", "path": "/spec/replicas", "value": 3},
        {"op": "add", "path": "/spec/list/1", "value": 2},
        {"op": "add", "path": "/spec/list/-", "value": 4},
        {"op": "copy", "from": "/spec/list", "path": "/spec/again"},
        {"op": "move", "from": "/spec/again/0", "path": "/spec/first~1one"},
        {"op": "remove", "path": "/spec/again"},
    ]);
    json_patch(&original, &patch, &json!({"spec": {"replicas": 3, "list": [1, 2, 3, 4], "first/one": 1}}));
}

#[test]
fn a_test_for_null_holds_where_nothing_is() {
    let original = json!({"metadata": {"name": "a"}});
    let patch = json!([
        {"op": "test", "path": "/metadata/finalizers", "value": null},
        {"op": "add", "path": "/metadata/finalizers", "value": ["example.com/a"]},
    ]);
    let patched = json!({"metadata": {"name": "a", "finalizers": ["example.com/a"]}});
    json_patch(&original, &patch, &patched);
    let words = "the server rejected our request due to an error in our request";
    refused(PatchType::Json, &patched, &patch, 422, words);
    refused(PatchType::Json, &original, &json!([{"op": "test", "path": "/spec/a", "value": null}]), 422, words);
}

#[test]
fn operations_that_do_not_fit_are_refused_as_kubernetes_does() {
    let original = json!({"spec": {"replicas": 2}});
    let words = "the server rejected our request due to an error in our request";
    let json = |patch: &Value, code, words: &str| refused(PatchType::Json, &original, patch, code, words);
    json(&json!([{"op": "test", "path": "/spec/replicas", "value": 9}]), 422, words);
    json(&json!([{"op": "remove", "path": "/spec/nope/x"}]), 422, words);
    json(&json!([{"op": "add", "path": "/spec/replicas/0", "value": 1}]), 422, words);
    json(&json!({"spec": {}}), 400, "error decoding patch");
    json(&json!([{"op": "turn", "path": "/spec"}]), 422, words);
    json(&json!([{"op": "remove"}]), 422, words);
    json(&json!([1]), 400, "error decoding patch");
}

#[test]
fn a_short_patch_cannot_make_a_huge_object() {
    let json = |original: &Value, patch: Vec<Value>, words: &str| {
        refused(PatchType::Json, original, &Value::from(patch), 413, words);
    };
    let noop = json!({"op": "test", "path": "/a", "value": {}});
    json(&json!({"a": {}}), vec![noop; OPERATIONS_MAX + 1], "maximum operations in a JSON patch is 10000, got 10001");
    let double = json!({"op": "copy", "from": "/a", "path": "/a/-"});
    let mut wide = vec![double.clone(); 40];
    wide.iter_mut().enumerate().for_each(|(at, copy)| copy["path"] = format!("/b{at}").into());
    json(&json!({"a": "x".repeat(100_000)}), wide, "may copy 3145728 bytes");
    json(&json!({"a": []}), vec![double; 40], "may copy 3145728 bytes");
    let nested = json!({"op": "move", "from": "/b", "path": format!("/a{}/x", "/a".repeat(100))});
    let mut deep = json!({});
    (0..101).for_each(|_| deep = json!({"a": deep}));
    let mut other = json!(0);
    (0..50).for_each(|_| other = json!([other]));
    deep["b"] = other;
    json(&deep, vec![nested], "levels deep");
}

#[test]
fn a_merge_patch_must_be_an_object() {
    refused(PatchType::Merge, &json!({}), &json!([1]), 400, "must be a JSON object");
    refused(PatchType::Strategic, &json!({}), &json!("a"), 400, "must be a JSON object");
    let patched = PatchType::Strategic.apply(&json!({"l": [1], "m": {"a": 1}}), br#"{"l":[2],"m":{"b":2}}"#, None);
    assert_eq!(patched.unwrap(), json!({"l": [2], "m": {"a": 1, "b": 2}}));
}

#[test]
fn items_are_merged_by_their_key_and_new_ones_come_first() {
    let original = json!({"containers": [{"name": "c", "image": "nginx:1.0"}]});
    let added = json!({"containers": [{"name": "side", "image": "b:1"}, {"name": "c", "image": "nginx:1.0"}]});
    pod(&original, &json!({"containers": [{"name": "side", "image": "b:1"}]}), &added);
    pod(&added, &json!({"containers": [{"name": "side", "$patch": "delete"}]}), &original);
    let image = json!({"containers": [{"name": "c", "image": "nginx:2", "env": [{"name": "A", "value": null}]}]});
    pod(&original, &image, &json!({"containers": [{"name": "c", "image": "nginx:2", "env": [{"name": "A"}]}]}));
}

#[test]
fn merging_goes_down_through_templates() {
    let original =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}}}});
    let patch =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "2"}]}]}}}});
    let env = json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]);
    let expected = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "env": env}]}}}});
    check(PatchType::Strategic, "io.k8s.api.apps.v1.Deployment", &original, &patch, &expected);
}

#[test]
fn lists_without_merge_strategy_are_replaced() {
    let original =
        json!({"tolerations": [{"key": "a"}, {"key": "b"}], "containers": [{"name": "c", "args": ["1", "2"]}]});
    let patch = json!({"tolerations": [{"key": "c"}], "containers": [{"name": "c", "args": ["3"]}]});
    pod(&original, &patch, &json!({"tolerations": [{"key": "c"}], "containers": [{"name": "c", "args": ["3"]}]}));
}

#[test]
fn null_deletes_and_maps_merge_by_entry() {
    let original = json!({"hostname": "a", "nodeSelector": {"x": "1", "y": "2"}, "securityContext": {"runAsUser": 1}});
    let patch =
        json!({"hostname": null, "nodeSelector": {"x": null, "z": "3"}, "securityContext": null, "subdomain": null});
    pod(&original, &patch, &json!({"nodeSelector": {"y": "2", "z": "3"}}));
    pod(
        &json!({}),
        &json!({"affinity": {"podAffinity": null, "nodeAffinity": {}}}),
        &json!({"affinity": {"nodeAffinity": {}}}),
    );
}

#[test]
fn patch_directives_replace_delete_and_merge() {
    let original =
        json!({"securityContext": {"runAsUser": 1, "fsGroup": 2}, "volumes": [{"name": "a"}, {"name": "b"}]});
    let replace = json!({"securityContext": {"$patch": "replace", "runAsUser": 5}});
    pod(&original, &replace, &json!({"securityContext": {"runAsUser": 5}, "volumes": original["volumes"]}));
    let delete = json!({"securityContext": {"$patch": "delete"}});
    pod(&original, &delete, &json!({"securityContext": {}, "volumes": original["volumes"]}));
    let merge = json!({"securityContext": {"$patch": "merge", "runAsUser": 5}, "volumes": []});
    pod(&original, &merge, &json!({"securityContext": {"runAsUser": 5, "fsGroup": 2}, "volumes": original["volumes"]}));
    let whole = json!({"volumes": [{"$patch": "replace"}, {"name": "c", "emptyDir": {}}]});
    pod(
        &original,
        &whole,
        &json!({"securityContext": original["securityContext"], "volumes": [{"name": "c", "emptyDir": {}}]}),
    );
    pod(&original, &json!({"$patch": "replace", "hostname": "h"}), &json!({"hostname": "h"}));
}

#[test]
fn directives_never_end_up_in_an_object() {
    let patch = json!({
        "containers": [{"name": "c", "$setElementOrder/env": [{"name": "A"}], "env": [{"name": "A"}, {"name": "B", "$patch": "delete"}]}],
        "volumes": [{"$patch": "replace"}, {"$patch": "delete", "name": "x"}],
        "affinity": {"$retainKeys": ["nodeAffinity"], "nodeAffinity": {}},
        "securityContext": {"$patch": "delete"},
    });
    let expected =
        json!({"containers": [{"name": "c", "env": [{"name": "A"}]}], "volumes": [], "affinity": {"nodeAffinity": {}}});
    pod(&json!({}), &patch, &expected);
}

#[test]
fn retained_keys_are_all_that_stays() {
    let original = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    let expected = json!({"spec": {"strategy": {"type": "Recreate"}}});
    check(PatchType::Strategic, "io.k8s.api.apps.v1.Deployment", &original, &patch, &expected);
    let volumes = json!({"volumes": [{"name": "v", "emptyDir": {}}]});
    let patch = json!({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "m"}}]});
    pod(&volumes, &patch, &json!({"volumes": [{"name": "v", "configMap": {"name": "m"}}]}));
}

#[test]
fn scalars_are_added_once_and_deleted_by_directive() {
    let meta = |original: &Value, patch: &Value, expected: &Value| {
        check(PatchType::Strategic, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", original, patch, expected);
    };
    let original = json!({"finalizers": ["a", "b"]});
    meta(&original, &json!({"finalizers": ["b", "c"]}), &json!({"finalizers": ["a", "b", "c"]}));
    meta(&original, &json!({"$deleteFromPrimitiveList/finalizers": ["a", "x"]}), &json!({"finalizers": ["b"]}));
    let both = json!({
        "$deleteFromPrimitiveList/finalizers": ["a"],
        "$setElementOrder/finalizers": ["c", "b"],
        "finalizers": ["c"],
    });
    meta(&original, &both, &json!({"finalizers": ["c", "b"]}));
    meta(&json!({}), &json!({"$deleteFromPrimitiveList/finalizers": ["a"]}), &json!({}));
}

#[test]
fn a_directive_sets_the_order_and_items_of_others_keep_their_place() {
    let names =
        |names: &str| Value::from(names.chars().map(|name| json!({"name": name.to_string()})).collect::<Vec<_>>());
    let order = |server: &str, set: &str, added: &str, expected: &str| {
        let mut patch = json!({"$setElementOrder/volumes": names(set)});
        if !added.is_empty() {
            patch["volumes"] = names(added);
        }
        pod(&json!({"volumes": names(server)}), &patch, &json!({"volumes": names(expected)}));
    };
    order("abc", "cab", "", "cab");
    order("abc", "ca", "", "bca");
    order("axb", "ba", "", "xba");
    order("abx", "anb", "n", "anbx");
    order("sa", "na", "n", "nsa");
    pod(&json!({}), &json!({"$setElementOrder/volumes": names("ab")}), &json!({}));
}

#[test]
fn malformed_directives_are_refused() {
    let original =
        json!({"spec": {"containers": [{"name": "a"}], "tolerations": []}, "metadata": {"finalizers": ["a"]}});
    let strategic = |patch: &Value, code, words: &str| refused(PatchType::Strategic, &original, patch, code, words);
    strategic(&json!({"spec": {"$patch": "explode"}}), 400, "unknown $patch directive \"explode\"");
    strategic(&json!({"spec": {"$retainKeys": "a"}}), 400, "invalid patch format of retainKeys");
    strategic(&json!({"spec": {"$retainKeys": ["a"], "hostname": "b"}}), 422, "rejected");
    strategic(
        &json!({"spec": {"$setElementOrder/containers": 1}}),
        400,
        "invalid patch format of setElementOrder list",
    );
    strategic(
        &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": {}}}),
        400,
        "invalid patch format of primitive list",
    );
    strategic(&json!({"spec": {"containers": [{"image": "x"}]}}), 400, "does not contain declared merge key: name");
    strategic(
        &json!({"spec": {"containers": [{"$patch": "delete"}]}}),
        400,
        "does not contain declared merge key: name",
    );
    strategic(&json!({"spec": {"containers": [[]]}}), 422, "rejected");
    strategic(&json!({"spec": {"containers": ["a"]}}), 400, "list element types are not identical");
    let disagree = json!({"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "c"}]}});
    strategic(&disagree, 400, "doesn't match $setElementOrder list");
}

/// Trees whose names are those that the merge looks at, so that every path is met.
fn tree() -> impl Strategy<Value = Value> {
    let names = [
        "spec",
        "containers",
        "env",
        "name",
        "volumes",
        "finalizers",
        "metadata",
        "labels",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/finalizers",
        "$deleteFromPrimitiveList/finalizers",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        proptest::sample::select(vec!["a", "name", "merge", "replace", "delete"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        let name = proptest::sample::select(names.to_vec()).prop_map(String::from);
        prop_oneof![
            3 => proptest::collection::btree_map(name, inner.clone(), 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            2 => proptest::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

fn holds_directive(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| name.starts_with('$') || holds_directive(value)),
        Value::Array(items) => items.iter().any(holds_directive),
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_strategic_patch_of_any_object_ends_and_leaves_no_directive(original in tree(), patch in tree()) {
        let pod = Schema::of("io.k8s.api.core.v1.Pod");
        if let Ok(patched) = PatchType::Strategic.apply(&original, patch.to_string().as_bytes(), pod) {
            prop_assert!(holds_directive(&original) || !holds_directive(&patched), "{patched}");
        }
    }

    #[test]
    fn an_empty_strategic_patch_changes_nothing(original in tree()) {
        let pod = Schema::of("io.k8s.api.core.v1.Pod");
        if original.is_object() {
            prop_assert_eq!(PatchType::Strategic.apply(&original, b"{}", pod).unwrap(), original);
        }
    }
}
