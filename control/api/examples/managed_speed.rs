use api::managed::{Reach, Write, apply, update};
use api::meta::Timestamp;
use api::schema::Schema;
use serde_json::{Value, json};
use std::time::Instant;

fn main() {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let write = |kind: &'static str, sub: &'static str, reach, served| Write {
        of: Schema::of_kind("", "v1", kind),
        api_version: "v1",
        kind,
        manager: "m",
        subresource: sub,
        reach,
        served,
        now,
    };
    let served = ["v1"];
    let mut pod = json!({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"d","labels":{"app":"a","pod-template-hash":"x"},"generateName":"p-","uid":"u","creationTimestamp":"t",
        "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"o","controller":true,"blockOwnerDeletion":true}]},
        "spec":{"containers":[{"name":"c","image":"i","imagePullPolicy":"Always","resources":{},"ports":[{"containerPort":80,"protocol":"TCP"}],"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],
          "terminationMessagePath":"/x","terminationMessagePolicy":"File","volumeMounts":[{"name":"t","mountPath":"/t","readOnly":true}]}],
          "dnsPolicy":"ClusterFirst","enableServiceLinks":true,"restartPolicy":"Always","schedulerName":"s","securityContext":{},"terminationGracePeriodSeconds":30,"nodeName":"n","serviceAccountName":"default",
          "tolerations":[{"key":"a","operator":"Exists"}],"volumes":[{"name":"t","projected":{"defaultMode":420,"sources":[]}}]},
        "status":{"phase":"Pending","qosClass":"BestEffort"}});
    update(&write("Pod", "", Reach::But("status"), &served), None, &mut pod);
    let status = |ready: &str, restarts: u32| {
        json!({"phase":"Running","qosClass":"BestEffort","hostIP":"1.2.3.4","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}],"startTime":"t",
        "conditions": ["PodReadyToStartContainers","Initialized","Ready","ContainersReady","PodScheduled"].map(|t| json!({"type":t,"status":ready,"lastProbeTime":null,"lastTransitionTime":"t"})),
        "containerStatuses":[{"name":"c","image":"i","imageID":"x","ready":true,"restartCount":restarts,"started":true,"containerID":"c","state":{"running":{"startedAt":"t"}},"lastState":{}}]})
    };
    let w = write("Pod", "status", Reach::Only(&["status"]), &served);
    let n = 2000u32;
    let time = |name: &str, mut f: Box<dyn FnMut(u32)>| {
        let t = Instant::now();
        for i in 0..n {
            f(i);
        }
        println!("{name}: {:.1} us", t.elapsed().as_micros() as f64 / f64::from(n));
    };
    let base = pod.clone();
    time(
        "pod status, first",
        Box::new(move |i| {
            let mut new = base.clone();
            new["status"] = status("True", i);
            let base = &base;
            update(&w, Some(base), &mut new);
            std::hint::black_box(&new);
        }),
    );
    let mut live = pod.clone();
    live["status"] = status("True", 0);
    update(&w, Some(&pod), &mut live);
    println!(
        "{} bytes, of which managers {}",
        live.to_string().len(),
        live["metadata"]["managedFields"].to_string().len()
    );
    let l = live.clone();
    time(
        "pod status, one field",
        Box::new(move |i| {
            let mut new = l.clone();
            new["status"]["containerStatuses"][0]["restartCount"] = (i + 1).into();
            update(&w, Some(&l), &mut new);
            std::hint::black_box(&new);
        }),
    );
    let l = live.clone();
    time(
        "pod status, unchanged",
        Box::new(move |_| {
            let mut new = l.clone();
            update(&w, Some(&l), &mut new);
            std::hint::black_box(&new);
        }),
    );
    let l = live.clone();
    time(
        "clone of that pod alone",
        Box::new(move |_| {
            std::hint::black_box(&l.clone());
        }),
    );
    let l = live.to_string();
    time(
        "parse of that pod alone",
        Box::new(move |_| {
            std::hint::black_box(&serde_json::from_str::<Value>(&l).unwrap());
        }),
    );
    let l = live.clone();
    time(
        "encoding that pod alone",
        Box::new(move |_| {
            std::hint::black_box(&l.to_string());
        }),
    );
    let w = write("Pod", "", Reach::But("status"), &served);
    let p = {
        let mut p = pod.clone();
        p["metadata"].as_object_mut().unwrap().remove("managedFields");
        p
    };
    time(
        "pod create",
        Box::new(move |_| {
            let mut new = p.clone();
            update(&w, None, &mut new);
            std::hint::black_box(&new);
        }),
    );
    let w = write("ConfigMap", "", Reach::Whole, &served);
    let cm = json!({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"p","namespace":"d","labels":{"a":"b"}},"data":{"a":"1","b":"2","c":"3"}});
    let c = cm.clone();
    time(
        "configmap create",
        Box::new(move |_| {
            let mut new = c.clone();
            update(&w, None, &mut new);
            std::hint::black_box(&new);
        }),
    );
    let c = cm.clone();
    time(
        "configmap apply, new",
        Box::new(move |_| {
            std::hint::black_box(&apply(&w, None, &c, false).unwrap());
        }),
    );
}
