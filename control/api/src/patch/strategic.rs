//! Strategic merge patch: a merge patch that knows, from the schema, which lists are merged and by which field of their items.
//!
//! Besides fields, a patch holds directives: `$patch` (`replace`, `delete`, `merge`) in an object or as an item of a list,
//! `$retainKeys`, `$setElementOrder/LIST` and `$deleteFromPrimitiveList/LIST`. Null deletes. The rules are those of
//! Kubernetes' design document "strategic merge patch" and of what a real server answers (recorded pairs 080 and 081).

mod list;
mod order;

use serde_json::{Map, Value};

use super::{does_not_fit, no_object};
use crate::schema::{Shape, Strategy, Type};
use crate::status::Status;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_ITEMS: &str = "$deleteFromPrimitiveList/";

/// See the module.
pub(super) fn apply(original: &Value, patch: Value, of: Type) -> Result<Value, Status> {
    match (original, patch) {
        (Value::Object(original), Value::Object(patch)) => {
            object(original.clone(), patch, Place(Some(&Shape::Type(of)))).map(Value::Object)
        }
        _ => Err(no_object()),
    }
}

/// Where the merge stands in the schema; nowhere, below fields that are kept as they are.
#[derive(Clone, Copy)]
struct Place<'a>(Option<&'a Shape>);

/// How a field is merged, and the place of its value.
struct Rule<'a> {
    strategy: Strategy,
    key: Option<&'static str>,
    value: Place<'a>,
}

impl<'a> Place<'a> {
    fn field(self, name: &str) -> Rule<'a> {
        let field = match self.0 {
            Some(Shape::Type(of)) => of.field(name),
            _ => None,
        };
        let value = match (field, self.0) {
            (Some(field), _) => Some(&field.shape),
            (None, Some(Shape::Map(value))) => Some(&**value),
            (None, _) => None,
        };
        Rule {
            strategy: field.map(|field| field.strategy).unwrap_or_default(),
            key: field.and_then(|field| field.merge_key),
            value: Place(value),
        }
    }

    fn item(self) -> Self {
        match self.0 {
            Some(Shape::List(item)) => Self(Some(item)),
            _ => Self(None),
        }
    }
}

/// What a `$patch` directive asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

impl Directive {
    /// Takes the directive out of an object.
    fn take(object: &mut Map<String, Value>) -> Result<Option<Self>, Status> {
        object.remove(PATCH).as_ref().map(Self::read).transpose()
    }

    fn read(value: &Value) -> Result<Self, Status> {
        match value.as_str() {
            Some("merge") => Ok(Self::Merge),
            Some("replace") => Ok(Self::Replace),
            Some("delete") => Ok(Self::Delete),
            _ => Err(Status::bad_request(format!("unknown $patch directive {value}: use replace, delete or merge"))),
        }
    }
}

type Object = Map<String, Value>;

fn object(mut original: Object, mut patch: Object, place: Place<'_>) -> Result<Object, Status> {
    match Directive::take(&mut patch)? {
        Some(Directive::Delete) => return Ok(Map::new()),
        Some(Directive::Replace) => original = Map::new(),
        Some(Directive::Merge) | None => {}
    }
    retain_keys(&mut original, &mut patch)?;
    let orders = take_lists(&mut patch, SET_ORDER, "setElementOrder list")?;
    let deletions = take_lists(&mut patch, DELETE_ITEMS, "primitive list")?;
    let before: Vec<_> = orders.iter().map(|(name, _)| original.get(name).cloned().unwrap_or_default()).collect();
    for (name, order) in &orders {
        if let Some(Value::Array(items)) = patch.get(name) {
            order::agrees(items, order, place.field(name).key)?;
        }
    }
    for (name, change) in patch {
        let rule = place.field(&name);
        field(&mut original, name, change, &rule)?;
    }
    for ((name, order), before) in orders.iter().zip(&before) {
        if let Some(Value::Array(items)) = original.get_mut(name) {
            let before = before.as_array().map_or(&[] as &[Value], Vec::as_slice);
            *items = order::arrange(std::mem::take(items), order, before, place.field(name).key);
        }
    }
    for (name, deleted) in deletions {
        if let Some(Value::Array(items)) = original.get_mut(&name) {
            items.retain(|item| !deleted.contains(item));
        }
    }
    Ok(original)
}

/// Takes the directives of that prefix out of a patch: the list that each is about, and its items.
fn take_lists(patch: &mut Object, prefix: &str, called: &str) -> Result<Vec<(String, Vec<Value>)>, Status> {
    let names: Vec<String> = patch.keys().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect();
    let taken = names.into_iter().map(|name| {
        let items = patch.remove(&format!("{prefix}{name}")).unwrap_or_default();
        Ok((name, list::items(items, called)?))
    });
    taken.collect()
}

fn field(original: &mut Object, name: String, change: Value, rule: &Rule<'_>) -> Result<(), Status> {
    if change.is_null() {
        original.remove(&name);
        return Ok(());
    }
    let merged = match (original.remove(&name), change) {
        (Some(Value::Object(old)), Value::Object(new)) if !rule.strategy.replace => {
            Some(Value::Object(object(old, new, rule.value)?))
        }
        (Some(Value::Array(old)), Value::Array(new)) if rule.strategy.merge => {
            Some(Value::Array(list::merge(old, new, rule.key, rule.value.item())?))
        }
        (_, new) => fresh(new)?,
    };
    if let Some(merged) = merged {
        original.insert(name, merged);
    }
    Ok(())
}

/// Drops the fields that the directive does not name. The patch may not set any of those.
fn retain_keys(original: &mut Object, patch: &mut Object) -> Result<(), Status> {
    let Some(retained) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let retained = list::items(retained, "retainKeys")?;
    let retained: Vec<&str> = retained.iter().filter_map(Value::as_str).collect();
    let sets_another = patch.iter().any(|(name, value)| {
        let directive = name.starts_with(SET_ORDER) || name.starts_with(DELETE_ITEMS);
        !value.is_null() && !directive && !retained.contains(&name.as_str())
    });
    if sets_another {
        return Err(does_not_fit());
    }
    original.retain(|name, _| retained.contains(&name.as_str()));
    Ok(())
}

/// A value of the patch that has nothing to merge with, freed of directives and nulls; none when it is only a deletion.
fn fresh(value: Value) -> Result<Option<Value>, Status> {
    Ok(Some(match value {
        Value::Object(mut fields) => {
            let directive = Directive::take(&mut fields)?;
            if directive == Some(Directive::Delete) || directive.is_some() && fields.is_empty() {
                return Ok(None);
            }
            let plain = fields.into_iter().filter(|(name, value)| {
                let directive = name == RETAIN_KEYS || name.starts_with(SET_ORDER) || name.starts_with(DELETE_ITEMS);
                !directive && !value.is_null()
            });
            let mut kept = Map::new();
            for (name, value) in plain {
                if let Some(value) = fresh(value)? {
                    kept.insert(name, value);
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => {
            let kept: Result<Vec<_>, _> = items.into_iter().map(fresh).collect();
            Value::Array(kept?.into_iter().flatten().collect())
        }
        scalar => scalar,
    }))
}
