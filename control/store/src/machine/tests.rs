//! `apply` as plain data: a table of cases, and random commands against a simple model.

use std::collections::BTreeMap;

use api::meta::{Epoch, Revision, Uid};
use proptest::prelude::*;

use super::*;
use crate::command::RequestId;
use crate::history::Limits;
use crate::testing::{command, delete, key, put, text};

const LIMITS: Limits = Limits { bytes: 1 << 20, events: 1_000 };

fn state() -> State {
    State::new(LIMITS, 100)
}

/// Applies commands one after another and writes down what came of each.
fn check(commands: &[Command], want: &[&str]) {
    let mut state = state();
    let got: Vec<String> = commands
        .iter()
        .map(|command| {
            let (outcome, events) = apply(&mut state, command);
            let outcome = match outcome {
                Ok(applied) => {
                    let records = applied.records.iter().map(|it| if it.is_some() { "put" } else { "gone" });
                    format!("{} [{}]", applied.revision, records.collect::<Vec<_>>().join(" "))
                }
                Err(refused) => refused.to_string(),
            };
            format!("{outcome}, {} events", events.len())
        })
        .collect();
    assert_eq!(got, want);
}

#[test]
fn all_writes_of_a_command_share_one_revision_and_no_change_takes_none() {
    check(
        &[
            command(1, vec![], vec![put("a", "1"), put("b", "1")]),
            command(2, vec![], vec![delete("c")]),
            command(3, vec![], vec![delete("a"), put("c", "1")]),
            command(4, vec![], vec![]),
        ],
        &["1 [put put], 2 events", "1 [gone], 0 events", "2 [gone put], 2 events", "2 [], 0 events"],
    );
}

#[test]
fn a_precondition_that_does_not_hold_refuses_all() {
    let at = |revision| Precondition::At(key("a"), Revision(revision));
    check(
        &[
            command(1, vec![Precondition::Absent(key("a"))], vec![put("a", "1")]),
            command(2, vec![Precondition::Absent(key("a"))], vec![put("a", "2")]),
            command(3, vec![at(1), at(2)], vec![put("b", "1")]),
            command(4, vec![Precondition::Is(key("a"), Uid::new("other"))], vec![delete("a")]),
            command(5, vec![Precondition::Is(key("a"), Uid::new("a")), at(1)], vec![delete("a")]),
            command(6, vec![at(1)], vec![put("a", "3")]),
        ],
        &[
            "1 [put], 1 events",
            "precondition 0 does not hold, 0 events",
            "precondition 1 does not hold, 0 events",
            "precondition 0 does not hold, 0 events",
            "2 [gone], 1 events",
            "precondition 0 does not hold, 0 events",
        ],
    );
}

#[test]
fn what_was_decided_under_an_older_leadership_is_refused() {
    let under = |request, epoch| Command { epoch: Some(Epoch(epoch)), ..command(request, vec![], vec![put("a", "1")]) };
    check(
        &[under(1, 2), under(2, 1), under(3, 2), command(4, vec![], vec![put("a", "2")])],
        &[
            "1 [put], 1 events",
            "decided under epoch Epoch(1), which is over, 0 events",
            "2 [put], 1 events",
            "3 [put], 1 events",
        ],
    );
    let mut state = state();
    state.lead(Epoch(5));
    assert_eq!(apply(&mut state, &under(1, 4)).0, Err(Refused::Epoch(Epoch(4))));
}

#[test]
fn a_retried_request_is_applied_once_and_gets_its_own_outcome_back() {
    let mut state = state();
    let first = command(1, vec![Precondition::Absent(key("a"))], vec![delete("x"), put("a", "1")]);
    let (outcome, _) = apply(&mut state, &first);
    apply(&mut state, &command(2, vec![], vec![put("a", "2")])).0.unwrap();
    let (again, events) = apply(&mut state, &first);
    assert_eq!((again, events), (outcome, vec![]));
    assert_eq!(text(&state.view, "a"), Some("2".to_owned()));
}

#[test]
fn history_forgets_whole_revisions_and_says_from_where_it_knows() {
    let mut state = State::new(Limits { bytes: 1 << 20, events: 3 }, 100);
    for request in 1..=4 {
        apply(&mut state, &command(request, vec![], vec![put("a", "x"), put("b", "x")])).0.unwrap();
    }
    assert_eq!(state.history.floor(), Revision(3));
    assert_eq!(state.history.after(Revision(3), 1).unwrap().len(), 2, "a revision is not cut");
    assert_eq!(state.history.after(Revision(2), 9).unwrap_err().oldest, Revision(3));
    assert_eq!(state.requests.find(RequestId(3)), None, "a request whose outcome is forgotten is, too");
    assert_eq!(state.requests.find(RequestId(4)), Some(Revision(4)));
}

/// Names with the revision they should be at (0: absent), and names with the value to put (`None`: delete).
type AnyCommand = (Vec<(u8, u64)>, Vec<(u8, Option<u8>)>);

/// One random command on few names, so that they collide.
fn any_command() -> impl Strategy<Value = AnyCommand> {
    let precondition = (0..3u8, 0..6u64);
    let write = (0..3u8, proptest::option::of(any::<u8>()));
    (proptest::collection::vec(precondition, 0..2), proptest::collection::vec(write, 0..3))
}

proptest! {
    #[test]
    fn random_commands_do_what_a_map_does(commands in proptest::collection::vec(any_command(), 1..60)) {
        let mut state = state();
        let mut model: BTreeMap<String, (u64, String)> = BTreeMap::new();
        let mut revision = 0;
        let mut followed = View::new();
        for (request, (preconditions, writes)) in commands.into_iter().enumerate() {
            let name = |nth: u8| format!("n{nth}");
            let holds = preconditions.iter().all(|(nth, at)| match at {
                0 => !model.contains_key(&name(*nth)),
                at => model.get(&name(*nth)).is_some_and(|(revision, _)| revision == at),
            });
            let changes = holds && {
                let mut there: std::collections::BTreeSet<String> = model.keys().cloned().collect();
                writes.iter().filter(|(nth, value)| match value {
                    Some(_) => { there.insert(name(*nth)); true }
                    None => there.remove(&name(*nth)),
                }).count() > 0
            };
            if changes {
                revision += 1;
                for (nth, value) in &writes {
                    match value {
                        Some(value) => drop(model.insert(name(*nth), (revision, value.to_string()))),
                        None => drop(model.remove(&name(*nth))),
                    }
                }
            }
            let preconditions = preconditions.iter().map(|(nth, at)| match at {
                0 => Precondition::Absent(key(&name(*nth))),
                at => Precondition::At(key(&name(*nth)), Revision(*at)),
            }).collect();
            let writes = writes.iter().map(|(nth, value)| match value {
                Some(value) => put(&name(*nth), &value.to_string()),
                None => delete(&name(*nth)),
            }).collect();
            let (outcome, events) = apply(&mut state, &command(request as u128, preconditions, writes));
            prop_assert_eq!(outcome.is_ok(), holds);
            prop_assert_eq!(!events.is_empty(), changes);
            events.iter().for_each(|event| followed.follow(event));
            prop_assert_eq!(state.view.revision(), Revision(revision));
        }
        let contents = |view: &View| -> BTreeMap<String, (u64, String)> {
            view.iter().map(|it| (it.key.name().to_owned(), (it.revision.0, text(view, it.key.name()).unwrap()))).collect()
        };
        prop_assert_eq!(contents(&state.view), model.clone());
        prop_assert_eq!(contents(&followed), model, "who follows the events sees the same");
    }
}
