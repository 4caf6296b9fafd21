//! What changed between two states of an object, as sets of paths.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::place::{Form, Place};
use super::scalar::same;
use super::set::Node;
use super::{Element, Set};

/// The difference between two states. No path is in more than one of the sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Only the first has these.
    pub(super) removed: Set,
    /// Both have these, with different values.
    pub(super) modified: Set,
    /// Only the second has these.
    pub(super) added: Set,
}

/// What became of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Removed,
    Modified,
    Added,
}

impl Comparison {
    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// The paths to which the second state gave a value.
    pub(super) fn given(&self) -> Set {
        self.modified.union(&self.added)
    }

    /// Every path of the three sets, taken through a filter.
    pub(super) fn filtered(&self, filter: impl Fn(&Set) -> Set) -> Self {
        Self { removed: filter(&self.removed), modified: filter(&self.modified), added: filter(&self.added) }
    }

    fn union(&self, other: &Self) -> Self {
        Self {
            removed: self.removed.union(&other.removed),
            modified: self.modified.union(&other.modified),
            added: self.added.union(&other.added),
        }
    }
}

/// Compares two objects.
///
/// # Errors
/// A sentence, when an item of a list has nothing by which it could be told apart.
pub(super) fn compare(place: Place, before: &Value, after: &Value) -> Result<Comparison, String> {
    walk(place, Some(before), Some(after)).map(|(_, below)| below)
}

/// What became of this place, and of those below it.
type Outcome = (Option<Change>, Comparison);

fn walk(place: Place, before: Option<&Value>, after: Option<&Value>) -> Result<Outcome, String> {
    match (before, after) {
        (None, None) => Ok(Outcome::default()),
        (Some(before), Some(after)) if before == after => Ok(Outcome::default()),
        (Some(one), None) | (None, Some(one)) => walk_as(place.form(one), place, before, after),
        (Some(old), Some(new)) => {
            let (first, second) = (place.form(old), place.form(new));
            let (here, below) = walk_as(second, place, before, after)?;
            if first == second {
                return Ok((here, below));
            }
            // Where anything may stand, the old value goes in its own form.
            let (old_here, old_below) = walk_as(first, place, before, after)?;
            Ok((here.or(old_here), below.union(&old_below)))
        }
    }
}

fn walk_as(form: Form, place: Place, before: Option<&Value>, after: Option<&Value>) -> Result<Outcome, String> {
    let below = match form {
        _ if place.is_leaf(form) => return Ok((leaf(before, after), Comparison::default())),
        Form::Scalar => return Ok((leaf(before, after), Comparison::default())),
        Form::Map => match (fields(before), fields(after)) {
            (None, None) => return Ok((leaf(before, after), Comparison::default())),
            (old, new) => in_map(place, old, new, before.is_some() && after.is_some())?,
        },
        Form::List => match (items(before), items(after)) {
            ([], []) => return Ok((leaf(before, after), Comparison::default())),
            (old, new) => in_list(place, old, new)?,
        },
    };
    let here = match (before, after) {
        (None, Some(_)) => Some(Change::Added),
        (Some(_), None) => Some(Change::Removed),
        _ => None,
    };
    Ok((here, below))
}

fn leaf(before: Option<&Value>, after: Option<&Value>) -> Option<Change> {
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some(Change::Added),
        (Some(_), None) => Some(Change::Removed),
        (Some(before), Some(after)) => (!same(before, after)).then_some(Change::Modified),
    }
}

/// The fields of an object that has any.
fn fields(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object).filter(|fields| !fields.is_empty())
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `both` says that both states have this object, if only empty.
fn in_map(
    place: Place,
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
    both: bool,
) -> Result<Comparison, String> {
    let mut found = Found::default();
    let stand_in = |name: &str| if both { place.stand_in(name) } else { None };
    let mut visit = |name: &str, old: Option<&Value>, new: Option<&Value>| {
        let old = old.or_else(|| stand_in(name));
        let new = new.or_else(|| stand_in(name).filter(|value| value.is_object()));
        // A field that nobody declares cannot be stored; should one be, it is a value like any other.
        let outcome = walk(place.field(name).unwrap_or(Place::Deduced), old, new)?;
        if outcome.0.is_some() || !outcome.1.is_empty() {
            found.push(&Element::field(name), outcome);
        }
        Ok::<(), String>(())
    };
    for (name, old) in before.into_iter().flatten() {
        visit(name, Some(old), after.and_then(|after| after.get(name)))?;
    }
    for (name, new) in after.into_iter().flatten() {
        if before.is_none_or(|before| !before.contains_key(name)) {
            visit(name, None, Some(new))?;
        }
    }
    Ok(found.into())
}

/// Items that share an element are one value, and only that they are is owned.
fn in_list(place: Place, before: &[Value], after: &[Value]) -> Result<Comparison, String> {
    let mut groups: BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for item in before {
        groups.entry(place.element(item)?).or_default().0.push(item);
    }
    for item in after {
        groups.entry(place.element(item)?).or_default().1.push(item);
    }
    let mut found = Found::default();
    for (element, (olds, news)) in &groups {
        let (old, new) = (olds.first().copied(), news.first().copied());
        match (olds.len(), news.len()) {
            (..2, ..2) => found.push(element, walk(place.item(), old, new)?),
            (2.., 2..) if olds == news => {}
            (2.., 2..) => found.push(element, (Some(Change::Modified), Comparison::default())),
            (2.., _) => {
                found.push(element, walk(place.item(), None, new)?);
                found.push(element, (Some(Change::Removed), Comparison::default()));
            }
            (_, 2..) => {
                found.push(element, walk(place.item(), old, None)?);
                found.push(element, (Some(Change::Added), Comparison::default()));
            }
        }
    }
    Ok(found.into())
}

/// What became of the fields or items of one place.
#[derive(Default)]
struct Found {
    removed: Vec<Node>,
    modified: Vec<Node>,
    added: Vec<Node>,
}

impl Found {
    fn push(&mut self, element: &Element, (here, below): Outcome) {
        let sets = [
            (&mut self.removed, Change::Removed, below.removed),
            (&mut self.modified, Change::Modified, below.modified),
            (&mut self.added, Change::Added, below.added),
        ];
        for (nodes, change, below) in sets {
            let owned = here == Some(change);
            if owned || !below.is_empty() {
                nodes.push(Node { element: element.clone(), owned, below });
            }
        }
    }
}

impl From<Found> for Comparison {
    fn from(found: Found) -> Self {
        let Found { removed, modified, added } = found;
        Self {
            removed: removed.into_iter().collect(),
            modified: modified.into_iter().collect(),
            added: added.into_iter().collect(),
        }
    }
}
