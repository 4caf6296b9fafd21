//! Rules of a pod's spec as a whole, told in the order in which Kubernetes tells them.

use std::net::IpAddr;

use crate::field::{Errors, Field};
use crate::metadata;
use crate::name;

use super::{affinity, container, resources, security, volume};

/// Everything wrong with a `spec` of a Pod or of a template.
pub(crate) fn spec(spec: &Field<'_>) -> Errors {
    let (volumes, mut errors) = volume::volumes(&spec.at("volumes"));
    errors.extend(container::containers(spec, &volumes));
    errors.extend(spec.at("restartPolicy").must_be_one_of(&["Always", "OnFailure", "Never"]));
    errors.extend(spec.at("dnsPolicy").must_be_one_of(&["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]));
    errors.extend(metadata::labels(&spec.at("nodeSelector")));
    errors.extend(security::pod(spec));
    errors.extend(affinity::affinity(&spec.at("affinity")));
    errors.extend(dns(spec));
    errors.extend(spec.at("readinessGates").items().flat_map(|gate| gate.at("conditionType").must_be_named(name::qualified)));
    errors.extend(affinity::spread(&spec.at("topologySpreadConstraints")));
    errors.extend(spec.at("schedulingGates").items().flat_map(|gate| gate.at("name").must_be_named(name::qualified)));
    errors.extend(spec.at("serviceAccountName").named(name::subdomain));
    errors.extend(spec.at("nodeName").named(name::subdomain));
    errors.extend(spec.at("activeDeadlineSeconds").within(1, i64::from(i32::MAX)));
    errors.extend(spec.at("terminationGracePeriodSeconds").within(0, i64::from(u32::MAX)));
    errors.extend(spec.at("hostname").named(name::label));
    errors.extend(spec.at("subdomain").named(name::label));
    errors.extend(spec.at("tolerations").items().flat_map(|one| toleration(&one)));
    for alias in spec.at("hostAliases").items() {
        errors.extend(address(&alias.at("ip")));
        errors.extend(alias.at("hostnames").items().flat_map(|host| host.must_be_named(name::subdomain)));
    }
    errors.extend(spec.at("priorityClassName").named(name::subdomain));
    errors.extend(spec.at("runtimeClassName").named(name::subdomain));
    errors.extend(spec.at("preemptionPolicy").one_of(&["Never", "PreemptLowerPriority"]));
    errors.extend(spec.at("overhead").entries().flat_map(|(_, amount)| resources::quantity(&amount)));
    errors
}

/// Everything wrong with a text as an IP address.
pub(super) fn address(ip: &Field<'_>) -> Errors {
    if ip.text().parse::<IpAddr>().is_ok() {
        return Errors::new();
    }
    vec![ip.invalid_part(ip.text(), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
}

fn dns(spec: &Field<'_>) -> Errors {
    const SERVERS_MAX: usize = 3;
    const SEARCHES_MAX: usize = 32;
    let (policy, config) = (spec.at("dnsPolicy"), spec.at("dnsConfig"));
    let servers = config.at("nameservers");
    let mut errors = Errors::new();
    if policy.text() == "None" {
        if !config.is_set() {
            return vec![config.required("must provide `dnsConfig` when `dnsPolicy` is None")];
        }
        if servers.is_empty() {
            errors.push(servers.required("must provide at least one DNS nameserver when `dnsPolicy` is None"));
        }
    }
    if servers.items().count() > SERVERS_MAX {
        errors.push(servers.invalid(format!("must not have more than {SERVERS_MAX} nameservers")));
    }
    errors.extend(servers.items().flat_map(|server| address(&server)));
    let searches = config.at("searches");
    if searches.items().count() > SEARCHES_MAX {
        errors.push(searches.invalid(format!("must not have more than {SEARCHES_MAX} search paths")));
    }
    errors.extend(config.at("options").items().filter_map(|option| option.at("name").must()));
    errors
}

fn toleration(toleration: &Field<'_>) -> Errors {
    let (key, operator, effect) = (toleration.at("key"), toleration.at("operator"), toleration.at("effect"));
    let value = toleration.at("value").text();
    let mut errors = key.named(name::qualified);
    if key.is_empty() && operator.text() != "Exists" {
        let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(operator.invalid_part(operator.text(), why));
    }
    if toleration.at("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
        errors.push(effect.invalid_part(effect.text(), "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    match operator.text() {
        "Equal" | "" => {
            let wrong = name::label_value(value).into_iter();
            errors.extend(wrong.map(|why| operator.invalid_part(value, why)));
        }
        "Exists" if !value.is_empty() => {
            errors.push(operator.invalid_part(value, "value must be empty when `operator` is 'Exists'"));
        }
        _ => errors.extend(operator.one_of(&["Equal", "Exists"])),
    }
    if !effect.is_empty() {
        errors.extend(effect.one_of(&["NoExecute", "NoSchedule", "PreferNoSchedule"]));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::super::{default_pod, default_spec};
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    fn check(mut object: Value, expected: &Expect) {
        default_spec(&mut object);
        default_pod(&mut object);
        let outer = json!({"spec": object});
        let texts: Vec<String> = spec(&Field::root(&outer).at("spec")).iter().map(ToString::to_string).collect();
        expected.assert_eq(&texts.join("\n"));
    }

    #[test]
    fn a_sound_pod_passes() {
        let sound = json!({
            "containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 80, "name": "http"}],
                "readinessProbe": {"httpGet": {"port": "http"}}, "lifecycle": {"preStop": {"exec": {"command": ["x"]}}},
                "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}}],
                "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a/b"}],
                "securityContext": {"runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}}],
            "initContainers": [{"name": "s", "image": "x", "restartPolicy": "Always", "startupProbe": {"grpc": {"port": 1}}}],
            "volumes": [{"name": "v", "hostPath": {"path": "/x"}}],
            "tolerations": [{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoSchedule"}],
        });
        check(sound, &expect![""]);
    }

    #[test]
    fn the_recorded_bad_pod_is_told_alike() {
        let bad = json!({"restartPolicy": "Foo", "containers": [
            {"name": "", "image": ""}, {"name": "x", "image": "i", "ports": [{"containerPort": 99999}]}]});
        let expected = expect![[r#"
            spec.containers[0].name: Required value
            spec.containers[0].image: Required value
            spec.containers[1].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive
            spec.restartPolicy: Unsupported value: "Foo": supported values: "Always", "OnFailure", "Never""#]];
        check(bad, &expected);
    }

    #[test]
    fn containers_are_checked_field_by_field() {
        let bad = json!({
            "hostNetwork": true,
            "containers": [
                {"name": "Up", "image": " x", "imagePullPolicy": "Sometimes",
                    "ports": [{"containerPort": 80, "hostPort": 81, "protocol": "ICMP", "name": "a--b"}],
                    "env": [{"name": ""}, {"name": "a=b"}, {"name": "C", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "spec"}}},
                        {"name": "D", "valueFrom": {}}, {"name": "E", "valueFrom": {"secretKeyRef": {"name": "S", "key": "a b"}}}],
                    "envFrom": [{}, {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}],
                    "volumeMounts": [{"name": "nope", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"},
                        {"name": "v", "mountPath": "", "subPath": "../x"}]},
                {"name": "b", "image": "x", "restartPolicy": "Always", "livenessProbe": {"successThreshold": 2, "periodSeconds": -1},
                    "readinessProbe": {"tcpSocket": {"port": 0}, "exec": {"command": []}},
                    "resources": {"limits": {"cpu": "1", "foo": "1", "x.io/gpu": "1"}, "requests": {"cpu": "2", "memory": "lots"}},
                    "securityContext": {"privileged": true, "allowPrivilegeEscalation": false, "runAsUser": -1,
                        "seccompProfile": {"type": "Localhost"}}},
                {"name": "b", "image": "x", "ports": [{"containerPort": 80}, {"containerPort": 80}]},
            ],
            "initContainers": [{"name": "b", "image": "x", "livenessProbe": {"exec": {"command": ["a"]}}}],
            "volumes": [{"name": "v"}],
        });
        check(bad, &expect![[""]]);
    }

    #[test]
    fn the_rest_of_the_spec_is_checked_too() {
        let bad = json!({
            "containers": [], "dnsPolicy": "None", "terminationGracePeriodSeconds": -1, "activeDeadlineSeconds": 0,
            "hostname": "A", "serviceAccountName": "a_b", "hostPID": true, "shareProcessNamespace": true,
            "tolerations": [{"key": "a", "operator": "Like"}, {"value": "x"}, {"key": "b", "tolerationSeconds": 1, "effect": "NoSchedule"}],
            "volumes": [{"name": "a", "hostPath": {"path": ""}, "emptyDir": {}}, {"name": "a", "secret": {}},
                {"name": "c", "configMap": {"name": "x", "defaultMode": 9999, "items": [{"key": "", "path": "/x"}]}}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "a", "operator": "In"}, {"key": "b", "operator": "Near"}]}]}},
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 0, "podAffinityTerm": {"topologyKey": ""}}]}},
            "topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "Hope"}],
            "securityContext": {"fsGroup": -1, "fsGroupChangePolicy": "Never"},
            "hostAliases": [{"ip": "x"}],
        });
        check(bad, &expect![[""]]);
    }
}
