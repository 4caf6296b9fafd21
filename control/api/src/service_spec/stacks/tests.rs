//! Which families Services end up with, and what is refused.

use super::*;
use expect_test::{Expect, expect};

const ONE: &[Family] = &[Family::V4];
const BOTH: &[Family] = &[Family::V4, Family::V6];

fn told(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn service(fields: &Value) -> Value {
    let mut spec = json!({"type": "ClusterIP", "selector": {"a": "b"}});
    spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"spec": spec})
}

/// `POLICY [families] [addresses] places of addresses to come`, or what is refused.
fn settled(fields: &Value, old: Option<&Value>, cluster: &[Family]) -> String {
    let mut service = service(fields);
    match settle(&mut service, old, cluster) {
        Err(errors) => told(&errors),
        Ok(()) => {
            let due: Vec<usize> = due(&service, old).into_iter().map(|(nth, _)| nth).collect();
            let spec = &service["spec"];
            format!("{} {} {} {due:?}", spec["ipFamilyPolicy"], spec["ipFamilies"], spec["clusterIPs"])
        }
    }
}

fn check_new(fields: &Value, cluster: &[Family], expected: &Expect) {
    expected.assert_eq(&settled(fields, None, cluster));
}

fn check_changed(old: &Value, fields: &Value, cluster: &[Family], expected: &Expect) {
    let old = service(old);
    let mut new = old["spec"].clone();
    new.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    expected.assert_eq(&settled(&new, Some(&old), cluster));
}

