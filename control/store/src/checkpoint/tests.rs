//! A checkpoint gives back what it was given, event by event or as a whole.

use std::path::Path;

use seam::Moment;
use seam::sim::Simulation;

use super::Checkpoint;
use crate::command::Command;
use crate::format::{Position, Summary};
use crate::history::Limits;
use crate::testing::{command, delete, put};
use crate::truth::{Image, Step, Truth};

const LIMITS: Limits = Limits { bytes: 1 << 20, events: 5 };
const FILE: &str = "/d/state.redb";

fn commands() -> Vec<Command> {
    vec![
        command(1, vec![], vec![put("a", "1"), put("b", "1")]),
        command(2, vec![], vec![put("a", "2")]),
        command(3, vec![], vec![delete("b"), put("c", "1")]),
        command(4, vec![], vec![put("b", "2"), put("b", "3")]),
    ]
}

fn apply(truth: &Truth, at: u64, command: &Command) {
    let at = Position { term: 1, index: at };
    drop(truth.apply(Moment::default(), std::iter::once((at, Step::Command(command)))));
}

fn open(world: &Simulation) -> (Checkpoint, Image) {
    let disk = world.seam().disk().clone();
    Checkpoint::create(&disk, Path::new(FILE), || Summary::of_nothing(LIMITS, 3)).unwrap();
    Checkpoint::open(&disk, Path::new(FILE)).unwrap()
}

/// Everything of a state that a reader or a later command can tell.
fn told(image: &Image) -> String {
    let objects: Vec<_> = image.state.view.iter().collect();
    let events: Vec<_> = image.state.history.iter().collect();
    let requests: Vec<_> = image.state.requests.from(0).collect();
    let (revision, floor) = (image.state.view.revision(), image.state.history.floor());
    format!("{revision} {floor} {:?} {objects:?} {events:?} {requests:?}", image.applied)
}

#[test]
fn what_was_applied_between_two_checkpoints_comes_back() {
    for every in 1..=4 {
        let world = Simulation::new(every);
        let (mut checkpoint, image) = open(&world);
        let truth = Truth::new(image);
        for (at, command) in (1..).zip(commands()) {
            apply(&truth, at, &command);
            if at % every == 0 {
                checkpoint.write(&truth).unwrap();
            }
        }
        checkpoint.write(&truth).unwrap();
        drop(checkpoint);
        assert_eq!(told(&open(&world).1), told(&truth.image()), "a checkpoint every {every} commands");
    }
}

#[test]
fn a_state_put_in_place_of_another_replaces_all_of_it() {
    let world = Simulation::new(1);
    let (mut checkpoint, image) = open(&world);
    let truth = Truth::new(image.clone());
    apply(&truth, 1, &command(9, vec![], vec![put("old", "1"), put("a", "0")]));
    checkpoint.write(&truth).unwrap();
    let other = Truth::new(image);
    for (at, command) in (1..).zip(commands()) {
        apply(&other, at, &command);
    }
    truth.replace(Moment::default(), other.image());
    checkpoint.write(&truth).unwrap();
    drop(checkpoint);
    assert_eq!(told(&open(&world).1), told(&other.image()));
}
