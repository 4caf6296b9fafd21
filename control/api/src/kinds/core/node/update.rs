//! What of a Node may not change, and what its agent reports.

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::{json, name};

/// Everything wrong with a change of a Node or of its status.
pub(super) fn rules(root: &Field<'_>, old: &Value) -> Errors {
    let (spec, status) = (root.at("spec"), root.at("status"));
    let mut errors = Errors::new();
    let addresses = status.at("addresses");
    let known = json::items(addresses.value, "");
    let again = addresses.items().enumerate().filter(|(nth, one)| known[..*nth].contains(one.value));
    errors.extend(again.map(|(_, one)| one.duplicate()));
    errors.extend(set_once(&spec, &old["spec"]));
    let source = spec.at("configSource");
    if source.is_set() {
        errors.extend(config_source(&source, Place::Spec));
    }
    for name in ["assigned", "active", "lastKnownGood"] {
        let source = status.at("config").at(name);
        if source.is_set() {
            errors.extend(config_source(&source, Place::Status));
        }
    }
    let external = spec.at("externalID");
    let (now, then) = (external.text(), json::text(old, "/spec/externalID"));
    errors.extend((now != then).then(|| external.forbidden("may not be updated")));
    errors
}

/// What is given to a Node once.
fn set_once(spec: &Field<'_>, before: &Value) -> Errors {
    let (ranges, provider) = (spec.at("podCIDRs"), spec.at("providerID"));
    let why = |what: &str| format!("node updates may not change {what} except from \"\" to valid");
    let (now, then) = (json::items(ranges.value, ""), json::items(before, "/podCIDRs"));
    let changed = if now.len() == then.len() {
        now.iter().zip(then).filter(|(now, then)| now != then).count()
    } else {
        usize::from(!then.is_empty())
    };
    let mut errors: Errors = (0..changed).map(|_| ranges.forbidden(why("podCIDR"))).collect();
    let fixed = json::text(before, "/providerID");
    let moved = !fixed.is_empty() && provider.text() != fixed;
    errors.extend(moved.then(|| provider.forbidden(why("providerID"))));
    errors
}

/// Where a source of settings of the node agent stands: where it is wished for, or where it is reported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Spec,
    Status,
}

/// Everything wrong with a source of settings, which Kubernetes no longer reads and still checks.
fn config_source(source: &Field<'_>, place: Place) -> Errors {
    let map = source.at("configMap");
    if !map.is_set() {
        return vec![source.invalid("exactly one reference subfield must be non-nil")];
    }
    let which = ["uid", "resourceVersion"].map(|name| (name, map.at(name)));
    let mut errors: Errors = which
        .iter()
        .filter_map(|(name, field)| match place {
            Place::Spec => (!field.is_empty()).then(|| field.forbidden(format!("{name} must not be set in spec"))),
            Place::Status => field.is_empty().then(|| field.required(&format!("{name} must be set in status"))),
        })
        .collect();
    errors.extend(named(&map, "namespace", name::label));
    errors.extend(named(&map, "name", name::subdomain));
    errors.extend(named(&map, "kubeletConfigKey", name::config_key));
    errors
}

fn named(map: &Field<'_>, name: &str, rule: fn(&str) -> Vec<String>) -> Errors {
    let field = map.at(name);
    if field.is_empty() { vec![field.required(&format!("{name} must be set"))] } else { field.named(rule) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::told;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(now: &Value, then: &Value, expected: &Expect) {
        expected.assert_eq(&told(&rules(&Field::root(now), then)));
    }

    #[test]
    fn what_is_given_once_stays() {
        let then = json!({"spec": {"podCIDRs": ["10.1.0.0/24"], "providerID": "a", "externalID": "x"}});
        check(&then, &then, &expect![""]);
        check(&then, &json!({"spec": {"externalID": "x"}}), &expect![""]);
        let now = json!({"spec": {"podCIDRs": ["10.2.0.0/24"]}});
        check(
            &now,
            &then,
            &expect![[r#"
            spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid
            spec.providerID: Forbidden: node updates may not change providerID except from "" to valid
            spec.externalID: Forbidden: may not be updated"#]],
        );
        check(
            &json!({"spec": {"providerID": "a", "externalID": "x"}}),
            &then,
            &expect![[r#"spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid"#]],
        );
    }

    #[test]
    fn what_an_agent_reports_is_sound() {
        let address = json!({"type": "Hostname", "address": "a"});
        let config = json!({"active": {"configMap": {"namespace": "A", "name": "n", "kubeletConfigKey": "k"}}});
        let status = json!({"addresses": [address, {"type": "InternalIP", "address": "a"}, address], "config": config});
        let map = json!({"uid": "1", "namespace": "a"});
        check(
            &json!({"spec": {"configSource": {"configMap": map}}, "status": status}),
            &json!({}),
            &expect![[r#"
                status.addresses[2]: Duplicate value: {"address":"a","type":"Hostname"}
                spec.configSource.configMap.uid: Forbidden: uid must not be set in spec
                spec.configSource.configMap.name: Required value: name must be set
                spec.configSource.configMap.kubeletConfigKey: Required value: kubeletConfigKey must be set
                status.config.active.configMap.uid: Required value: uid must be set in status
                status.config.active.configMap.resourceVersion: Required value: resourceVersion must be set in status
                status.config.active.configMap.namespace: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"#]],
        );
        check(
            &json!({"spec": {"configSource": {}}}),
            &json!({}),
            &expect!["spec.configSource: Invalid value: {}: exactly one reference subfield must be non-nil"],
        );
    }
}
