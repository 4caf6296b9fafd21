//! Objects with something in every field that some rule of a group looks at.

use serde_json::{Value, json};

/// Samples of groups whose kinds have little in common with pods.
pub(super) fn of_groups() -> Vec<(&'static str, Value)> {
    vec![
        ("apiregistration.k8s.io", registration()),
        ("certificates.k8s.io", certificates()),
        ("networking.k8s.io", networking()),
        ("rbac.authorization.k8s.io", rbac()),
        ("storage.k8s.io", storage()),
        ("node.k8s.io", node()),
        ("admissionregistration.k8s.io", admission()),
        ("flowcontrol.apiserver.k8s.io", flow_control()),
        ("resource.k8s.io", devices(true)),
        ("resource.k8s.io", devices(false)),
    ]
}

fn registration() -> Value {
    json!({"metadata": {"name": "a"}, "spec": {"group": "a", "version": "v1", "groupPriorityMinimum": 1,
            "versionPriority": 1, "caBundle": "eA==", "insecureSkipTLSVerify": true,
            "service": {"namespace": "n", "name": "s", "port": 1}},
        "status": {"conditions": [{"type": "Available", "status": "True", "reason": "Local"}]}})
}

fn certificates() -> Value {
    json!({"metadata": {"name": "a"}, "spec": {"request": "eA==", "usages": ["any"], "signerName": "a.b/c",
            "expirationSeconds": 600, "username": "u"},
        "status": {"certificate": "eA==", "conditions": [{"type": "Approved", "status": "True"}]}})
}

fn networking() -> Value {
    let backend = json!({"service": {"name": "s", "port": {"number": 1, "name": "a"}},
        "resource": {"apiGroup": "a", "kind": "K", "name": "n"}});
    let rules = json!([{"host": "a", "http": {"paths": [{"path": "/a", "pathType": "Exact", "backend": backend}]}}]);
    let peers = json!([{"podSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": {},
        "ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]);
    let ports = json!([{"port": 1, "endPort": 2, "protocol": "TCP"}]);
    json!({"metadata": {"name": "a", "annotations": {"kubernetes.io/ingress.class": "a"}}, "spec": {
        "rules": rules, "defaultBackend": backend, "tls": [{"hosts": ["a"], "secretName": "s"}], "ingressClassName": "a",
        "controller": "a/b", "parameters": {"apiGroup": "a", "kind": "K", "name": "n", "scope": "Namespace",
        "namespace": "x"}, "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": peers, "ports": ports}],
        "egress": [{"to": peers, "ports": ports}], "cidrs": ["10.0.0.0/8", "fd00::/64"],
        "parentRef": {"group": "a", "resource": "b", "namespace": "n", "name": "c"}},
        "status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1", "hostname": "a"}]}}})
}

fn rbac() -> Value {
    let rule = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["a"], "resourceNames": ["a"],
        "nonResourceURLs": ["/a"]});
    json!({"metadata": {"name": "a"}, "rules": [rule], "roleRef": {"apiGroup": "a", "kind": "Role", "name": "r"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
        "subjects": [{"kind": "User", "name": "u", "apiGroup": "a", "namespace": "n"}]})
}

