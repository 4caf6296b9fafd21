//! The table of shapes against facts that clients rely on.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_table_was_understood_to_the_last_line() {
    assert_eq!(table().problems, [] as [String; 0]);
    assert_eq!(kubernetes_version(), "1.37.0");
    assert!(Schema::types().len() > 800 && Schema::types().len() < usize::from(u16::MAX));
    assert!(table().types.is_sorted_by(|a, b| a.name < b.name));
    assert!(Schema::types().all(|of| of.fields().is_sorted_by(|a, b| a.name < b.name)));
}

fn item(shape: &'static Shape) -> Option<Type> {
    match shape {
        Shape::List(item) => match item.as_ref() {
            Shape::Type(of) => Some(*of),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn keys_of_lists_are_fields_of_their_items() {
    for of in Schema::types() {
        for field in of.fields() {
            let keys: Vec<_> = match &field.list {
                Some(ListType::Map(keys)) => keys.iter().copied().chain(field.merge_key).collect(),
                _ => field.merge_key.into_iter().collect(),
            };
            if let ([_, ..], Some(item)) = (keys.as_slice(), item(&field.shape)) {
                for key in keys {
                    assert!(item.field(key).is_some(), "{of:?}.{}: {item:?} has no field {key}", field.name);
                }
            } else {
                assert!(keys.is_empty(), "{of:?}.{}: keys {keys:?} on a list without objects", field.name);
            }
        }
    }
}

#[test]
fn facts_that_clients_rely_on_are_there() {
    let container = Schema::of("io.k8s.api.core.v1.Container").unwrap();
    let ports = container.field("ports").unwrap();
    assert_eq!(ports.merge_key, Some("containerPort"));
    assert_eq!(ports.list, Some(ListType::Map(["containerPort", "protocol"].into())));
    assert!(ports.strategy.merge && !ports.required && container.field("name").unwrap().required);
    assert_eq!(ports.shape.go_name(), "[]v1.ContainerPort");
    let deployment = Schema::of_kind("apps", "v1", "Deployment").unwrap();
    assert_eq!(deployment.go_name(), "v1.Deployment");
    assert_eq!(deployment.kinds(), [Gvk { group: "apps", version: "v1", kind: "Deployment" }]);
    let spec = Schema::of("io.k8s.api.apps.v1.DeploymentSpec").unwrap();
    assert!(spec.field("strategy").unwrap().strategy.retain_keys);
    assert!(Schema::of("io.k8s.api.core.v1.Nope").is_none() && Schema::of_kind("", "v2", "Pod").is_none());
}

#[test]
fn values_are_those_that_a_server_tells() {
    let check = |of: &str, field: &str, values: &[&str]| {
        let field = Schema::of(&format!("io.k8s.api.{of}")).and_then(|of| of.field(field)).unwrap();
        assert_eq!(&*field.values, values, "{of}.{}", field.name);
    };
    check("core.v1.PodSpec", "restartPolicy", &["Always", "Never", "OnFailure"]);
    check(
        "core.v1.HostPathVolumeSource",
        "type",
        &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"],
    );
    check("core.v1.ServiceSpec", "ipFamilies", &["", "IPv4", "IPv6"]);
    check("core.v1.GRPCAction", "mode", &["Plaintext", "TLS"]);
    check("core.v1.AzureDiskVolumeSource", "kind", &["Dedicated", "Managed", "Shared"]);
    check("core.v1.Pod", "kind", &[]);
    let usages =
        Schema::of("io.k8s.api.certificates.v1.CertificateSigningRequestSpec").unwrap().field("usages").unwrap();
    assert!(usages.values.len() == 23 && usages.values.contains(&"cert sign"));
}

#[test]
fn values_are_of_text_and_sorted() {
    for (of, field) in Schema::types().flat_map(|of| of.fields().iter().map(move |field| (of, field))) {
        let mut shape = &field.shape;
        while let Shape::List(item) | Shape::Map(item) = shape {
            shape = item;
        }
        assert!(field.values.is_empty() || *shape == Shape::Scalar(Scalar::String), "{of:?}.{}", field.name);
        assert!(field.values.is_sorted_by(|a, b| a < b), "{of:?}.{}", field.name);
    }
}

/// Every type that an object of this one can hold.
fn reach(of: Type, reached: &mut BTreeSet<Type>) {
    if !reached.insert(of) {
        return;
    }
    for field in of.fields() {
        let mut shape = &field.shape;
        while let Shape::List(item) | Shape::Map(item) = shape {
            shape = item;
        }
        if let Shape::Type(inner) = shape {
            reach(*inner, reached);
        }
    }
}

/// Fields of devices that are younger than the published numbers of the table; only text can carry them.
const UNNUMBERED: [&str; 4] = ["compatibilityGroups", "derivedAttributes", "expression", "name"];

#[test]
fn every_field_of_a_served_kind_has_its_number_in_protobuf() {
    let bodies = [("", "v1", "Binding"), ("", "v1", "DeleteOptions"), ("autoscaling", "v1", "Scale")];
    let bodies = bodies.iter().map(|(group, version, kind)| Schema::of_kind(group, version, kind).unwrap());
    let mut reached = BTreeSet::new();
    // What nobody writes never travels in protobuf.
    let written = crate::kinds::all().iter().filter(|kind| !kind.flags.computed);
    for of in written.map(|kind| Schema::of(kind.schema).unwrap()).chain(bodies) {
        reach(of, &mut reached);
    }
    assert!(reached.len() > 150, "{}", reached.len());
    for of in &reached {
        let mut paths = BTreeSet::new();
        for field in of.fields() {
            let in_envelope = !of.kinds().is_empty() && matches!(field.name, "apiVersion" | "kind");
            let young = of.name().starts_with("io.k8s.api.resource.") && UNNUMBERED.contains(&field.name);
            match &field.number {
                Some(number) => assert!(paths.insert(&number.path), "{of:?}.{} shares its number", field.name),
                None => assert!(in_envelope || young, "{of:?}.{} has no number", field.name),
            }
        }
    }
}

#[test]
fn numbers_are_those_of_the_published_protos() {
    let check = |of: &str, field: &str, path: &[u32], pointer: bool| {
        let number = Schema::of(of).and_then(|of| of.field(field)).and_then(|field| field.number.as_ref()).unwrap();
        assert_eq!((&*number.path, number.pointer), (path, pointer), "{of}.{field}");
    };
    check("io.k8s.api.core.v1.PodSpec", "containers", &[2], false);
    check("io.k8s.api.core.v1.PodSpec", "terminationGracePeriodSeconds", &[4], true);
    check("io.k8s.api.core.v1.PodSpec", "evictionResponders", &[44], false);
    check("io.k8s.api.core.v1.Volume", "emptyDir", &[2, 2], true);
    check("io.k8s.api.core.v1.Probe", "httpGet", &[1, 2], true);
    check("io.k8s.api.core.v1.ConfigMapKeySelector", "name", &[1, 1], false);
    check("io.k8s.api.core.v1.Container", "resources", &[8], false);
    check("io.k8s.api.apps.v1.DeploymentSpec", "replicas", &[1], true);
    check("io.k8s.api.apps.v1.DeploymentSpec", "minReadySeconds", &[5], false);
    check("io.k8s.api.admissionregistration.v1.NamedRuleWithOperations", "apiGroups", &[2, 2, 1], false);
}
