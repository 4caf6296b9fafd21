//! Who asks when: one queue and one runner for all controllers and the scheduler.
//!
//! The runner follows the feed of changes, finds which keys they make due, asks the pure decisions, and carries the answers
//! out through the server's verbs. Only the leader runs it; it stops with its leadership, and what it decided under an older
//! epoch is refused by the store.

mod figures;
mod queue;
mod runner;
mod placing;

use std::sync::Arc;

use api::meta::Epoch;
use api::verbs::Verbs;
use seam::Seam;
use tokio::sync::watch;

/// Runs for as long as `leadership` has a sender: a runner per term of leadership of this member.
pub async fn run(verbs: Arc<dyn Verbs>, mut leadership: watch::Receiver<Option<Epoch>>, seam: Seam) {
    let figures = figures::Figures::new(seam.metrics());
    loop {
        let epoch = *leadership.borrow_and_update();
        let lost = async {
            loop {
                if leadership.changed().await.is_err() {
                    return false;
                }
                if *leadership.borrow_and_update() != epoch {
                    return true;
                }
            }
        };
        let term = async {
            match epoch {
                Some(epoch) => {
                    runner::Runner::new(Arc::clone(&verbs), epoch, seam.clone(), figures.clone()).run().await;
                }
                None => std::future::pending().await,
            }
        };
        figures.reset();
        tokio::select! {
            goes_on = lost => if !goes_on { return },
            () = term => {}
        }
    }
}