#[test]
fn new_services_get_the_families_that_they_ask_for() {
    check_new(&json!({}), BOTH, &expect![[r#""SingleStack" ["IPv4"] null [0]"#]]);
    check_new(&json!({"ipFamilies": ["IPv6"]}), BOTH, &expect![[r#""SingleStack" ["IPv6"] null [0]"#]]);
    let prefers = json!({"ipFamilyPolicy": "PreferDualStack"});
    check_new(&prefers, BOTH, &expect![[r#""PreferDualStack" ["IPv4","IPv6"] null [0, 1]"#]]);
    check_new(&prefers, ONE, &expect![[r#""PreferDualStack" ["IPv4"] null [0]"#]]);
    let explicit = json!({"ipFamilyPolicy": "RequireDualStack", "clusterIP": "fd00::1", "clusterIPs": ["fd00::1"]});
    check_new(&explicit, BOTH, &expect![[r#""RequireDualStack" ["IPv6","IPv4"] ["fd00::1"] [0, 1]"#]]);
    let headless = json!({"clusterIP": "None", "clusterIPs": ["None"]});
    check_new(&headless, ONE, &expect![[r#""SingleStack" ["IPv4"] ["None"] []"#]]);
    let by_hand = json!({"clusterIP": "None", "clusterIPs": ["None"], "selector": null});
    check_new(&by_hand, ONE, &expect![[r#""RequireDualStack" ["IPv4","IPv6"] ["None"] []"#]]);
    check_new(&json!({"type": "ExternalName"}), ONE, &expect!["null null null []"]);
}

#[test]
fn what_the_cluster_does_not_have_is_refused() {
    check_new(
        &json!({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]}),
        ONE,
        &expect![[r#"
            spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services
            spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster"#]],
    );
    check_new(
        &json!({"clusterIP": "fd00::1", "clusterIPs": ["fd00::1"]}),
        ONE,
        &expect![[r#"spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster"#]],
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    check_new(
        &json!({"clusterIPs": ["10.0.0.1"]}),
        ONE,
        &expect![[r#"spec.clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not specified"#]],
    );
    check_new(
        &json!({"clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.1", "10.0.0.2", "x"], "ipFamilies": ["IPv4", "IPv4"],
            "ipFamilyPolicy": "Dual"}),
        ONE,
        &expect![[r#"
            spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2","x"]: first value must match `clusterIP`
            spec.ipFamilies[1]: Duplicate value: "IPv4"
            spec.ipFamilyPolicy: Unsupported value: "Dual": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"
            spec.clusterIPs[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2","x"]: may only hold up to 2 values"#]],
    );
    check_new(
        &json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "10.0.0.2"], "ipFamilies": ["IPv6"]}),
        BOTH,
        &expect![[r#"
            spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family
            spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`"#]],
    );
    check_new(
        &json!({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4", "IPv6"]}),
        BOTH,
        &expect![[
            r#"spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"#
        ]],
    );
    check_new(
        &json!({"clusterIP": "None", "clusterIPs": ["None", "10.0.0.1"]}),
        BOTH,
        &expect![[r#"spec.clusterIPs: Invalid value: ["None","10.0.0.1"]: 'None' must be the first and only value"#]],
    );
}

#[test]
fn a_service_gains_and_loses_its_second_family_by_its_policy() {
    let one = json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack"});
    let two = json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "RequireDualStack"});
    let prefers = json!({"ipFamilyPolicy": "PreferDualStack"});
    check_changed(&one, &prefers, BOTH, &expect![[r#""PreferDualStack" ["IPv4","IPv6"] ["10.0.0.1"] [1]"#]]);
    let single = json!({"ipFamilyPolicy": "SingleStack"});
    check_changed(&two, &single, BOTH, &expect![[r#""SingleStack" ["IPv4"] ["10.0.0.1"] []"#]]);
    check_changed(
        &two,
        &json!({"clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"]}),
        BOTH,
        &expect![[r#"
            spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary cluster IP
            spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary IP family"#]],
    );
    // A writer of an older version knows neither field.
    let older = json!({"ipFamilyPolicy": null, "ipFamilies": null});
    check_changed(&two, &older, BOTH, &expect![[r#""RequireDualStack" ["IPv4","IPv6"] ["10.0.0.1","fd00::1"] []"#]]);
    let alias = json!({"type": "ExternalName"});
    check_changed(&alias, &json!({"type": "ClusterIP"}), ONE, &expect![[r#""SingleStack" ["IPv4"] null [0]"#]]);
}

#[test]
fn who_prefers_two_families_is_left_alone_when_the_cluster_changes() {
    let old = json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "PreferDualStack"});
    check_changed(&old, &json!({}), BOTH, &expect![[r#""PreferDualStack" ["IPv4"] ["10.0.0.1"] []"#]]);
}

fn check_update(before: &Value, now: &Value, expected: &Expect) {
    let (before, now) = (service(before), service(now));
    expected.assert_eq(&told(&update(&Field::root(&now).at("spec"), &before["spec"])));
}

#[test]
fn the_first_address_stays_and_the_second_goes_with_the_policy() {
    let two = json!({"clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"]});
    check_update(
        &two,
        &json!({"clusterIPs": ["10.0.0.1", "fd00::2"], "ipFamilies": ["IPv6", "IPv4"]}),
        &expect![[r#"
            spec.clusterIPs[1]: Invalid value: ["10.0.0.1","fd00::2"]: may not change once set
            spec.ipFamilies[0]: Invalid value: ["IPv6","IPv4"]: may not change once set
            spec.ipFamilies[0]: Invalid value: ["IPv6","IPv4"]: may not change once set"#]],
    );
    check_update(
        &two,
        &json!({"clusterIPs": ["10.0.0.2"], "ipFamilies": ["IPv4"]}),
        &expect![[r#"
            spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set
            spec.ipFamilyPolicy: Invalid value: null: must be set to 'SingleStack' when releasing the secondary clusterIP
            spec.ipFamilyPolicy: Invalid value: null: must be set to 'SingleStack' when releasing the secondary ipFamily"#]],
    );
    check_update(
        &two,
        &json!({}),
        &expect![[r#"
        spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset
        spec.ipFamilies[0]: Invalid value: null: primary ipFamily can not be unset"#]],
    );
    let headless = json!({"clusterIPs": ["None"], "ipFamilies": ["IPv4"]});
    check_update(&headless, &json!({"clusterIPs": ["None"], "ipFamilies": ["IPv6"]}), &expect![""]);
    check_update(
        &headless,
        &json!({"clusterIPs": ["10.0.0.1"]}),
        &expect![[r#"spec.clusterIPs[0]: Invalid value: ["10.0.0.1"]: may not change once set"#]],
    );
    check_update(&two, &json!({"type": "ExternalName"}), &expect![""]);
}
