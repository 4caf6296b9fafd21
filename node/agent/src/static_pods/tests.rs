//! Static pods and their mirrors, as data and from a folder.

use std::path::Path;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::manifest::{Origin, pods};
use super::mirror::Step;
use super::*;

const WEB: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: i}]}\n";

fn read(text: &str, origin: Origin) -> Result<Vec<Pod>, String> {
    let seen = "2026-11-23T10:00:00.5Z".parse().unwrap();
    pods(text.as_bytes(), origin, "file:/m/web.yaml", "node-1", seen).map_err(|error| error.to_string())
}

fn one(text: &str) -> Pod {
    read(text, Origin::File).unwrap().remove(0)
}

#[test]
fn a_manifest_becomes_a_pod_of_the_node() {
    let pod = one(WEB);
    assert_eq!((policy::namespace(&pod), policy::name(&pod)), ("default", "web-node-1"));
    let annotations = pod.metadata.annotations.clone().unwrap();
    assert_eq!(annotations["kubernetes.io/config.source"], "file");
    assert_eq!(annotations["kubernetes.io/config.hash"], policy::uid(&pod));
    assert_eq!(policy::uid(&pod).len(), 32);
    let spec = pod.spec.clone().unwrap();
    assert_eq!(spec.node_name.as_deref(), Some("node-1"));
    assert_eq!(spec.restart_policy.as_deref(), Some("Always"), "the API's defaults hold");
    assert_eq!(spec.tolerations.unwrap()[0].operator.as_deref(), Some("Exists"));
    assert!(is_static(&pod) && !is_mirror(&pod));
    assert_eq!(policy::uid(&one(WEB)), policy::uid(&pod), "what is the same has the same uid");
    assert_ne!(policy::uid(&one(&WEB.replace("image: i", "image: j"))), policy::uid(&pod));
}

#[test]
fn a_list_comes_over_http_alone() {
    let item = "{metadata: {name: a}, spec: {containers: [{name: c, image: i}]}}";
    let list = format!("{{apiVersion: v1, kind: PodList, items: [{item}, {}]}}", item.replace("name: a", "name: b"));
    let names = |pods: Vec<Pod>| pods.iter().map(|pod| policy::name(pod).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(read(&list, Origin::Http).unwrap()), ["a-node-1", "b-node-1"]);
    assert!(read(&list, Origin::File).is_err());
}

#[test]
fn what_the_api_would_refuse_is_no_static_pod() {
    let refused = |text: &str, why: &str| {
        let error = read(text, Origin::File).unwrap_err();
        assert!(error.contains(why), "{error}");
    };
    refused(&WEB.replace("name: c,", "name: C_,"), "spec.containers[0].name");
    refused(&WEB.replace("kind: Pod", "kind: Service"), "Service");
    refused("a: [", "");
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn a_folder_is_as_its_files_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = folder::Folder::new(dir.path().join("missing"), "n");
    assert!(folder.look().is_empty());
    let mut folder = folder::Folder::new(dir.path().to_owned(), "n");
    let mut names = || folder.look().iter().map(|pod| policy::name(pod).to_owned()).collect::<Vec<_>>();
    write(dir.path(), "web.yaml", WEB);
    write(dir.path(), ".hidden.yaml", &WEB.replace("name: web", "name: hidden"));
    write(dir.path(), "wrong.yaml", "kind: Nothing");
    assert_eq!(names(), ["web-n"]);
    write(dir.path(), "web.yaml", &WEB.replace("name: web", "name: other"));
    assert_eq!(names(), ["other-n"]);
    std::fs::remove_file(dir.path().join("web.yaml")).unwrap();
    assert!(names().is_empty());
}

#[test]
fn the_api_shows_static_pods_as_they_are() {
    let (mirrors, pod) = (Mirrors::default(), Arc::new(one(WEB)));
    let words = |mirrors: &Mirrors, pods: &[Arc<Pod>]| {
        let word = |step: &Step| match step {
            Step::Create(pod) => format!("create {}", policy::name(pod)),
            Step::Delete((_, name), uid) => format!("delete {name} {uid}"),
        };
        mirrors.plan(pods).iter().map(word).collect::<Vec<_>>()
    };
    let all = [Arc::clone(&pod)];
    assert!(words(&mirrors, &all).is_empty(), "nobody knows yet what the API has");
    mirrors.settle(&std::collections::BTreeSet::new());
    mirrors.set_owner(OwnerReference { kind: "Node".to_owned(), ..OwnerReference::default() });
    assert_eq!(words(&mirrors, &all), ["create web-node-1"]);
    let Some(Step::Create(mirror)) = mirrors.plan(&all).pop() else { panic!("a mirror is made") };
    assert!(is_mirror(&mirror) && !is_static(&mirror));
    assert_eq!(mirror.metadata.owner_references.as_ref().unwrap()[0].kind, "Node");

    let mut mirror = *mirror;
    mirror.metadata.uid = Some("m1".to_owned());
    mirrors.apply(&mirror);
    assert!(words(&mirrors, &all).is_empty());
    assert_eq!(mirrors.uid_of(&pod).as_deref(), Some("m1"));
    let changed = Arc::new(one(&WEB.replace("image: i", "image: j")));
    assert_eq!(words(&mirrors, &[changed]), ["delete web-node-1 m1"]);
    assert_eq!(words(&mirrors, &[]), ["delete web-node-1 m1"]);
    mirror.metadata.deletion_timestamp = Some(crate::status::seconds("2026-11-23T10:00:00Z".parse().unwrap()));
    mirrors.apply(&mirror);
    assert_eq!(words(&mirrors, &all), ["delete web-node-1 m1"], "who is deleted by somebody comes again");
    mirrors.remove(&mirror);
    assert_eq!(words(&mirrors, &all), ["create web-node-1"]);
}
