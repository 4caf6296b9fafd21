//! What an expression makes: lists, maps, and objects.

use std::collections::HashMap;

use cel::common::ast::{EntryExpr, IdedEntryExpr, ListExpr, StructExpr};

use super::bindings::is_more_general;
use super::check::Walk;
use super::objects;
use super::types::Type;

impl<'a> Walk<'a> {
    pub(super) fn list(&mut self, list: &'a ListExpr) -> Type {
        let mut of = None;
        for (nth, one) in list.elements.iter().enumerate() {
            let mut found = self.of(one);
            if list.optional_indices.contains(&nth) {
                found = self.unwrapped(one.id, found);
            }
            of = Some(self.joined(one.id, of, found));
        }
        Type::list(of.unwrap_or_else(|| self.bindings.fresh()))
    }

    pub(super) fn map(&mut self, entries: &'a [IdedEntryExpr]) -> Type {
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { continue };
            let key = self.of(&entry.key);
            keys = Some(self.joined(entry.key.id, keys, key));
            let mut value = self.of(&entry.value);
            if entry.optional {
                value = self.unwrapped(entry.value.id, value);
            }
            values = Some(self.joined(entry.value.id, values, value));
        }
        let (key, value) = match (keys, values) {
            (Some(key), Some(value)) => (key, value),
            _ => (self.bindings.fresh(), self.bindings.fresh()),
        };
        Type::map(key, value)
    }

    /// What holds both; Kubernetes lets no list and no map hold different things.
    fn joined(&mut self, id: u64, before: Option<Type>, found: Type) -> Type {
        let Some(before) = before else { return found };
        if self.bindings.fit(&found, &before) {
            return if is_more_general(&before, &found) { before } else { found };
        }
        self.fault(id, format!("expected type '{before}' but found '{found}'"))
    }

    /// What `?` before a value leaves of its type.
    fn unwrapped(&mut self, id: u64, found: Type) -> Type {
        match found {
            Type::Optional(inner) => (*inner).clone(),
            of if of.fits_all() => Type::Dyn,
            of => self.fault(id, format!("expected type 'optional_type({of})' but found '{of}'")),
        }
    }

    pub(super) fn object(&mut self, id: u64, made: &'a StructExpr) -> Type {
        let name = made.type_name.trim_start_matches('.');
        let given: HashMap<&str, (u64, Type)> = made
            .entries
            .iter()
            .filter_map(|entry| match &entry.expr {
                EntryExpr::StructField(field) => {
                    let mut found = self.of(&field.value);
                    if field.optional {
                        found = self.unwrapped(field.value.id, found);
                    }
                    Some((field.field.as_str(), (entry.id, found)))
                }
                EntryExpr::MapEntry(_) => None,
            })
            .collect();
        let Some(fields) = objects::named(name).filter(|_| self.scope.makes(name)) else {
            return self.undeclared(id, name);
        };
        for (field, (id, found)) in given {
            match fields.of(field) {
                None => drop(self.fault(id, format!("undefined field '{field}'"))),
                Some(wanted) if !self.bindings.fit(&found, &wanted) => {
                    let why = format!("expected type of field '{field}' is '{wanted}' but provided type is '{found}'");
                    self.fault(id, why);
                }
                Some(_) => {}
            }
        }
        Type::Object(name.into())
    }
}
