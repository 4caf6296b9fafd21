//! Addresses of a pod and of its node: one of each family at most.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::field::{Errors, Field};
use crate::{json as read, network};

/// Keeps `podIP` and `podIPs` alike. Who writes the one address only, or another one, knows nothing of the list.
pub(super) fn mirror(status: &mut Value) {
    let (one, first) = (read::text(status, "/podIP").to_owned(), read::text(status, "/podIPs/0/ip").to_owned());
    if !one.is_empty() && one != first {
        read::set(status, "podIPs", json!([{"ip": one}]));
    } else if one.is_empty() && !first.is_empty() {
        read::set(status, "podIP", first);
    }
}

/// Everything wrong with the addresses in a status.
pub(super) fn rules(status: &Field<'_>) -> Errors {
    let (pod, host) = (status.at("podIPs"), status.at("hostIPs"));
    let mut errors = list(&pod);
    if !host.is_empty() {
        let first = host.nth(0).at("ip");
        let differs = first.text() != status.at("hostIP").text();
        errors.extend(differs.then(|| first.invalid_part(first.text(), "must be equal to `hostIP`")));
        errors.extend(list(&host));
    }
    errors
}

fn list(list: &Field<'_>) -> Errors {
    let texts: Vec<&str> = list.items().map(|one| one.at("ip").text()).collect();
    let shown: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    let told = list.items().zip(&shown).filter_map(|(one, text)| network::address(&one.with(text)));
    let mut errors: Errors = told.collect();
    if texts.len() > 1 {
        let found: Vec<_> = texts.iter().map(|text| text.parse().ok()).collect();
        let dual = network::is_dual(&found);
        errors.extend((!dual).then(|| list.invalid("may specify no more than one IP for each IP family")));
        let mut seen = BTreeSet::new();
        errors.extend(list.items().filter(|one| !seen.insert(one.at("ip").text())).map(|one| one.duplicate()));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};

    fn check(status: &Value, expected: &Expect) {
        let object = json!({"status": status});
        expected.assert_eq(&told(&rules(&Field::root(&object).at("status"))));
    }

    #[test]
    fn there_is_one_address_of_a_family() {
        let both = json!([{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]);
        check(&json!({"podIPs": both, "hostIP": "10.0.0.1", "hostIPs": both}), &expect![""]);
        let same = json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}, {"ip": "x"}]);
        check(
            &json!({"podIPs": same, "hostIP": "10.0.0.2", "hostIPs": both}),
            &expect![[r#"
            status.podIPs[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.1"},{"ip":"x"}]: may specify no more than one IP for each IP family
            status.podIPs[1]: Duplicate value: {"ip":"10.0.0.1"}
            status.hostIPs[0].ip: Invalid value: "10.0.0.1": must be equal to `hostIP`"#]],
        );
    }

    #[test]
    fn the_one_address_wins_over_the_list() {
        let mut status = json!({"podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]});
        mirror(&mut status);
        assert_eq!(status["podIPs"], json!([{"ip": "10.0.0.2"}]));
        let mut status = json!({"podIPs": [{"ip": "10.0.0.1"}]});
        mirror(&mut status);
        assert_eq!(status["podIP"], "10.0.0.1");
    }
}
