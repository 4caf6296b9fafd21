//! Rules of a pod's spec as a whole, told in the order in which Kubernetes tells them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::field::{Errors, Field};
use crate::metadata;
use crate::name;

use super::context::Context;
use super::{
    CONTAINER_LISTS, affinity, annotations, container, ephemeral, network, pod_resources, resources, security, spread,
    tolerations, volume, windows,
};

/// Everything wrong with the spec of a template.
pub(super) fn of_template(field: &Field<'_>) -> Errors {
    spec(field, None)
}

/// Everything wrong with a Pod, its metadata aside.
pub(crate) fn pod(object: &Value) -> Errors {
    let root = Field::root(object);
    let (meta, field) = (root.at("metadata"), root.at("spec"));
    let mut errors = annotations::rules(&meta.at("annotations"), &field);
    errors.extend(spec(&field, Some(meta.at("name").text())));
    if field.at("serviceAccountName").is_empty() {
        let sources = field.at("volumes").items().flat_map(|volume| volume.at("projected").at("sources").items());
        let tokens = sources.map(|source| source.at("serviceAccountToken")).filter(Field::is_set);
        let why = "must not be specified when serviceAccountName is not set";
        errors.extend(tokens.map(|token| token.forbidden(why)));
    }
    errors
        .extend(CONTAINER_LISTS.iter().flat_map(|list| field.at(list).items()).flat_map(|one| container::image(&one)));
    errors
}

/// Everything wrong with a new Pod that would be borne with in an old one.
pub(crate) fn new_pod(object: &Value) -> Errors {
    let root = Field::root(object);
    let field = root.at("spec");
    let (added, node) = (field.at("ephemeralContainers"), field.at("nodeName"));
    let mut errors = Errors::new();
    errors.extend((!added.is_empty()).then(|| added.forbidden("cannot be set on create")));
    if !node.is_empty() && !field.at("schedulingGates").is_empty() {
        errors.push(node.forbidden("cannot be set until all schedulingGates have been cleared"));
    }
    errors.extend(annotations::match_fields(&root.at("metadata").at("annotations"), &field));
    errors
}

/// Everything wrong with a `spec` of the Pod of that name, or of a template for Pods.
fn spec(spec: &Field<'_>, pod: Option<&str>) -> Errors {
    let mut errors = Errors::new();
    let grace = spec.at("terminationGracePeriodSeconds");
    errors.extend((!grace.is_set()).then(|| grace.required("")));
    let (volumes, wrong) = volume::volumes(&spec.at("volumes"), pod.unwrap_or_default());
    errors.extend(wrong);
    let context = Context::of(spec, volumes, pod.is_some());
    errors.extend(claims(&spec.at("resourceClaims")));
    errors.extend(container::containers(spec, &context));
    errors.extend(ephemeral::containers(spec, &context));
    errors.extend(pod_resources::rules(spec));
    errors.extend(container::on_host_network(spec, context.is_pod));
    errors.extend(spec.at("restartPolicy").must_be_one_of(&["Always", "OnFailure", "Never"]));
    errors.extend(network::policy(spec));
    errors.extend(metadata::labels(&spec.at("nodeSelector")));
    errors.extend(security::pod(spec));
    errors.extend(affinity::affinity(&spec.at("affinity")));
    errors.extend(network::dns(spec));
    errors.extend(gates(spec));
    errors.extend(spread::constraints(&spec.at("topologySpreadConstraints")));
    errors.extend(windows::host_process(spec));
    errors.extend(security::own_users(spec));
    errors.extend(spec.at("serviceAccountName").named(name::subdomain));
    errors.extend(spec.at("nodeName").named(name::subdomain));
    errors.extend(spec.at("activeDeadlineSeconds").within(1, i64::from(i32::MAX)));
    errors.extend(spec.at("hostname").named(name::label));
    errors.extend(spec.at("subdomain").named(name::label));
    errors.extend(tolerations::tolerations(&spec.at("tolerations")));
    errors.extend(network::aliases(&spec.at("hostAliases")));
    errors.extend(spec.at("priorityClassName").named(name::subdomain));
    let class = spec.at("runtimeClassName");
    if class.is_set() {
        errors.extend(name::subdomain(class.text()).into_iter().map(|why| class.invalid(why)));
    }
    let preemption = spec.at("preemptionPolicy");
    if preemption.is_set() {
        errors.extend(preemption.must_be_one_of(&["PreemptLowerPriority", "Never"]));
    }
    errors.extend(resources::overhead(&spec.at("overhead")));
    errors.extend(windows::operating_system(spec));
    errors
}

