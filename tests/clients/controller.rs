//! What controllers written with kube stand on: reflectors, watches with bookmarks, and metadata alone.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Client, Config, ResourceExt};
use serde_json::json;

use crate::scene::Scene;

/// Asks for a copy.
const WANTED: &str = "example.invalid/copy=yes";
/// Until a test has seen all.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a test in a namespace of its own, on which the API of its ConfigMaps is opened.
fn with_config_maps<F: Future<Output = ()>>(namespace: &str, test: impl FnOnce(Api<ConfigMap>) -> F) {
    let scene = Scene::shared();
    scene.cluster.kubectl().create_namespace(namespace);
    let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    tasks.block_on(async {
        let file = Kubeconfig::read_from(scene.cluster.kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        let api = Api::namespaced(Client::try_from(config).unwrap(), namespace);
        tokio::time::timeout(LIMIT, test(api)).await.unwrap();
    });
}

/// A ConfigMap that wants a copy.
fn original(name: &str) -> ConfigMap {
    let (label, value) = WANTED.split_once('=').unwrap();
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.into()),
            labels: Some([(label.into(), value.into())].into()),
            ..ObjectMeta::default()
        },
        data: Some([("key".into(), "value".into())].into()),
        ..ConfigMap::default()
    }
}

#[test]
fn a_reflector_holds_what_is_there() {
    with_config_maps("kube-reflector", |api| async move {
        api.create(&PostParams::default(), &original("before")).await.unwrap();
        for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
            let (held, writer) = reflector::store::<ConfigMap>();
            let events = reflector(writer, watcher(api.clone(), config.labels(WANTED))).applied_objects();
            let follows = tokio::spawn(events.try_for_each(|_| async { Ok(()) }));
            held.wait_until_ready().await.unwrap();
            let names = || -> Vec<String> { held.state().iter().map(|object| object.name_any()).collect() };
            assert_eq!(names(), ["before"]);
            api.create(&PostParams::default(), &original("later")).await.unwrap();
            while names().len() < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            api.delete("later", &DeleteParams::default()).await.unwrap();
            while names().len() > 1 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            follows.abort();
        }
    });
}

#[test]
fn a_watch_tells_where_what_was_there_ends() {
    with_config_maps("kube-watch", |api| async move {
        api.create(&PostParams::default(), &original("before")).await.unwrap();
        let params = WatchParams::default().labels(WANTED).initial_events();
        let mut events = api.watch(&params, "0").await.unwrap().boxed();
        let first = events.try_next().await.unwrap().unwrap();
        assert!(matches!(&first, WatchEvent::Added(object) if object.name_any() == "before"), "{first:?}");
        let second = events.try_next().await.unwrap().unwrap();
        let WatchEvent::Bookmark(bookmark) = second else { panic!("{second:?}") };
        assert_eq!(bookmark.metadata.annotations["k8s.io/initial-events-end"], "true");
        api.create(&PostParams::default(), &original("later")).await.unwrap();
        let third = events.try_next().await.unwrap().unwrap();
        assert!(matches!(&third, WatchEvent::Added(object) if object.name_any() == "later"), "{third:?}");
    });
}

#[test]
fn metadata_alone_is_read_patched_and_watched() {
    with_config_maps("kube-metadata", |api| async move {
        api.create(&PostParams::default(), &original("one")).await.unwrap();
        let read: PartialObjectMeta<ConfigMap> = api.get_metadata("one").await.unwrap();
        assert_eq!(read.types.unwrap().kind, "PartialObjectMetadata");
        let noted = Patch::Merge(json!({"metadata": {"annotations": {"note": "text"}}}));
        let patched = api.patch_metadata("one", &PatchParams::default(), &noted).await.unwrap();
        assert_eq!(patched.annotations()["note"], "text");
        assert_eq!(patched.types.unwrap().kind, "PartialObjectMetadata");
        assert_eq!(api.get("one").await.unwrap().data, original("one").data);
        let heads = Api::<PartialObjectMeta<ConfigMap>>::namespaced(api.clone().into_client(), "kube-metadata");
        let events = watcher(heads, watcher::Config::default().labels(WANTED));
        let mut events = events.applied_objects().boxed();
        assert_eq!(events.try_next().await.unwrap().unwrap().name_any(), "one");
    });
}
