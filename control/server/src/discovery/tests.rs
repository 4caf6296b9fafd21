//! Both forms against each other, and against what a real server says.

use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::json;

use super::*;

#[test]
fn groups_stand_in_the_order_of_their_priorities() {
    let names: Vec<&str> = groups().into_iter().map(|(group, _)| group).collect();
    let known: Vec<&str> = ORDER.iter().copied().filter(|group| names.contains(group)).collect();
    assert_eq!(names, known, "every group that is built in has its place");
    let (_, versions) = groups().into_iter().find(|(group, _)| *group == "events.k8s.io").unwrap();
    assert_eq!(versions, ["v1", "v1beta1"]);
}

#[test]
fn a_resource_tells_all_that_a_client_asks_about() {
    let core = resource_list("", "v1").unwrap();
    let entry = |name: &str| {
        let entries = core["resources"].as_array().unwrap();
        entries.iter().find(|entry| entry["name"] == name).unwrap().clone()
    };
    let recorded = json!({"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": VERBS,
        "shortNames": ["po"], "categories": ["all"], "storageVersionHash": "xPOwRZ+Yhw8="});
    assert_eq!(entry("pods"), recorded);
    assert_eq!(entry("namespaces")["verbs"], json!(VERBS_ONE_BY_ONE));
    let eviction = json!({"name": "pods/eviction", "singularName": "", "namespaced": true, "group": "policy",
        "version": "v1", "kind": "Eviction", "verbs": ["create"]});
    assert_eq!(entry("pods/eviction"), eviction);
    let events = resource_list("events.k8s.io", "v1").unwrap();
    assert_eq!(events["resources"][0]["storageVersionHash"], entry("events")["storageVersionHash"]);
}

#[test]
fn the_aggregated_form_is_given_to_those_who_name_it_first() {
    let check = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, text.parse().unwrap());
        wants_aggregated(&headers)
    };
    let form = |version: &str| format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    assert!(check(&format!("{},{},application/json", form("v2"), form("v2beta1"))));
    assert!(check(&format!("{},{}", form("v2beta1"), form("v2"))));
    assert!(!check(&format!("{},application/json", form("v2beta1"))));
    assert!(!check(&format!("application/json,{}", form("v2"))));
    assert!(!wants_aggregated(&HeaderMap::new()));
}
