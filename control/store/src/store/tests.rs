//! The whole store on the real disk.

use std::time::{Duration, Instant};

use api::meta::{Epoch, Revision};
use seam::Seam;

use super::{Store, StoreConfig};
use crate::error::{OpenError, ProposeError};
use crate::testing::{command, delete, key, open, put, text, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_read_back_after_a_clean_restart() {
    let dir = tempfile::tempdir().unwrap();
    let cold = Instant::now();
    let store = open(dir.path()).await;
    let opened = cold.elapsed();
    assert_eq!(*store.leadership().borrow(), Some(Epoch(1)), "alone, it leads at once");
    let revision = write(&store, "a", "1").await;
    let written = cold.elapsed();
    assert_eq!((revision, text(&store.view(), "a")), (Revision(1), Some("1".to_owned())));
    store.read_barrier().await.unwrap();
    let again = store.clone();
    store.close().await.unwrap();
    assert!(matches!(again.read_barrier().await, Err(ProposeError::Stopped { .. })));

    let warm = Instant::now();
    let store = open(dir.path()).await;
    let reopened = warm.elapsed();
    assert_eq!(text(&store.view(), "a"), Some("1".to_owned()));
    assert_eq!(write(&store, "a", "2").await, Revision(2));
    println!("open {opened:?}, open and write {written:?}, open again {reopened:?}, and write {:?}", warm.elapsed());
    store.close().await.unwrap();
}