/// Everything wrong with what must hold before a pod is ready, or placed.
fn gates(spec: &Field<'_>) -> Errors {
    let mut errors = Errors::new();
    for kind in spec.at("readinessGates").items().map(|gate| gate.at("conditionType")) {
        errors.extend(name::qualified(kind.text()).into_iter().map(|why| kind.invalid_part(kind.text(), why)));
    }
    let mut seen = BTreeSet::new();
    for gate in spec.at("schedulingGates").items() {
        let own = gate.at("name").text();
        // Kubernetes tells them of the gate as a whole.
        errors.extend(name::qualified(own).into_iter().map(|why| gate.invalid_part(own, why)));
        if !seen.insert(own) {
            errors.push(gate.duplicate_of(&own.into()));
        }
    }
    errors
}

/// Everything wrong with the pod's claims to devices.
fn claims(claims: &Field<'_>) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for claim in claims.items() {
        let (own, existing, template) =
            (claim.at("name"), claim.at("resourceClaimName"), claim.at("resourceClaimTemplateName"));
        if !own.is_empty() && !names.insert(own.text()) {
            errors.push(own.duplicate());
        } else {
            errors.extend(own.must_be_named(name::label));
        }
        match (existing.is_set(), template.is_set()) {
            (true, true) => {
                let why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
                errors.push(claim.invalid(why));
            }
            (false, false) => {
                errors.push(claim.invalid("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
            }
            (true, false) | (false, true) => {}
        }
        for named in [existing, template].into_iter().filter(Field::is_set) {
            errors.extend(name::subdomain(named.text()).into_iter().map(|why| named.invalid(why)));
        }
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
        let outer = json!({"metadata": {"name": "p"}, "spec": object});
        let texts: Vec<String> = pod(&outer).iter().chain(&new_pod(&outer)).map(ToString::to_string).collect();
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
                spec.containers[0].ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens
                spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
                spec.containers[0].env[0].name: Required value
                spec.containers[0].env[1].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='
                spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Invalid value: "spec": error converting fieldPath: field label not supported: spec
                spec.containers[0].env[2].valueFrom: Invalid value: "": may not be specified when `value` is not empty
                spec.containers[0].env[3].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`
                spec.containers[0].env[4].valueFrom.secretKeyRef.name: Invalid value: "S": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.containers[0].env[4].valueFrom.secretKeyRef.key: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
                spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`
                spec.containers[0].envFrom: Invalid value: "": may not have more than one field specified at a time
                spec.containers[0].volumeMounts[0].name: Not found: "nope"
                spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique
                spec.containers[0].volumeMounts[2].mountPath: Required value
                spec.containers[0].volumeMounts.subPath: Invalid value: "../x": must not contain '..'
                spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"
                spec.containers[1].resources.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified
                spec.containers[1].resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers
                spec.containers[1].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1
                spec.containers[1].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified
                spec.containers[1].resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers
                spec.containers[1].resources.requests[memory]: Invalid value: "lots": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
                spec.containers[1].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive
                spec.containers[1].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost
                spec.containers[1].securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true,"runAsUser":-1,"seccompProfile":{"type":"Localhost"}}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true
                spec.containers[1].livenessProbe: Required value: must specify a handler type
                spec.containers[1].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0
                spec.containers[1].livenessProbe.successThreshold: Invalid value: 2: must be 1
                spec.containers[1].readinessProbe.exec.command: Required value
                spec.containers[1].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type
                spec.containers[2].name: Duplicate value: "b"
                spec.containers[2].ports[1].hostPort: Duplicate value: "TCP//80"
                spec.initContainers[0].name: Duplicate value: "b"
                spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always
                spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true
                spec.containers[0].image: Invalid value: " x": must not have leading or trailing whitespace"#]],
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
                spec.volumes[1].secret.secretName: Required value
                spec.volumes[2].configMap.defaultMode: Invalid value: 9999: must be a number between 0 and 0777 (octal), both inclusive
                spec.volumes[2].configMap.items[0].key: Required value
                spec.volumes[2].configMap.items[0].path: Invalid value: "/x": must be a relative path
                spec.containers: Required value
                spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive
                spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled
                spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"
                spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
                spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[1].operator: Invalid value: "Near": not a valid selector operator
                spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100
                spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Required value: can not be empty
                spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Invalid value: "": name part must be non-empty
                spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
                spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None
                spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero
                spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty
                spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Hope": supported values: "DoNotSchedule", "ScheduleAnyway"
                spec.serviceAccountName: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
                spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive
                spec.hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
                spec.tolerations[0].operator: Unsupported value: "Like": supported values: "Equal", "Exists", "Lt", "Gt"
                spec.tolerations[1].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"
                spec.tolerations[2].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when `tolerationSeconds` is set
                spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"#]],
        );
    }
}
