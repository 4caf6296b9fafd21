//! Lists: how they are merged, told apart and refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Story, pod};

/// Applies a list over one that somebody else wrote, both written as letters, and tells the outcome.
fn merged(live: &str, applied: &str) -> String {
    let items = |letters: &str| letters.chars().map(|name| json!({"name": name.to_string()})).collect::<Vec<Value>>();
    let mut story = Story::created("v1", "Pod", "u", &pod(&items(live).into()));
    story.apply("a", &pod(&items(applied).into()));
    let names =
        story.content()["spec"]["containers"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    let names: Vec<String> = serde_json::from_value(names).unwrap();
    names.concat()
}

#[test]
fn an_applied_list_keeps_its_order_and_leaves_others_in_their_place() {
    for (live, applied, expected) in [
        ("abc", "abc", "abc"),
        ("abc", "", "abc"),
        ("", "ab", "ab"),
        ("abc", "d", "abcd"),
        ("abc", "cba", "cba"),
        ("abc", "b", "abc"),
        ("abcd", "db", "acdb"),
        ("abc", "cd", "abcd"),
        ("abcde", "be", "abcde"),
        ("bd", "abcde", "abcde"),
        ("xay", "ab", "xayb"),
        ("axbyc", "cb", "axycb"),
    ] {
        assert_eq!(merged(live, applied), expected, "{applied} over {live}");
    }
}

/// Some of the letters, in any order.
fn letters() -> impl Strategy<Value = String> {
    proptest::sample::subsequence("abcdefg".chars().collect::<Vec<_>>(), 0..=7)
        .prop_shuffle()
        .prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #[test]
    fn a_merged_list_has_every_item_once_and_both_orders(live in letters(), applied in letters()) {
        let merged = merged(&live, &applied);
        let only = |wanted: &dyn Fn(char) -> bool| merged.chars().filter(|name| wanted(*name)).collect::<String>();
        prop_assert_eq!(only(&|name| applied.contains(name)), applied.clone());
        let rest: String = live.chars().filter(|name| !applied.contains(*name)).collect();
        prop_assert_eq!(only(&|name| !applied.contains(name)), rest);
    }

    #[test]
    fn the_same_again_changes_nothing_and_nothing_takes_all_back(live in letters(), applied in letters()) {
        let items = |letters: &str| letters.chars().map(|name| json!({"name": name.to_string()})).collect::<Vec<Value>>();
        let mut story = Story::created("v1", "Pod", "u", &pod(&items(&live).into()));
        let created = story.content();
        story.apply("a", &pod(&items(&applied).into()));
        let before = (story.content(), story.owners());
        story.apply("a", &pod(&items(&applied).into()));
        prop_assert_eq!((story.content(), story.owners()), before);
        story.apply("a", &json!({}));
        let names = |object: &Value| {
            let list = object["spec"]["containers"].as_array().cloned().unwrap_or_default();
            list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
        };
        prop_assert_eq!(names(&story.content()), names(&created));
    }
}

/// A body of 3 MiB holds more; were anything here quadratic, this would not end.
#[test]
fn long_lists_cost_little_more_than_their_length() {
    const ITEMS: u32 = 20_000;
    let finalizers = |numbers: &mut dyn Iterator<Item = u32>| json!({"metadata": {"finalizers": numbers.map(|number| format!("x.io/{number}")).collect::<Vec<_>>()}});
    let mut story = Story::created("v1", "ConfigMap", "u", &finalizers(&mut (0..ITEMS)));
    story.apply("a", &finalizers(&mut (ITEMS / 2..2 * ITEMS).rev())).apply("a", &finalizers(&mut (0..ITEMS).rev()));
    assert_eq!(story.content()["metadata"]["finalizers"].as_array().unwrap().len(), ITEMS as usize);
}

#[test]
fn ports_are_told_apart_by_number_and_protocol_which_is_tcp() {
    let ports = |ports: Value| pod(&json!([{"name": "c", "ports": ports}]));
    let mut story = Story::of("v1", "Pod");
    story.apply("a", &ports(json!([{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}])));
    story.apply("b", &ports(json!([{"containerPort": 80, "protocol": "TCP", "name": "http"}])));
    let ports =
        json!([{"containerPort": 80, "protocol": "TCP", "name": "http"}, {"containerPort": 80, "protocol": "UDP"}]);
    assert_eq!(story.content()["spec"]["containers"][0]["ports"], ports);
    let owners = story.owners();
    let port = r#".spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]"#;
    assert!(owners.contains(&format!("{port}.name {port}.protocol")), "{owners}");
    assert_eq!(owners.matches(&format!("{port}.containerPort")).count(), 2, "both own it: {owners}");
}

#[test]
fn what_does_not_fit_the_schema_is_refused_with_its_path() {
    let refused = |config: &Value| {
        let message = Story::of("v1", "Pod").refused("a", config);
        message.replace("failed to create typed patch object (/x; /v1, Kind=Pod): ", "")
    };
    let two = pod(&json!([{"name": "c"}, {"name": "c"}]));
    assert_eq!(refused(&two), r#".spec.containers: duplicate entries for key [name="c"]"#);
    let finalizers = json!({"metadata": {"finalizers": ["a", "a"]}});
    assert_eq!(refused(&finalizers), r#".metadata.finalizers: duplicate entries for key [="a"]"#);
    assert_eq!(refused(&json!({"spec": {"foo": 1}})), ".spec.foo: field not declared in schema");
    assert_eq!(
        refused(&pod(&json!([{"name": "c", "env": [{"name": "x", "value": 1}], "tty": "yes"}]))),
        "errors:\n  .spec.containers[name=\"c\"].env[name=\"x\"].value: expected string, got \
         &value.valueUnstructured{Value:1}\n  .spec.containers[name=\"c\"].tty: expected boolean, got &{yes}"
    );
    assert_eq!(refused(&json!({"spec": [1]})), ".spec: expected map, got &{[1]}");
    assert_eq!(refused(&pod(&json!({"a": 1}))), ".spec.containers: expected list, got &{map[a:1]}");
    assert_eq!(
        refused(&pod(&json!([null]))),
        ".spec.containers: element 0: associative list with keys may not have a null element"
    );
    let seconds = json!({"spec": {"activeDeadlineSeconds": "1"}});
    assert_eq!(refused(&seconds), ".spec.activeDeadlineSeconds: expected numeric (int or float), got string");
    let secrets = json!({"secrets": [{"kind": "x"}]});
    assert!(Story::of("v1", "ServiceAccount").refused("a", &secrets).contains("omits all key fields [\"name\"]"));
}

#[test]
fn a_configuration_is_of_the_kind_and_names_no_managers() {
    let mut story = Story::of("v1", "ConfigMap");
    let managed = json!({"metadata": {"managedFields": []}});
    assert_eq!(story.refused("a", &managed), "metadata.managedFields must be nil");
    let write = story.write("a");
    for (config, expected) in [
        (json!({"apiVersion": "v2", "kind": "ConfigMap"}), "invalid object type: /v2, Kind=ConfigMap"),
        (json!({"apiVersion": "apps/v1", "kind": "Deployment"}), "invalid object type: apps/v1, Kind=Deployment"),
        (json!({}), "invalid object type: /, Kind="),
    ] {
        let status = super::apply(&write, None, &config, false).unwrap_err();
        assert_eq!((status.code, status.message.as_str()), (400, expected));
    }
}

/// Such a port is refused where the object is checked; until then it is a port like any other.
#[test]
fn an_item_known_by_what_its_keys_default_to_stays_when_it_loses_its_fields() {
    let ports = json!([{"name": "c", "ports": [{"protocol": "TCP"}]}]);
    let mut story = Story::created("v1", "Pod", "u", &pod(&ports));
    let config = pod(&json!([{"name": "c", "ports": [{}]}]));
    story.apply("a", &config);
    let before = (story.content(), story.owners());
    story.apply("a", &config);
    assert_eq!((story.content(), story.owners()), before);
    assert_eq!(before.0["spec"]["containers"], ports);
}
