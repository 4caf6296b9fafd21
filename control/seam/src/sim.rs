//! A world of one thread that a seed determines.

pub mod disk;
mod executor;
pub(crate) mod net;

pub use disk::SimDisk;
pub use executor::{Deadlock, Executor};

use crate::Seam;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::random::Random;
use crate::socket::Sockets;

/// A simulated world: virtual time, tasks in an order that the seed picks, a disk that can lose power,
/// a network in memory.
#[derive(Clone, Debug)]
pub struct Simulation {
    seam: Seam,
    executor: Executor,
    disk: SimDisk,
}

impl Simulation {
    /// The world that follows from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let random = Random::seeded(seed);
        let executor = Executor::new(Random::seeded(random.u64()));
        let disk = SimDisk::new(Random::seeded(random.u64()));
        let sockets = Sockets::simulated(net::SimNet::default());
        let seam = Seam {
            clock: Clock::Simulated(executor.clone()),
            random,
            disk: disk.disk(),
            sockets,
            metrics: Metrics::new(),
        };
        Self { seam, executor, disk }
    }

    /// The seam to give to the code under test.
    #[must_use]
    pub fn seam(&self) -> Seam {
        self.seam.clone()
    }

    /// Runs until `main` is done; other tasks stay as they are and go on at the next run.
    ///
    /// # Errors
    /// When every task waits and no sleep is pending.
    pub fn run<T>(&self, main: impl Future<Output = T>) -> Result<T, Deadlock> {
        self.executor.run(main)
    }

    /// Drops every task, as a killed process does.
    pub fn kill(&self) {
        self.executor.kill_all();
    }

    /// The disk, to cut its power.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn time_passes_only_when_nobody_can_run() {
        let world = Simulation::new(1);
        let seam = world.seam();
        let began = seam.now();
        world.run(async { seam.sleep(Duration::from_secs(3600)).await }).unwrap();
        assert_eq!(world.seam().now().duration_since(began).as_secs(), 3600);
        let late = world.run(seam.timeout(Duration::from_secs(1), std::future::pending::<()>())).unwrap();
        assert_eq!(late, Err(crate::Elapsed(Duration::from_secs(1))));
    }

    /// The order in which five tasks of equal right take their turns.
    fn interleaving(seed: u64) -> Vec<u64> {
        let world = Simulation::new(seed);
        let seam = world.seam();
        let order = Arc::new(Mutex::new(Vec::new()));
        for task in 0..5 {
            let (seam_, order) = (seam.clone(), Arc::clone(&order));
            seam.spawn("turn", async move {
                for _ in 0..4 {
                    order.lock().unwrap().push(task);
                    seam_.sleep(Duration::ZERO).await;
                }
            });
        }
        world.run(seam.sleep(Duration::from_secs(1))).unwrap();
        order.lock().unwrap().clone()
    }

    #[test]
    fn a_seed_is_an_interleaving() {
        assert_eq!(interleaving(7), interleaving(7));
        assert!((0..10).any(|seed| interleaving(seed) != interleaving(7)));
        assert_eq!(interleaving(7).len(), 20);
    }

    #[test]
    fn a_world_in_which_everybody_waits_is_a_deadlock() {
        let world = Simulation::new(1);
        assert!(world.run(std::future::pending::<()>()).is_err());
    }

    #[test]
    fn a_worker_gets_what_piled_up_as_one_batch_and_ends_with_its_handles() {
        let world = Simulation::new(3);
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sizes);
        let worker =
            world.seam().worker("sizes", 8, move |batch: Vec<u8>| seen.lock().unwrap().push(batch.len())).unwrap();
        world
            .run(async {
                for work in 0..20 {
                    worker.send(work).await.unwrap();
                }
                worker.finish().await;
            })
            .unwrap();
        let sizes = sizes.lock().unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), 20);
        assert!(sizes.iter().any(|size| *size > 1), "{sizes:?}");
    }

    #[test]
    fn a_task_is_stopped_at_its_next_await_and_its_end_is_seen() {
        let world = Simulation::new(1);
        let task = world.seam().spawn("forever", std::future::pending());
        world
            .run(async {
                task.abort();
                task.ended().await;
            })
            .unwrap();
    }

    #[test]
    fn what_was_synced_survives_a_power_cut_and_the_rest_does_by_sectors() {
        let (mut lost, mut torn) = (0, 0);
        for seed in 0..50 {
            let world = Simulation::new(seed);
            let disk = world.seam().disk().clone();
            let path = Path::new("/d/f");
            let file = disk.open(path).unwrap();
            file.write_at(0, &[1; 2048]).unwrap();
            file.sync().unwrap();
            disk.sync_dir(Path::new("/d")).unwrap();
            file.write_at(0, &[2; 1024]).unwrap();
            world.disk().power_cycle();
            assert!(file.sync().is_err(), "a file from before the cut is dead");
            let after = disk.read(path).unwrap();
            assert_eq!(after[1024..], [1; 1024]);
            for sector in after.chunks(512) {
                assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is written as a whole");
            }
            lost += u32::from(after[0] == 1 && after[512] == 1);
            torn += u32::from(after[0] != after[512]);
        }
        assert!(lost > 0 && torn > 0, "lost {lost}, torn {torn}");
    }

    #[test]
    fn a_lock_is_held_once_and_names_its_holder() {
        let world = Simulation::new(1);
        let disk = world.seam().disk().clone();
        let held = disk.lock(Path::new("/d/lock"), "7").unwrap().unwrap();
        assert_eq!(disk.lock(Path::new("/d/lock"), "8").unwrap().unwrap_err(), "7");
        drop(held);
        assert!(disk.lock(Path::new("/d/lock"), "8").unwrap().is_ok());
    }

    #[test]
    fn a_file_put_in_place_durably_is_the_old_or_the_new_one_after_any_cut() {
        for cut in 0..8 {
            let world = Simulation::new(cut);
            let disk = world.seam().disk().clone();
            let path = Path::new("/d/f");
            disk.write_durably(path, b"old").unwrap();
            world.disk().cut_after(cut);
            let written = disk.write_durably(path, b"new");
            world.disk().power_cycle();
            let after = disk.read(path).unwrap();
            assert!(after == b"new" || (after == b"old" && written.is_err()), "{after:?}");
        }
    }

    #[test]
    fn names_connect() {
        let world = Simulation::new(1);
        let sockets = world.seam().sockets().clone();
        world
            .run(async {
                assert_eq!(sockets.connect("a:1").await.err().unwrap().kind(), std::io::ErrorKind::ConnectionRefused);
                let mut listener = sockets.listen("a:1").await.unwrap();
                assert!(sockets.listen("a:1").await.is_err());
                let mut ours = sockets.connect("a:1").await.unwrap();
                let mut theirs = listener.accept().await.unwrap();
                ours.write_all(b"hello").await.unwrap();
                let mut heard = [0; 5];
                theirs.read_exact(&mut heard).await.unwrap();
                assert_eq!(&heard, b"hello");
            })
            .unwrap();
    }
}