fn storage() -> Value {
    let term = json!({"matchLabelExpressions": [{"key": "a", "values": ["b"]}]});
    json!({"metadata": {"name": "a", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "a", "parameters": {"a": "b"}, "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": true, "allowedTopologies": [term], "driverName": "a", "storageClassName": "a",
        "capacity": "1", "nodeTopology": {"matchLabels": {"a": "b"}}, "spec": {
            "attachRequired": true, "fsGroupPolicy": "File", "volumeLifecycleModes": ["Persistent"],
            "tokenRequests": [{"audience": "a", "expirationSeconds": 1}], "nodeAllocatableUpdatePeriodSeconds": 1,
            "drivers": [{"name": "a", "nodeID": "b", "allocatable": {"count": 1}, "topologyKeys": ["a"]}],
            "attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "a", "inlineVolumeSpec": {}}},
        "status": {"attached": true, "attachmentMetadata": {"a": "b"}, "attachError": {"message": "a", "errorCode": 1}}})
}

fn node() -> Value {
    json!({"metadata": {"name": "a"}, "handler": "a", "overhead": {"podFixed": {"cpu": "1"}},
        "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "a", "operator": "Exists"}]}})
}

fn admission() -> Value {
    let rule =
        json!({"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["a/b"], "scope": "*"});
    let config = json!({"service": {"name": "s", "namespace": "n", "path": "/a", "port": 1}});
    let hook = json!({"name": "a.b.c", "rules": [rule], "failurePolicy": "Fail", "matchPolicy": "Exact",
        "sideEffects": "None", "timeoutSeconds": 1, "namespaceSelector": {}, "objectSelector": {}, "clientConfig": config,
        "reinvocationPolicy": "Never", "admissionReviewVersions": ["v1"],
        "matchConditions": [{"name": "a", "expression": "x"}]});
    let matches = json!({"resourceRules": [rule], "excludeResourceRules": [{"resourceNames": ["a"]}], "matchPolicy": "Exact",
        "namespaceSelector": {}, "objectSelector": {}});
    let spec = json!({"failurePolicy": "Fail", "paramKind": {"apiVersion": "a/v1", "kind": "K"}, "matchConstraints": matches,
        "matchResources": matches, "matchConditions": [{"name": "a", "expression": "x"}], "policyName": "p",
        "variables": [{"name": "a", "expression": "x"}], "reinvocationPolicy": "Never", "validationActions": ["Deny"],
        "validations": [{"expression": "x", "message": "m", "messageExpression": "x", "reason": "Invalid"}],
        "auditAnnotations": [{"key": "k", "valueExpression": "x"}],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "x"}, "applyConfiguration": {}}],
        "paramRef": {"name": "a", "namespace": "b", "selector": {}, "parameterNotFoundAction": "Deny"}});
    let hooks = json!([hook, {"clientConfig": {"url": "https://u@a:1/b?c#d"}}]);
    json!({"metadata": {"name": "a"}, "webhooks": hooks, "spec": spec})
}

fn flow_control() -> Value {
    let subject = json!({"kind": "User", "user": {"name": "a"}, "group": {"name": "a"},
        "serviceAccount": {"name": "a", "namespace": "n"}});
    let resources = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["a"], "namespaces": ["a"],
        "clusterScope": true});
    let rule = json!({"subjects": [subject], "resourceRules": [resources],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["/a"]}]});
    let queuing = json!({"queues": 1, "handSize": 1, "queueLengthLimit": 1});
    json!({"metadata": {"name": "exempt"}, "spec": {"type": "Limited", "matchingPrecedence": 2, "rules": [rule],
            "priorityLevelConfiguration": {"name": "a"}, "distinguisherMethod": {"type": "ByUser"},
            "exempt": {"nominalConcurrencyShares": 1, "lendablePercent": 1},
            "limited": {"nominalConcurrencyShares": 1, "lendablePercent": 1, "borrowingLimitPercent": 1,
                "limitResponse": {"type": "Queue", "queuing": queuing}}},
        "status": {"conditions": [{"type": "Dangling", "status": "True"}]}})
}

/// A claim's `devices` is an object, a slice's is a list.
fn devices(of_claim: bool) -> Value {
    let wanted = json!({"name": "x", "deviceClassName": "a", "allocationMode": "All", "count": 1,
        "selectors": [{"cel": {"expression": "x"}}], "tolerations": [{"key": "a", "operator": "Equal", "value": "b"}]});
    let config = json!([{"requests": ["a/x"], "opaque": {"driver": "a", "parameters": {"a": 1}}}]);
    let claim = json!({"requests": [{"name": "a", "exactly": wanted}, {"name": "b", "firstAvailable": [wanted]}],
        "constraints": [{"requests": ["a"], "matchAttribute": "a/b", "distinctAttribute": "a/b"}], "config": config});
    let device = json!({"name": "d", "attributes": {"a/b": {"string": "x", "versions": ["1.0.0"]}}, "taints": [{"key": "a"}],
        "capacity": {"m": {"value": "1"}}, "nodeName": "n", "nodeSelector": {}, "allNodes": true});
    let spec = json!({"devices": claim, "spec": {"devices": claim}, "metadata": {"labels": {"a": "b"}}, "config": config,
        "selectors": [{"cel": {"expression": "x"}}], "extendedResourceName": "a/b", "driver": "a", "nodeName": "n",
        "nodeSelector": {"nodeSelectorTerms": [{}]}, "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
        "sharedCounters": [{"name": "a", "counters": {"b": {"value": "1"}}}]});
    let spec = if of_claim { spec } else { with_devices(spec, &device) };
    json!({"metadata": {"name": "a"}, "spec": spec, "status": {"allocation": {"a": 1},
        "reservedFor": [{"resource": "pods", "name": "p", "uid": "1"}]}})
}

fn with_devices(mut spec: Value, device: &Value) -> Value {
    spec["devices"] = json!([device]);
    spec
}
