//! Seats for requests of one class, given out in turn to those who ask, so that nobody who floods keeps the others out.
//!
//! A requester who would hold more than their share waits while others are let in; those who wait get free seats in turn, one
//! each. A queue that is full, or a wait that is too long, refuses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use seam::Seam;
use tokio::sync::oneshot;

/// Requests of one requester that wait at once; further ones are refused. Priority and fairness has the same by default.
const QUEUE_MAX: usize = 50;
/// Requests that wait at once, of all requesters: they hold their connections and heads in memory.
const WAITING_MAX: usize = 4_096;

/// Nobody can be let in for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    seats: usize,
    wait: Duration,
    state: Mutex<State>,
    taken: Gauge,
    queued: Gauge,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    queued: usize,
    /// Seats by requester; nobody stands here with none.
    holding: BTreeMap<Arc<str>, usize>,
    /// Who waits, by requester; nobody stands here with none.
    waiting: BTreeMap<Arc<str>, VecDeque<oneshot::Sender<Seat>>>,
    /// Requesters who wait, the next first.
    turns: VecDeque<Arc<str>>,
}

/// A place among the requests under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    gate: Arc<Gate>,
    who: Arc<str>,
}

impl Gate {
    /// So many seats, for which a request waits so long at most. The gauges show seats taken and requests that wait.
    pub(crate) fn new(seats: usize, wait: Duration, taken: Gauge, queued: Gauge) -> Arc<Self> {
        Arc::new(Self { seats, wait, state: Mutex::default(), taken, queued })
    }

    /// A seat for a requester, now or when it is their turn.
    pub(crate) async fn enter(self: &Arc<Self>, who: &Arc<str>, seam: &Seam) -> Result<Seat, Full> {
        let turn = {
            let mut state = self.lock();
            // Who waits already goes first.
            let nobody_else_can = state.turns.iter().all(|other| !self.has_room(&state, other));
            if nobody_else_can && self.has_room(&state, who) {
                return Ok(self.seat(&mut state, who));
            }
            if state.queued >= WAITING_MAX || state.waiting.get(who).is_some_and(|queue| queue.len() >= QUEUE_MAX) {
                return Err(Full);
            }
            let (turn, seat) = oneshot::channel();
            if !state.waiting.contains_key(who) {
                state.turns.push_back(Arc::clone(who));
            }
            state.waiting.entry(Arc::clone(who)).or_default().push_back(turn);
            state.queued += 1;
            self.queued.inc();
            seat
        };
        match seam.timeout(self.wait, turn).await {
            Ok(Ok(seat)) => Ok(seat),
            Ok(Err(_)) | Err(_) => Err(Full),
        }
    }

    /// Seats of one requester at most: a quarter stays for others.
    fn share(&self) -> usize {
        (self.seats - self.seats / 4).max(1)
    }

    fn has_room(&self, state: &State, who: &Arc<str>) -> bool {
        state.taken < self.seats && state.holding.get(who).is_none_or(|held| *held < self.share())
    }

    fn seat(self: &Arc<Self>, state: &mut State, who: &Arc<str>) -> Seat {
        state.taken += 1;
        *state.holding.entry(Arc::clone(who)).or_default() += 1;
        self.taken.inc();
        Seat { gate: Arc::clone(self), who: Arc::clone(who) }
    }

    /// Takes back a seat and gives out what is free. A seat that is refused is answered, to be dropped unlocked.
    fn leave(self: &Arc<Self>, who: &Arc<str>) -> Option<Seat> {
        let mut state = self.lock();
        state.taken -= 1;
        self.taken.dec();
        if let Some(held) = state.holding.get_mut(who) {
            *held -= 1;
            if *held == 0 {
                state.holding.remove(who);
            }
        }
        while let Some((next, turn)) = self.next(&mut state) {
            if turn.is_closed() {
                continue;
            }
            let seat = self.seat(&mut state, &next);
            if let Err(unwanted) = turn.send(seat) {
                return Some(unwanted);
            }
        }
        None
    }

    /// Who is to be let in: the first in turn that has room, who then stands last.
    fn next(&self, state: &mut State) -> Option<(Arc<str>, oneshot::Sender<Seat>)> {
        let at = state.turns.iter().position(|who| self.has_room(state, who))?;
        let who = state.turns.remove(at)?;
        let queue = state.waiting.get_mut(&who)?;
        let turn = queue.pop_front()?;
        if queue.is_empty() {
            state.waiting.remove(&who);
        } else {
            state.turns.push_back(Arc::clone(&who));
        }
        state.queued -= 1;
        self.queued.dec();
        Some((who, turn))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Whoever gives up in the very moment of being let in hands the seat back, and the next in turn is asked.
        drop(self.gate.leave(&self.who));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn gate(seats: usize) -> Arc<Gate> {
        Gate::new(seats, Duration::from_secs(60), Gauge::default(), Gauge::default())
    }

    /// A try that does not wait.
    fn now(gate: &Arc<Gate>, who: &str) -> Option<Result<Seat, Full>> {
        gate.enter(&who.into(), &Seam::real()).now_or_never()
    }

    #[tokio::test]
    async fn one_who_floods_leaves_a_quarter_to_others() {
        let gate = gate(8);
        let held: Vec<Seat> = (0..6).map(|_| now(&gate, "flood").unwrap().unwrap()).collect();
        assert!(now(&gate, "flood").is_none(), "the seventh waits");
        let quiet = now(&gate, "quiet").unwrap().unwrap();
        assert_eq!((gate.taken.get(), held.len()), (7, 6));
        drop((held, quiet));
        assert_eq!((gate.taken.get(), gate.queued.get()), (0, 0), "who gave up waiting holds nothing");
    }

    #[tokio::test]
    async fn those_who_wait_are_let_in_by_turns() {
        let (gate, seam) = (gate(1), Seam::real());
        let mut seat = Some(now(&gate, "a").unwrap().unwrap());
        let mut tries: Vec<_> = ["a", "a", "b"]
            .iter()
            .map(|who| Box::pin(async { gate.enter(&(*who).into(), &seam).await.map(|seat| (*who, seat)) }))
            .collect();
        for one in &mut tries {
            assert!(one.as_mut().now_or_never().is_none());
        }
        assert_eq!(gate.queued.get(), 3);
        let mut order = Vec::new();
        while !tries.is_empty() {
            drop(seat.take());
            let done = tries.iter_mut().position(|one| match one.as_mut().now_or_never() {
                Some(Ok((who, next))) => {
                    order.push(who);
                    seat = Some(next);
                    true
                }
                _ => false,
            });
            drop(tries.remove(done.unwrap()));
        }
        assert_eq!(order, ["a", "b", "a"]);
    }

    #[tokio::test]
    async fn a_queue_that_is_full_refuses() {
        let (gate, seam) = (gate(1), Seam::real());
        let _seat = now(&gate, "a").unwrap().unwrap();
        let who: Arc<str> = "a".into();
        let mut waiting: Vec<_> = (0..QUEUE_MAX).map(|_| Box::pin(gate.enter(&who, &seam))).collect();
        for one in &mut waiting {
            assert!(one.as_mut().now_or_never().is_none());
        }
        assert!(matches!(now(&gate, "a"), Some(Err(Full))));
    }
}
