//! Decisions about ServiceCIDRs, from plain objects.

use expect_test::{Expect, expect};

use super::*;
use crate::make::{NOW, at, key, lines, put, time, view};

fn range(name: &str, range: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
        "metadata": {"name": name, "finalizers": [FINALIZER]}, "spec": {"cidrs": [range]},
        "status": {"conditions": [condition(&OPEN, at(NOW - 500))]}})
}

fn going(mut object: Value) -> Value {
    object["metadata"]["deletionTimestamp"] = time(NOW - 10).into();
    object
}

fn address(text: &str) -> Value {
    let mut object = service_address::object(text.parse().unwrap(), "default", "s");
    object["apiVersion"] = "networking.k8s.io/v1".into();
    object["kind"] = "IPAddress".into();
    object
}

fn check(objects: Vec<Value>, expected: &Expect) {
    let decision = decide(&view(objects), &key(GROUP, PLURAL, "", "a"), at(NOW)).unwrap();
    expected.assert_eq(&lines(&decision).join("\n"));
}

#[test]
fn a_new_range_is_kept_and_ready() {
    let new = json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "a"},
        "spec": {"cidrs": ["10.0.0.0/24"]}, "status": {"conditions": [{"type": "Other", "status": "True"}]}});
    check(
        vec![new],
        &expect![[r#"
            patch servicecidrs a {"metadata":{"finalizers":["networking.k8s.io/service-cidr-finalizer"]}}
            patch servicecidrs/status a {"status":{"conditions":[{"status":"True","type":"Other"},{"lastTransitionTime":"2026-11-23T12:00:00Z","message":"Kubernetes Service CIDR is ready","reason":"","status":"True","type":"Ready"}]}}"#]],
    );
    check(vec![range("a", "10.0.0.0/24")], &expect![""]);
}

#[test]
fn a_range_stays_while_an_address_is_of_it_alone() {
    let mine = || going(range("a", "10.0.0.0/24"));
    let gone = &expect![[r#"patch servicecidrs a {"metadata":{"finalizers":[]}}"#]];
    check(
        vec![mine(), address("10.0.0.9")],
        &expect![[
            r#"patch servicecidrs/status a {"status":{"conditions":[{"lastTransitionTime":"2026-11-23T12:00:00Z","message":"There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR","reason":"Terminating","status":"False","type":"Ready"}]}}"#
        ]],
    );
    let mut told = mine();
    told["status"]["conditions"] = json!([condition(&HELD, at(NOW - 1))]);
    check(vec![told, address("10.0.0.9")], &expect![""]);
    check(vec![mine(), address("10.0.1.9")], gone);
    check(vec![mine(), address("10.0.0.9"), range("b", "10.0.0.0/28")], gone);
    // Somebody else's address does not hold it.
    let mut foreign = address("10.0.0.9");
    foreign["metadata"]["labels"] = json!({});
    check(vec![mine(), foreign], gone);
    // Another finalizer is somebody else's business.
    let mut both = mine();
    both["metadata"]["finalizers"] = json!(["a.b/c", FINALIZER]);
    check(vec![both], &expect![[r#"patch servicecidrs a {"metadata":{"finalizers":["a.b/c"]}}"#]]);
}

#[test]
fn of_two_that_go_the_wider_stays_longer() {
    let held = |a: &str, b: &str| {
        let objects = vec![going(range("a", a)), going(range("b", b)), address("10.0.0.9")];
        lines(&decide(&view(objects), &key(GROUP, PLURAL, "", "a"), at(NOW)).unwrap())[0].contains("Terminating")
    };
    assert!(held("10.0.0.0/16", "10.0.0.0/24") && held("10.0.0.0/24", "10.0.0.0/24"));
    assert!(!held("10.0.0.0/24", "10.0.0.0/16"));
}

#[test]
fn addresses_and_ranges_make_those_due_that_go() {
    let mut view = view(vec![going(range("a", "10.0.0.0/24")), range("b", "10.1.0.0/24")]);
    put(&mut view, address("10.1.0.1"), 9);
    let record = |key: &Key| view.get(key).cloned().unwrap();
    let names = |keys: Vec<Key>| keys.iter().map(|key| key.name().to_owned()).collect::<Vec<_>>();
    let event = |key: &Key| Event { revision: api::meta::Revision(9), before: None, after: Some(record(key)) };
    let new = event(&key(GROUP, service_address::PLURAL, "", "10.1.0.1"));
    assert_eq!(names(due(&view, &new)), ["a"]);
    assert_eq!(names(due(&view, &event(&key(GROUP, PLURAL, "", "b")))), ["b", "a"]);
    let changed = Event { before: new.after.clone(), ..new };
    assert!(due(&view, &changed).is_empty());
}
