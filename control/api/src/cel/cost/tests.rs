//! What expressions cost. The figures are those of cel-go.

use super::*;
use crate::cel::{Outcome, Scope, check, typed};
use crate::field::Field;
use serde_json::json;

const TEXT: Shape = Shape::Value(64);
const NAMES: Shape = Shape::Map { most: 32, keys: &TEXT, values: &TEXT, named: true };
const GROUPS: Shape = Shape::Map { most: 32, keys: &TEXT, values: &NAMES, named: false };
const DEVICE: Shape = Shape::Object(&[("driver", &TEXT), ("attributes", &GROUPS)]);
const SHAPES: &[(&str, &Shape)] = &[("device", &DEVICE)];

fn within(most: u64) -> Scope<'static> {
    let known = [("device", "kubernetes.DRADevice"), ("other", "list(string)")];
    Scope::new(&known, Outcome::Any).within(Limit { most, shapes: SHAPES })
}

/// The cost of an expression, found by where it becomes too much.
fn cost(text: &str) -> u64 {
    let too_much = |most: u64| typed(text, &within(most)).unwrap_or_else(|why| panic!("{text}: {why}")).too_costly;
    let (mut low, mut high) = (0, u64::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        if too_much(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[test]
fn looks_and_steps_cost_one_each() {
    let check = |text: &str, units: u64| assert_eq!(cost(text), units, "{text}");
    check("true", 0);
    check("1 + 2", 1);
    check("device.driver", 2);
    // Three looks, an index, and as many characters as the shorter text has.
    check("device.driver == 'gpu.example.com'", 2 + 2);
    check("device.attributes['a'].b == 'x'", 3 + 1 + 1);
    check("device.attributes['a'].b.startsWith('abc')", 4 + 1);
    check("has(device.attributes)", 2);
    check("'a' in device.attributes", 2 + 1);
    check("[1, 2].size() == 2", 10 + 1 + 1);
    check("{'a': 1}", 30);
    check("true || device.driver == 'a'", 2 + 1);
    check("device.driver == 'a' ? 1 + 1 : 0", 3 + 1);
    check("dyn(device.driver)", 3);
}

#[test]
fn walks_cost_as_often_as_there_are_entries() {
    let check = |text: &str, units: u64| assert_eq!(cost(text), units, "{text}");
    // The map, each time a look whether to go on, a look at what was found, and the condition; the result.
    check("device.attributes.all(key, key == 'a')", 2 + 32 * (2 + 1 + 2) + 1);
    check("device.attributes.exists(key, true)", 2 + 32 * (3 + 1) + 1);
    check("device.attributes.all(key, name, true)", 2 + 32 * (2 + 1) + 1);
    // What was made of something is as large as it.
    check("device.attributes.map(key, key).size()", 2 + 10 + 32 * (1 + 1 + 10 + 1) + 1 + 1);
    check("cel.bind(own, device.attributes['a'], own.b == 'x')", 3 + 10 + 2 + 1);
}

#[test]
fn sizes_follow_texts() {
    let check = |text: &str, units: u64| assert_eq!(cost(text), units, "{text}");
    check("device.driver.matches('a{3}')", 2 + 7);
    check("device.driver.contains('abc')", 2 + 7);
    check("device.driver.lowerAscii() == device.driver", 2 + 7 + 2 + 7);
    // Nothing replaced by two characters, before and behind each: 65 times two and the 64 there were.
    check("device.driver.replace('', 'ab').trim()", 2 + 13 + 20);
    check("device.driver.split('').map(one, 1).size()", 2 + 13 + 10 + 64 * (1 + 1 + 10) + 1 + 1);
    check("sets.contains([1, 2], [1])", 20 + 2 + 1);
    check("('a' + device.driver) == 'b'", 2 + 7 + 1);
    check("[device.driver].join(',')", 2 + 10 + u64::MAX.div_ceil(10));
}

#[test]
fn what_has_no_known_size_costs_too_much() {
    assert!(cost("other.all(one, one == 'a')") > u64::MAX / 2);
    assert!(cost("other.exists(one, one == 'a')") > u64::MAX / 2);
    let nested =
        "device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, true))))";
    assert!(cost(nested) > 1_000_000);
}

#[test]
fn too_much_is_forbidden() {
    let told = |text: &str| {
        let object = json!({"expression": text});
        check(&Field::root(&object).at("expression"), &within(98)).map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(told("device.driver == 'a'"), "");
    assert_eq!(told("device.attributes.all(a, true)"), "expression: Forbidden: too complex, exceeds cost limit");
    assert!(told("device.attributes.all(a, nothing)").starts_with("expression: Invalid value"));
}
