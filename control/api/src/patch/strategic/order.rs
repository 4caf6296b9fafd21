//! The order of a merged list.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PATCH;
use crate::status::Status;

/// Places in a list, by what identifies an item: the value of its key, or the scalar itself.
struct Places(BTreeMap<String, usize>);

impl Places {
    fn of(items: &[Value], key: Option<&str>) -> Self {
        let mut places = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            if let Some(name) = name(item, key) {
                places.entry(name).or_insert(at);
            }
        }
        Self(places)
    }

    fn find(&self, item: &Value, key: Option<&str>) -> Option<usize> {
        name(item, key).and_then(|name| self.0.get(&name)).copied()
    }
}

fn name(item: &Value, key: Option<&str>) -> Option<String> {
    match (key, item) {
        (Some(key), Value::Object(fields)) => fields.get(key).map(Value::to_string),
        (_, scalar) => Some(scalar.to_string()),
    }
}

/// Puts the items that the patch (or its `$setElementOrder`) names in the patch's order. The others keep the order that they
/// have on the server, each before the first named item that the server has after it.
pub(super) fn arrange(items: Vec<Value>, patch: &[Value], server: &[Value], key: Option<&str>) -> Vec<Value> {
    let (in_patch, on_server) = (Places::of(patch, key), Places::of(server, key));
    let mut named = Vec::new();
    let mut others = Vec::new();
    for item in items {
        let place = on_server.find(&item, key);
        match in_patch.find(&item, key) {
            Some(at) => named.push((at, place, item)),
            None => others.push((place, item)),
        }
    }
    named.sort_by_key(|(at, ..)| *at);
    others.sort_by_key(|(place, _)| *place);
    let mut arranged = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for (_, named_place, item) in named {
        let earlier =
            |(place, _): &(Option<usize>, Value)| matches!((place, named_place), (Some(a), Some(b)) if *a < b);
        while let Some((_, other)) = others.next_if(earlier) {
            arranged.push(other);
        }
        arranged.push(item);
    }
    arranged.extend(others.map(|(_, item)| item));
    arranged
}

/// Whether the items that a patch sets stand in the order that its own directive asks for.
pub(super) fn agrees(items: &[Value], order: &[Value], key: Option<&str>) -> Result<(), Status> {
    let mut order_names = order.iter().map(|item| name(item, key));
    let set = items.iter().filter(|item| item.get(PATCH).is_none()).map(|item| name(item, key));
    for wanted in set {
        if !order_names.any(|name| name == wanted) {
            let (items, order) = (Value::from(items), Value::from(order));
            return Err(Status::bad_request(format!(
                "The order in patch list:\n{items}\n doesn't match $setElementOrder list:\n{order}\n"
            )));
        }
    }
    Ok(())
}
