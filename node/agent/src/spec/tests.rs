//! From specifications to what the runtime is asked for.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

fn node() -> NodeFacts {
    NodeFacts {
        name: "n1".to_owned(),
        addresses: vec!["192.0.2.1".parse().unwrap()],
        allocatable: Capacity {
            cpu_milli: 2000,
            memory: 1 << 30,
            ephemeral_storage: 1 << 30,
            pods: 110,
            huge_2mi: None,
            huge_1gi: None,
        },
        pod_pids: Some(100),
        cluster_dns: Some(ClusterDns {
            servers: vec!["10.96.0.10".parse().unwrap()],
            domain: "cluster.local".to_owned(),
        }),
        resolv_conf: "nameserver 1.1.1.1\nsearch example.com\n".to_owned(),
        app_armor: false,
        unsafe_sysctls: crate::sysctls::UnsafeSysctls::default(),
    }
}

fn pod(spec: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {
            "name": "web", "namespace": "ns", "uid": "u", "labels": { "app": "x" },
            "annotations": { "wasm.bireme.dev/outgoing-hosts.c": "a.example, b:80", "wasm.bireme.dev/sockets.c": "true" },
        },
        "spec": spec,
    }))
    .unwrap()
}

fn material() -> Material {
    let map = serde_json::from_value(json!({ "data": { "A": "1", "B": "2" } })).unwrap();
    let secret = serde_json::from_value(json!({ "data": { "k": "c2VjcmV0" } })).unwrap();
    Material {
        config_maps: [("m".to_owned(), Some(Arc::new(map)))].into(),
        secrets: [("s".to_owned(), Some(Arc::new(secret)))].into(),
        services: vec![("KUBERNETES_SERVICE_HOST".to_owned(), "10.96.0.1".to_owned())],
        ..Material::default()
    }
}

fn configured(spec: Value) -> Result<ContainerConfig, ConfigError> {
    let pod = pod(spec);
    let container = &pod.spec.as_ref().unwrap().containers[0];
    let image = crate::fake::image("r/i");
    let addresses = ["10.1.0.5".parse().unwrap()];
    let wanted = Wanted {
        pod: &pod,
        container,
        attempt: 0,
        image: &image,
        mounts: Vec::new(),
        addresses: &addresses,
        processes_of: None,
    };
    super::container(wanted, &node(), &material())
}

fn check(container: Value, expected: &Expect) {
    let text = match configured(json!({ "containers": [container] })) {
        Ok(config) => {
            let env: String = config.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            format!("{env}{:?} {:?}\n{:?}\n", config.command, config.args, config.wasm)
        }
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&text);
}

#[test]
fn environment_and_expansion() {
    let container = json!({
        "name": "c", "image": "i", "command": ["run", "$(P_A)"], "args": ["$(IP):$(NOPE)"], "ports": [{ "containerPort": 80 }],
        "resources": { "limits": { "cpu": "1500m" } },
        "envFrom": [{ "prefix": "P_", "configMapRef": { "name": "m" } }],
        "env": [
            { "name": "IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } },
            { "name": "APP", "valueFrom": { "fieldRef": { "fieldPath": "metadata.labels['app']" } } },
            { "name": "CPU", "valueFrom": { "resourceFieldRef": { "resource": "limits.cpu" } } },
            { "name": "MEM", "valueFrom": { "resourceFieldRef": { "resource": "limits.memory", "divisor": "1Mi" } } },
            { "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } },
            { "name": "URL", "value": "http://$(IP)/$(KUBERNETES_SERVICE_HOST)" },
        ],
    });
    check(
        container,
        &expect![[r#"
        P_A=1
        P_B=2
        IP=10.1.0.5
        APP=x
        CPU=2
        MEM=1024
        KEY=secret
        URL=http://10.1.0.5/10.96.0.1
        KUBERNETES_SERVICE_HOST=10.96.0.1
        ["run", "1"] ["10.1.0.5:$(NOPE)"]
        WasmConfig { port: Some(80), outgoing_hosts: ["a.example", "b:80"], sockets: true, peers: [], listen_ports: [80], request_timeout_ms: None }
    "#]],
    );
}

#[test]
fn what_is_missing_is_named_as_kubernetes_names_it() {
    let with = |source: Value| json!({ "name": "c", "env": [{ "name": "X", "valueFrom": source }] });
    for (source, expected) in [
        (json!({ "configMapKeyRef": { "name": "x", "key": "k" } }), "configmap \"x\" not found"),
        (json!({ "secretKeyRef": { "name": "s", "key": "z" } }), "couldn't find key z in Secret ns/s"),
        (json!({ "configMapKeyRef": { "name": "m", "key": "z" } }), "couldn't find key z in ConfigMap ns/m"),
    ] {
        let error = configured(json!({ "containers": [with(source)] })).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let root = json!({ "containers": [{ "name": "c", "securityContext": { "runAsNonRoot": true } }] });
    assert!(
        configured(root).unwrap_err().to_string().starts_with("container has runAsNonRoot and image will run as root")
    );
}

#[test]
fn names_and_resolver() {
    let pod = pod(
        json!({ "subdomain": "sub", "hostAliases": [{ "ip": "1.2.3.4", "hostnames": ["a", "b"] }], "containers": [] }),
    );
    let spec = pod.spec.clone().unwrap();
    let config = sandbox(&pod, &spec, &node(), None, vec!["10.1.0.5".parse().unwrap()], "/logs".into());
    let own: Vec<&str> = config.hosts.lines().skip(7).collect();
    expect![[r#"
        web
        10.1.0.5	web.sub.ns.svc.cluster.local	web

        # Entries added by HostAliases.
        1.2.3.4	a	b
        nameserver 10.96.0.10
        search ns.svc.cluster.local svc.cluster.local cluster.local example.com
        options ndots:5
    "#]]
    .assert_eq(&format!("{}\n{}\n{}", config.hostname, own.join("\n"), config.resolv_conf));
}
