//! The ledger of what pods were promised, asked with plain pods.

use serde_json::json;

use super::*;

const NODE: Room = Room { cpu_milli: 1000, memory: 1000, storage: 1000, pods: 3 };

fn pod(cpu: &str, priority: i32) -> Pod {
    let container = json!({ "name": "c", "resources": { "requests": { "cpu": cpu, "memory": "100" } } });
    let pod =
        json!({ "spec": { "priority": priority, "containers": [container] }, "status": { "qosClass": "Burstable" } });
    serde_json::from_value(pod).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A node on which pods ask one after another: uid, cpu, priority.
fn book(asked: &[(&str, &str, i32)]) -> Book {
    let mut book = Book::new(NODE);
    for (second, (uid, cpu, priority)) in (0..).zip(asked) {
        book.ask(uid, &pod(cpu, *priority), at(second));
    }
    book
}

fn cpu(book: &Book, uid: &str) -> u64 {
    book.entry(uid).unwrap().need.cpu_milli
}

fn pending(book: &Book, uid: &str) -> Option<String> {
    let pending = book.settled(uid).pending?;
    let (reason, message) = pending.words();
    Some(format!("{reason}: {message}"))
}

#[test]
fn a_resize_is_promised_deferred_or_infeasible() {
    let check = |cpu: &str, expected: Option<&str>| {
        let book = book(&[("other", "400m", 0), ("one", "100m", 0), ("one", cpu, 0)]);
        assert_eq!(pending(&book, "one").as_deref(), expected, "{cpu}");
    };
    check("600m", None);
    check("50m", None);
    check("700m", Some("Deferred: Node didn't have enough resource: cpu, requested: 700, used: 400, capacity: 1000"));
    check("2", Some("Infeasible: Node didn't have enough capacity: cpu, requested: 2000, capacity: 1000"));
}

#[test]
fn room_goes_to_whoever_is_first_in_turn() {
    let asked = [
        ("full", "400m", 0),
        ("low", "100m", 0),
        ("high", "100m", 10),
        ("full", "800m", 0),
        ("low", "500m", 0),
        ("high", "500m", 10),
    ];
    let mut book = book(&asked);
    assert!(pending(&book, "low").is_some() && pending(&book, "high").is_some());
    let changed = book.ask("full", &pod("100m", 0), at(9));
    assert_eq!(changed, ["full", "high", "low"], "the one with the higher priority is asked first");
    assert_eq!((cpu(&book, "high"), cpu(&book, "low")), (500, 100));
    let message = "Deferred: Node didn't have enough resource: cpu, requested: 500, used: 600, capacity: 1000";
    assert_eq!(pending(&book, "low").as_deref(), Some(message));
    assert_eq!(book.release("high"), ["low"]);
    assert_eq!((cpu(&book, "low"), pending(&book, "low")), (500, None));
}

#[test]
fn a_wish_that_is_taken_back_is_forgotten() {
    let book = book(&[("one", "100m", 0), ("one", "2", 0), ("one", "100m", 0)]);
    assert_eq!((pending(&book, "one"), cpu(&book, "one")), (None, 100));
}

#[test]
fn what_a_container_still_has_is_known_until_it_has_the_new_share() {
    let mut book = book(&[("one", "100m", 0), ("one", "200m", 0), ("one", "300m", 0)]);
    let record = book.entry("one").unwrap().record();
    let share = |cpu: &str| shares(&pod(cpu, 0)).remove("c").unwrap();
    assert_eq!((&record.allocated["c"], &record.lagging["c"]), (&share("300m"), &share("100m")));
    assert!(!book.applied("one", "c", &share("200m")), "that is not what was promised");
    assert!(book.applied("one", "c", &share("300m")));
    assert!(book.entry("one").unwrap().record().lagging.is_empty());

    let mut after = Book::new(NODE);
    after.recall("one", &pod("900m", 0), &record);
    assert_eq!(cpu(&after, "one"), 300, "what was promised counts, not what is asked for");
}

#[test]
fn a_pod_that_does_not_fit_is_told_what_the_node_lacks() {
    let lack = |book: &Book, cpu: &str| book.lack("new", &pod(cpu, 0)).map(|lack| format!("{}: {lack}", lack.reason));
    let mut book = book(&[("a", "600m", 0)]);
    assert_eq!(lack(&book, "400m"), None);
    let why = "OutOfcpu: Node didn't have enough resource: cpu, requested: 500, used: 600, capacity: 1000";
    assert_eq!(lack(&book, "500m").as_deref(), Some(why));
    book.ended("a");
    assert_eq!(lack(&book, "1"), None, "what ended holds nothing");

    book.ask("a", &pod("600m", 0), at(9));
    assert_eq!(lack(&book, "1"), None, "nor does it when it is looked at again");
    for uid in ["b", "c", "d"] {
        book.ask(uid, &pod("0", 0), at(10));
    }
    let why = "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3";
    assert_eq!(lack(&book, "0").as_deref(), Some(why));
}
