//! The type of an expression, and everything in it that has none.

use std::collections::HashMap;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, ListExpr, LiteralValue, SelectExpr,
    StructExpr,
};

use super::bindings::{Bindings, is_more_general};
use super::types::Type;
use super::{FIELDS_OF, Scope, functions, literals, objects, signature};

/// What an expression comes to, and what is wrong with its parts, each given by its number.
pub(super) fn check(expression: &IdedExpr, scope: &Scope<'_>) -> (Type, Vec<(u64, String)>) {
    let mut walk =
        Walk { scope, bound: Vec::new(), bindings: Bindings::default(), literals: Vec::new(), wrong: Vec::new() };
    let found = walk.of(expression);
    let settled = walk.bindings.settled(&found);
    if walk.wrong.is_empty() {
        walk.wrong = literals::wrong(&walk.literals);
    }
    (settled, walk.wrong)
}

pub(super) struct Walk<'a> {
    scope: &'a Scope<'a>,
    /// Names that the expression itself gives, innermost last.
    pub(super) bound: Vec<(String, Type)>,
    pub(super) bindings: Bindings,
    /// Calls with nothing but one written value.
    literals: Vec<(u64, &'a str, &'a str)>,
    wrong: Vec<(u64, String)>,
}

impl<'a> Walk<'a> {
    /// The type of a part.
    pub(super) fn of(&mut self, at: &'a IdedExpr) -> Type {
        let found = match &at.expr {
            Expr::Literal(value) => literal(value),
            Expr::Ident(name) => self.name(at.id, name),
            Expr::Select(select) => self.select(at.id, select),
            Expr::Call(call) => self.call(at.id, call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(&map.entries),
            Expr::Struct(made) => self.object(at.id, made),
            Expr::Unspecified => Type::Error,
        };
        self.bindings.resolved(&found)
    }

    /// Says what is wrong with a part; its type fits everywhere, so that one fault is told once.
    pub(super) fn fault(&mut self, id: u64, why: String) -> Type {
        self.wrong.push((id, why));
        Type::Error
    }

    /// An error when the type does not fit the wanted one.
    pub(super) fn expect(&mut self, id: u64, found: &Type, wanted: &Type) {
        if !self.bindings.fit(found, wanted) {
            let (wanted, found) = (self.bindings.resolved(wanted), self.bindings.resolved(found));
            self.fault(id, format!("expected type '{wanted}' but found '{found}'"));
        }
    }

    pub(super) fn undeclared(&mut self, id: u64, name: &str) -> Type {
        self.fault(id, format!("undeclared reference to '{name}' (in container '')"))
    }

    /// The type of what has that name: given by the expression, a variable, or a type.
    fn known(&self, name: &str) -> Option<Type> {
        let name = name.trim_start_matches('.');
        let own = self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, of)| of.clone());
        own.or_else(|| self.scope.variable(name)).or_else(|| named_type(name).map(Type::of_type))
    }

    fn name(&mut self, id: u64, name: &str) -> Type {
        match self.known(name) {
            Some(found) => found,
            None => self.undeclared(id, name.trim_start_matches('.')),
        }
    }

    fn select(&mut self, id: u64, select: &'a SelectExpr) -> Type {
        if !select.test
            && let Some(name) = qualified(&select.operand).map(|before| format!("{before}.{}", select.field))
            && !self.bound.iter().any(|(bound, _)| name.split('.').next() == Some(bound))
            && let Some(found) = self.known(&name)
        {
            return found;
        }
        let operand = self.of(&select.operand);
        let found = self.field(id, &select.operand, &operand, &select.field, false);
        if select.test { Type::Bool } else { found }
    }

    /// The type of a field. What may be missing has fields that may be missing.
    fn field(&mut self, id: u64, operand: &IdedExpr, of: &Type, name: &str, optional: bool) -> Type {
        let (of, optional) = match self.bindings.resolved(of) {
            Type::Optional(inner) => ((*inner).clone(), true),
            of => (of, optional),
        };
        let found = match &of {
            Type::Map(entry) => entry.1.clone(),
            Type::Object(_) if matches!(&operand.expr, Expr::Ident(variable) if variable == FIELDS_OF) => {
                match self.scope.fields.iter().find(|(field, _)| *field == name) {
                    Some((_, of)) => of.clone(),
                    None => self.fault(id, format!("undefined field '{name}'")),
                }
            }
            Type::Object(object) => match objects::named(object).map(|fields| fields.of(name)) {
                Some(Some(found)) => found,
                Some(None) => self.fault(id, format!("undefined field '{name}'")),
                None => self.fault(id, format!("unexpected failed resolution of '{object}'")),
            },
            Type::Parameter(_) => {
                self.bindings.fit(&Type::Dyn, &of);
                Type::Dyn
            }
            of if of.fits_all() => Type::Dyn,
            of => self.fault(id, format!("type '{of}' does not support field selection")),
        };
        if optional { Type::optional(found) } else { found }
    }

    fn call(&mut self, id: u64, call: &'a CallExpr) -> Type {
        if let ("_?._", [operand, field]) = (call.func_name.as_str(), call.args.as_slice())
            && let Expr::Literal(LiteralValue::String(name)) = &field.expr
        {
            let of = self.of(operand);
            return self.field(id, operand, &of, name.inner(), true);
        }
        if let Some(found) = self.binder(id, call) {
            return found;
        }
        if call.target.is_none()
            && let [only] = call.args.as_slice()
            && let Expr::Literal(LiteralValue::String(text)) = &only.expr
        {
            self.literals.push((only.id, &call.func_name, text.inner()));
        }
        let name = call.func_name.trim_start_matches('.');
        let mut given = Vec::new();
        let mut member = false;
        let mut full = name.to_owned();
        if let Some(target) = &call.target {
            let library = qualified(target).map(|before| format!("{before}.{name}"));
            match library.filter(|full| functions::named(full).is_some()) {
                Some(library) => full = library,
                None => {
                    member = true;
                    given.push(self.of(target));
                }
            }
        }
        given.extend(call.args.iter().map(|one| self.of(one)).collect::<Vec<_>>());
        let Some(overloads) = functions::named(&full) else { return self.undeclared(id, &full) };
        self.overload(overloads, member, &given).unwrap_or_else(|| {
            let given: Vec<String> = given.iter().map(|one| self.bindings.settled(one).to_string()).collect();
            let shown = match given.split_first() {
                Some((target, rest)) if member => format!("{target}.({})", rest.join(", ")),
                _ => format!("({})", given.join(", ")),
            };
            self.fault(id, format!("found no matching overload for '{full}' applied to '{shown}'"))
        })
    }

    /// What those that take such arguments give: dynamic, when they differ.
    fn overload(&mut self, overloads: &[signature::Overload], member: bool, given: &[Type]) -> Option<Type> {
        let mut result: Option<Type> = None;
        for one in overloads.iter().filter(|one| one.member == member && one.arguments.len() == given.len()) {
            let (wanted, gives) = self.bindings.instance(one);
            if self.bindings.fit_all(given, &wanted) {
                let gives = self.bindings.resolved(&gives);
                result = Some(match result {
                    None => gives,
                    Some(before) if before == gives => before,
                    Some(_) => Type::Dyn,
                });
            }
        }
        result
    }

    fn comprehension(&mut self, of: &'a ComprehensionExpr) -> Type {
        let range = self.of(&of.iter_range);
        let start = self.of(&of.accu_init);
        let outer = self.bound.len();
        self.bound.push((of.accu_var.clone(), start.clone()));
        let (first, second) = self.items(&range, of.iter_range.id, of.iter_var2.is_some());
        self.bound.push((of.iter_var.clone(), first));
        self.bound.extend(of.iter_var2.clone().map(|name| (name, second)));
        let goes_on = self.of(&of.loop_cond);
        self.expect(of.loop_cond.id, &goes_on, &Type::Bool);
        let step = self.of(&of.loop_step);
        self.expect(of.loop_step.id, &step, &start);
        self.bound.truncate(outer + 1);
        let result = self.of(&of.result);
        self.bound.truncate(outer);
        result
    }

    /// Types of what is named when something is walked: items of a list, keys of a map; with two names, places and items, or
    /// keys and values.
    pub(super) fn items(&mut self, range: &Type, id: u64, two: bool) -> (Type, Type) {
        match self.bindings.resolved(range) {
            Type::List(item) if two => (Type::Int, (*item).clone()),
            Type::List(item) => ((*item).clone(), Type::Error),
            Type::Map(entry) => (entry.0.clone(), entry.1.clone()),
            of @ Type::Parameter(_) => {
                self.bindings.fit(&Type::Dyn, &of);
                (Type::Dyn, Type::Dyn)
            }
            of if of.fits_all() => (Type::Dyn, Type::Dyn),
            of => {
                let why = "cannot be range of a comprehension (must be list, map, or dynamic)";
                self.fault(id, format!("expression of type '{of}' {why}"));
                (Type::Error, Type::Error)
            }
        }
    }

    fn list(&mut self, list: &'a ListExpr) -> Type {
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

    fn map(&mut self, entries: &'a [IdedEntryExpr]) -> Type {
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

    fn object(&mut self, id: u64, made: &'a StructExpr) -> Type {
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

fn literal(value: &LiteralValue) -> Type {
    match value {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

/// Names joined by points, as one name; none for anything else.
fn qualified(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.trim_start_matches('.').to_owned()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", qualified(&select.operand)?, select.field)),
        _ => None,
    }
}

/// The type that a name stands for in an expression.
fn named_type(name: &str) -> Option<Type> {
    Some(match name {
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "type" => Type::of_type(Type::Dyn),
        "optional_type" => Type::optional(Type::Dyn),
        "null_type" => Type::Null,
        "google.protobuf.Duration" => Type::Duration,
        "google.protobuf.Timestamp" => Type::Timestamp,
        "bool" | "bytes" | "double" | "int" | "string" | "uint" => signature::plain(name)?,
        _ if name.starts_with("kubernetes.") || name == "net.IP" || name == "net.CIDR" => signature::plain(name)?,
        _ => return None,
    })
}
