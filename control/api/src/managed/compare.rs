//! What changed between two states of an object, as sets of paths.

use serde_json::{Map, Value};

use super::place::{Form, Place};
use super::scalar::same;
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

    fn put(&mut self, element: &Element, here: Option<Change>, below: Self) {
        let sets = [
            (&mut self.removed, Change::Removed, below.removed),
            (&mut self.modified, Change::Modified, below.modified),
            (&mut self.added, Change::Added, below.added),
        ];
        for (set, change, below) in sets {
            if here == Some(change) || !below.is_empty() {
                set.put(element.clone(), here == Some(change), below);
            }
        }
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
    let mut found = Comparison::default();
    let stand_in = |name: &str| if both { place.stand_in(name) } else { None };
    let mut visit = |name: &str, old: Option<&Value>, new: Option<&Value>| {
        let old = old.or_else(|| stand_in(name));
        let new = new.or_else(|| stand_in(name).filter(|value| value.is_object()));
        // A field that nobody declares cannot be stored; should one be, it is a value like any other.
        let (here, below) = walk(place.field(name).unwrap_or(Place::Deduced), old, new)?;
        if here.is_some() || !below.is_empty() {
            found.put(&Element::field(name), here, below);
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
    Ok(found)
}

/// Items that share an element are one value, and only that they are is owned.
fn in_list(place: Place, before: &[Value], after: &[Value]) -> Result<Comparison, String> {
    let mut found = Comparison::default();
    let (old, new) = (grouped(place, before)?, grouped(place, after)?);
    let absent = Vec::new();
    let elements = old.iter().map(|(element, _)| element);
    let fresh = new.iter().map(|(element, _)| element).filter(|element| group(&old, element).is_none());
    for element in elements.chain(fresh) {
        let olds = group(&old, element).unwrap_or(&absent);
        let news = group(&new, element).unwrap_or(&absent);
        let one = |items: &[&'_ Value]| -> Option<Value> { items.first().map(|item| (*item).clone()) };
        match (olds.as_slice(), news.as_slice()) {
            ([] | [_], [] | [_]) => {
                let (here, below) = walk(place.item(), olds.first().copied(), news.first().copied())?;
                found.put(element, here, below);
            }
            ([_, _, ..], [_, _, ..]) => {
                if olds != news {
                    found.put(element, Some(Change::Modified), Comparison::default());
                }
            }
            ([_, _, ..], _) => {
                let (here, below) = walk(place.item(), None, one(news).as_ref())?;
                found.put(element, here, below);
                found.put(element, Some(Change::Removed), Comparison::default());
            }
            (_, _) => {
                let (here, below) = walk(place.item(), one(olds).as_ref(), None)?;
                found.put(element, here, below);
                found.put(element, Some(Change::Added), Comparison::default());
            }
        }
    }
    Ok(found)
}

type Groups<'a> = Vec<(Element, Vec<&'a Value>)>;

/// Items by element, sorted.
fn grouped(place: Place, items: &[Value]) -> Result<Groups<'_>, String> {
    let mut groups: Groups<'_> = Vec::with_capacity(items.len());
    for item in items {
        let element = place.element(item)?;
        match groups.binary_search_by(|(other, _)| other.cmp(&element)) {
            Ok(at) => groups[at].1.push(item),
            Err(at) => groups.insert(at, (element, vec![item])),
        }
    }
    Ok(groups)
}

fn group<'a, 'b>(groups: &'a Groups<'b>, element: &Element) -> Option<&'a Vec<&'b Value>> {
    groups.binary_search_by(|(other, _)| other.cmp(element)).ok().and_then(|at| groups.get(at)).map(|(_, items)| items)
}
