//! The whole store on the real disk.

use std::time::Duration;

use api::meta::{Epoch, Revision};
use openraft::async_runtime::watch::WatchReceiver;
use seam::sim::SimDisk;
use seam::{Random, Seam};

use super::{Store, StoreConfig};
use crate::error::{OpenError, ProposeError};
use crate::testing::{command, delete, key, open, put, text, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_read_back_after_a_clean_restart() {
    let dir = tempfile::tempdir().unwrap();
    let seam = Seam::real();
    let store = open(dir.path()).await;
    let opened = seam.moment();
    assert_eq!(*store.leadership().borrow(), Some(Epoch(1)), "alone, it leads at once");
    let revision = write(&store, "a", "1").await;
    let written = seam.moment();
    assert_eq!((revision, text(&store.view(), "a")), (Revision(1), Some("1".to_owned())));
    store.read_barrier().await.unwrap();
    let again = store.clone();
    store.close().await.unwrap();
    assert!(matches!(again.read_barrier().await, Err(ProposeError::Stopped { .. })));

    let closed = seam.moment();
    let store = open(dir.path()).await;
    let reopened = seam.moment();
    assert_eq!(text(&store.view(), "a"), Some("1".to_owned()));
    assert_eq!(write(&store, "a", "2").await, Revision(2));
    println!(
        "open at {opened:?}, written at {written:?}; open again after {:?}, written after {:?}",
        reopened.since(closed),
        seam.moment().since(closed)
    );
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_resumes_across_a_restart_with_the_states_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    write(&store, "a", "1").await;
    let seen = write(&store, "a", "2").await;
    write(&store, "b", "1").await;
    write(&store, "a", "3").await;
    let retried = command(77, vec![], vec![delete("b"), put("c", "1")]);
    let outcome = store.propose(retried.clone()).await.unwrap();
    let before = store.events(seen).await.unwrap();
    let all = store.events(Revision::ZERO).await.unwrap();
    store.close().await.unwrap();

    let store = open(dir.path()).await;
    assert_eq!(store.events(seen).await.unwrap(), before);
    assert_eq!(store.events(Revision::ZERO).await.unwrap(), all);
    assert_eq!(store.propose(retried).await.unwrap(), outcome, "a retry across the restart is applied once");
    let newest = store.view().revision();
    let (events, _) = tokio::join!(store.events(newest), write(&store, "d", "1"));
    assert_eq!(events.unwrap()[0].key().unwrap().name(), "d");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_goes_on_at_the_revision_where_it_began() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for value in 1..=5 {
        write(&store, "a", &value.to_string()).await;
    }
    for value in 1..=5 {
        let view = store.view_at(Revision(value)).unwrap();
        assert_eq!((view.revision(), text(&view, "a")), (Revision(value), Some(value.to_string())));
    }
    assert!(store.view_at(Revision(6)).is_none());
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_too_large_is_refused_by_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let text = "x".repeat(1_500_000);
    let writes = (0..12).map(|nth| put(&format!("n{nth}"), &text)).collect();
    let error = store.propose(command(1, vec![], writes)).await.unwrap_err();
    assert!(matches!(error, ProposeError::TooLarge { max: 16_777_216, .. }), "{error}");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_in_parallel_get_different_revisions_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let writers = (0..200).map(|nth| {
        let store = store.clone();
        async move { write(&store, &format!("n{nth}"), "1").await }
    });
    let mut revisions = futures::future::join_all(writers).await;
    revisions.sort();
    assert_eq!(revisions, (1..=200).map(Revision).collect::<Vec<_>>());
    assert_eq!(store.events(Revision(100)).await.unwrap().len(), 100);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_leader_goes_on_leading() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let seam = Seam::real();
    // Three times the longest election timeout: a leader that lost its lease by then would refuse.
    seam.sleep(Duration::from_millis(1_800)).await;
    store.read_barrier().await.unwrap();
    write(&store, "a", "1").await;
    assert_eq!(*store.leadership().borrow(), Some(Epoch(1)));
    store.close().await.unwrap();
}

/// The whole store, openraft and all, on a disk that loses power while eight writers are at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_whole_store_acknowledged_survives_power_cuts() {
    for seed in 0..6 {
        let disk = SimDisk::new(Random::seeded(seed));
        let open = || Store::open(StoreConfig::new("/d".into()), Seam::real().with_disk(disk.disk()));
        let mut acknowledged: Vec<(String, Revision)> = Vec::new();
        for life in 0..3 {
            let store = open().await.unwrap();
            for (name, revision) in &acknowledged {
                assert_eq!(store.view().get(&key(name)).map(|it| it.revision), Some(*revision), "seed {seed}, {name}");
            }
            disk.cut_after(50 + seed * 37 + life * 101);
            let writers = (0..8).map(|writer| write_until_it_fails(&store, format!("l{life}-w{writer}")));
            acknowledged.extend(futures::future::join_all(writers).await.into_iter().flatten());
            drop(store);
            disk.power_cycle();
        }
        assert!(acknowledged.len() > 10, "seed {seed}: {}", acknowledged.len());
    }
}

