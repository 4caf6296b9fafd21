//! Sets of paths: their form on the wire and their operations.

use serde_json::{Value, json};

use super::super::{Element, Set};

fn set(fields: &Value) -> Set {
    Set::decode(fields).unwrap()
}

#[test]
fn sets_keep_their_form() {
    for fields in [
        json!({}),
        json!({"f:data": {".": {}, "f:a": {}}}),
        json!({"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:ports": {
            "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}),
        json!({"f:metadata": {"f:finalizers": {".": {}, "v:\"x.io/f\"": {}, "v:3": {}}}, "f:a": {"i:0": {}}}),
        json!({"f:m": {"k:{\"a\":\"\\u003cb\\u003e \\\" \",\"b\":true}": {}}}),
    ] {
        assert_eq!(set(&fields).encode(), fields);
    }
}

#[test]
fn what_is_no_path_is_told_and_unknown_steps_are_skipped() {
    let told = |fields: &Value| Set::decode(fields).unwrap_err().to_string();
    assert_eq!(told(&json!({"f": {}})), "parsing key as path element: key must be 2 characters long: f");
    assert_eq!(told(&json!({"fa": {}})), "parsing key as path element: missing colon: fa");
    assert!(told(&json!({"k:{": {}})).starts_with("parsing key as path element: k:{:"));
    assert!(told(&json!({"f:a": 1})).contains("objects"));
    assert_eq!(set(&json!({"x:y": {"f:a": {}}, "f:b": {}})), set(&json!({"f:b": {}})));
}

#[test]
fn elements_are_ordered_by_kind_then_value() {
    let texts =
        ["f:a", "f:b", "k:{\"p\":80}", "k:{\"p\":443}", "k:{\"p\":443,\"q\":\"x\"}", "v:2", "v:10", "v:\"1\"", "i:3"];
    let elements: Vec<_> = texts.iter().map(|text| Element::parse(text).unwrap().unwrap()).collect();
    assert!(elements.is_sorted_by(|a, b| a < b), "{elements:?}");
    assert_eq!(elements.iter().map(Element::text).collect::<Vec<_>>(), texts);
    let same = |a: &str, b: &str| assert_eq!(Element::parse(a), Element::parse(b));
    same("v:1", "v:1.0");
    same("k:{\"b\":1,\"a\":2}", "k:{\"a\":2,\"b\":1}");
    let shown: String = ["f:a", "k:{\"n\":\"c\",\"p\":80}", "v:\"x\"", "i:0"]
        .iter()
        .map(|text| Element::parse(text).unwrap().unwrap().to_string())
        .collect();
    assert_eq!(shown, ".a[n=\"c\",p=80][=\"x\"][0]");
}

fn check(operation: fn(&Set, &Set) -> Set, expected: &Value) {
    let a = set(&json!({"f:x": {}, "f:y": {".": {}, "f:a": {}, "f:b": {}}, "f:z": {"f:a": {}}}));
    let b = set(&json!({"f:w": {}, "f:y": {".": {}, "f:b": {}, "f:c": {}}, "f:z": {}}));
    assert_eq!(operation(&a, &b).encode(), *expected);
}

#[test]
fn sets_are_joined_and_taken_apart() {
    check(
        Set::union,
        &json!({"f:w": {}, "f:x": {}, "f:y": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}}, "f:z": {".": {}, "f:a": {}}}),
    );
    check(Set::intersection, &json!({"f:y": {".": {}, "f:b": {}}}));
    check(Set::difference, &json!({"f:x": {}, "f:y": {"f:a": {}}, "f:z": {"f:a": {}}}));
    check(Set::without, &json!({"f:x": {}}));
    check(|a, _| a.only(&["y"]), &json!({"f:y": {".": {}, "f:a": {}, "f:b": {}}}));
    check(|a, _| a.only(&["z", "a"]), &json!({"f:z": {"f:a": {}}}));
    check(|a, _| a.only(&["x", "a"]), &json!({}));
    let path = |fields: &[&str]| fields.iter().map(|name| Element::field(name)).collect::<Vec<_>>();
    let one = set(&json!({"f:y": {"f:a": {}}}));
    assert!(
        one.has(&path(&["y", "a"])) && !one.has(&path(&["y"])) && !one.has(&path(&["y", "a", "b"])) && !one.has(&[])
    );
    assert_eq!(one, Set::of_fields(&["y", "a"]));
}
