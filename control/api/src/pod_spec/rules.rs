//! Rules of a pod's spec as a whole, told in the order in which Kubernetes tells them.

use crate::field::{Errors, Field};
use crate::metadata;
use crate::name;
use crate::network::address;

use super::{affinity, container, ephemeral, resources, security, volume};

/// Everything wrong with a `spec` of a Pod or of a template.
pub(crate) fn spec(spec: &Field<'_>) -> Errors {
    let (volumes, mut errors) = volume::volumes(&spec.at("volumes"));
    errors.extend(container::containers(spec, &volumes));
    errors.extend(ephemeral::containers(spec, &volumes));
    errors.extend(spec.at("restartPolicy").must_be_one_of(&["Always", "OnFailure", "Never"]));
    errors.extend(spec.at("dnsPolicy").must_be_one_of(&["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]));
    errors.extend(metadata::labels(&spec.at("nodeSelector")));
    errors.extend(security::pod(spec));
    errors.extend(affinity::affinity(&spec.at("affinity")));
    errors.extend(dns(spec));
    errors.extend(
        spec.at("readinessGates").items().flat_map(|gate| gate.at("conditionType").must_be_named(name::qualified)),
    );
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
    errors.extend(servers.items().filter_map(|server| address(&server)));
    let searches = config.at("searches");
    if searches.items().count() > SEARCHES_MAX {
        errors.push(searches.invalid(format!("must not have more than {SEARCHES_MAX} search paths")));
    }
    errors.extend(config.at("options").items().filter_map(|option| option.at("name").must()));
    errors
}

/// Everything wrong with one toleration.
pub(crate) fn toleration(toleration: &Field<'_>) -> Errors {
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
            "initContainers": [{"name": "s", "image": "x", "restartPolicy": "Always",
            "startupProbe": {"grpc": {"port": 1}}}],
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
                    "env": [{"name": ""}, {"name": "a=b"}, {"name": "C", "value": "1",
                    "valueFrom": {"fieldRef": {"fieldPath": "spec"}}},
                        {"name": "D", "valueFrom": {}}, {"name": "E", "valueFrom": {"secretKeyRef": {"name": "S",
                        "key": "a b"}}}],
                    "envFrom": [{}, {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}],
                    "volumeMounts": [{"name": "nope", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"},
                        {"name": "v", "mountPath": "", "subPath": "../x"}]},
                {"name": "b", "image": "x", "restartPolicy": "Always", "livenessProbe": {"successThreshold": 2,
                "periodSeconds": -1},
                    "readinessProbe": {"tcpSocket": {"port": 0}, "exec": {"command": []}},
                    "resources": {"limits": {"cpu": "1", "foo": "1", "x.io/gpu": "1"}, "requests": {"cpu": "2",
                    "memory": "lots"}},
                    "securityContext": {"privileged": true, "allowPrivilegeEscalation": false, "runAsUser": -1,
                        "seccompProfile": {"type": "Localhost"}}},
                {"name": "b", "image": "x", "ports": [{"containerPort": 80}, {"containerPort": 80}]},
            ],
            "initContainers": [{"name": "b", "image": "x", "livenessProbe": {"exec": {"command": ["a"]}}}],
            "volumes": [{"name": "v"}],
        });
        check(
            bad,
            &expect![[r#"
            spec.containers[0].name: Invalid value: "Up": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.containers[0].image: Invalid value: " x": must not have leading or trailing whitespace
            spec.containers[0].ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens
            spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
            spec.containers[0].env[0].name: Required value
            spec.containers[0].env[1].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='
            spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Unsupported value: "spec": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"
            spec.containers[0].env[2].valueFrom: Invalid value: "": may not be specified when `value` is not empty
            spec.containers[0].env[3].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`
            spec.containers[0].env[4].valueFrom.secretKeyRef.name: Invalid value: "S": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.containers[0].env[4].valueFrom.secretKeyRef.key: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
            spec.containers[0].envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`
            spec.containers[0].envFrom[1]: Invalid value: "": may not have more than one field specified at a time
            spec.containers[0].volumeMounts[0].name: Not found: "nope"
            spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique
            spec.containers[0].volumeMounts[2].mountPath: Required value
            spec.containers[0].volumeMounts[2].subPath: Invalid value: "../x": must not contain '..'
            spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"
            spec.containers[1].resources.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified
            spec.containers[1].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified
            spec.containers[1].resources.requests[memory]: Invalid value: "lots": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
            spec.containers[1].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1
            spec.containers[1].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.containers[1].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost
            spec.containers[1].securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true,"runAsUser":-1,"seccompProfile":{"type":"Localhost"}}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true
            spec.containers[1].restartPolicy: Forbidden: may not be set for non-init containers
            spec.containers[1].livenessProbe: Required value: must specify a handler type
            spec.containers[1].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0
            spec.containers[1].livenessProbe.successThreshold: Invalid value: 2: must be 1
            spec.containers[1].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type
            spec.containers[1].readinessProbe.exec.command: Required value
            spec.containers[1].readinessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.containers[2].name: Duplicate value: "b"
            spec.containers[2].ports[1].hostPort: Duplicate value: 80
            spec.initContainers[0].name: Duplicate value: "b"
            spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always
            spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true"#]],
        );
    }

    #[test]
    fn the_rest_of_the_spec_is_checked_too() {
        let bad = json!({
            "containers": [], "dnsPolicy": "None", "terminationGracePeriodSeconds": -1, "activeDeadlineSeconds": 0,
            "hostname": "A", "serviceAccountName": "a_b", "hostPID": true, "shareProcessNamespace": true,
            "tolerations": [{"key": "a", "operator": "Like"}, {"value": "x"}, {"key": "b", "tolerationSeconds": 1,
            "effect": "NoSchedule"}],
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
        check(
            bad,
            &expect![[r#"
            spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type
            spec.volumes[0].hostPath.path: Required value
            spec.volumes[1].name: Duplicate value: "a"
            spec.volumes[1].secret.secretName: Required value
            spec.volumes[2].configMap.defaultMode: Invalid value: 9999: must be a number between 0 and 0777 (octal), both inclusive
            spec.volumes[2].configMap.items[0].key: Required value
            spec.volumes[2].configMap.items[0].path: Invalid value: "/x": must be a relative path
            spec.containers: Required value
            spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive
            spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"
            spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[1].operator: Invalid value: "Near": not a valid selector operator
            spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100
            spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Required value: can not be empty
            spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None
            spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero
            spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty
            spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Hope": supported values: "DoNotSchedule", "ScheduleAnyway"
            spec.serviceAccountName: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive
            spec.terminationGracePeriodSeconds: Invalid value: -1: must be between 0 and 4294967295, inclusive
            spec.hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.tolerations[0].operator: Unsupported value: "Like": supported values: "Equal", "Exists"
            spec.tolerations[1].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"
            spec.tolerations[2].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when `tolerationSeconds` is set
            spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"#]],
        );
    }
}