async fn write_until_it_fails(store: &Store, prefix: String) -> Vec<(String, Revision)> {
    let mut acknowledged = Vec::new();
    loop {
        let name = format!("{prefix}-{}", acknowledged.len());
        let command = command(store.new_request_id().0, vec![], vec![put(&name, "1")]);
        match store.propose(command).await {
            Ok(applied) => acknowledged.push((name, applied.revision)),
            Err(ProposeError::Stopped { .. }) => return acknowledged,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_purged_behind_the_checkpoint_and_the_rest_still_opens() {
    let dir = tempfile::tempdir().unwrap();
    let seam = Seam::real();
    let store = open(dir.path()).await;
    let text = "x".repeat(1_000_000);
    for nth in 0..20 {
        write(&store, &format!("n{nth}"), &text).await;
    }
    let purged = || store.member.raft.metrics().borrow_watched().purged.map(|at| at.index);
    for _ in 0..150 {
        if purged().is_some() {
            break;
        }
        seam.sleep(Duration::from_millis(100)).await;
    }
    assert!(purged().is_some_and(|index| (10..=21).contains(&index)), "{:?}", purged());
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.view().len(), 20);
    write(&store, "more", "1").await;
    store.close().await.unwrap();
}

/// Opens a directory that must not open, and compares the message, in which `DIR` stands for it.
async fn check_refused(dir: &std::path::Path, want: &str) -> OpenError {
    let error = Store::open(StoreConfig::new(dir.to_owned()), Seam::real()).await.unwrap_err();
    assert_eq!(error.to_string().replace(dir.to_str().unwrap(), "DIR"), want);
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_not_ours_to_open_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let want = format!(
        "cannot open the store in DIR: process {} has it open; stop that process or choose another directory",
        std::process::id()
    );
    check_refused(dir.path(), &want).await;
    store.close().await.unwrap();

    let format = dir.path().join("format");
    std::fs::write(&format, "bireme store format 2\n").unwrap();
    let want = "cannot open the store in DIR: its format is version 2, this release reads 1 to 1; \
                use the newer release that wrote it";
    check_refused(dir.path(), want).await;
    std::fs::remove_file(&format).unwrap();
    let want = "cannot open the store in DIR: format is damaged: it is missing, while state.redb is there; \
                restore the directory from a backup, or join the cluster again as a new member";
    check_refused(dir.path(), want).await;
    std::fs::write(&format, "bireme store format 1\n").unwrap();
    std::fs::remove_file(dir.path().join("raft.redb")).unwrap();
    let want = "cannot open the store in DIR: raft.redb is damaged: it is missing or empty, while the checkpoint ends at \
                entry 1; restore the directory from a backup, or join the cluster again as a new member";
    check_refused(dir.path(), want).await;
}
