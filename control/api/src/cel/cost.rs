//! The most that an expression can cost when it runs, in the units of cel-go: what it refuses there is refused here.
//!
//! A unit is about what a look at a field takes. Sizes are followed through the expression as far as they are known, from the
//! shapes of variables and from what is written; where one is not known, what depends on it costs more than any limit.

use std::collections::HashMap;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr};

use super::bindings::Bindings;
use super::check::callee;
use super::functions;
use super::types::Type;
use range::{ONE, Range, UNKNOWN, exactly};
pub(crate) use shape::Shape;

mod binders;
mod calls;
mod range;
mod shape;

/// What an expression may cost, and what is known of its variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Most units.
    pub(crate) most: u64,
    /// Variables whose size is known.
    pub(crate) shapes: &'static [(&'static str, &'static Shape)],
}

/// What it costs to make a list, a map, or an object.
const LIST: u64 = 10;
const MAP: u64 = 30;
const OBJECT: u64 = 40;

/// What is known of a value.
#[derive(Clone, Debug)]
struct Known {
    of: Type,
    /// The part of a variable that it is.
    part: Option<&'static Shape>,
    size: Option<Range>,
    entries: Option<Entries>,
    /// The number that is written there.
    literal: Option<u64>,
}

/// Sizes of what a list or a map holds.
#[derive(Clone, Copy, Debug)]
struct Entries {
    list: bool,
    key: Range,
    value: Range,
}

impl Known {
    fn size_or_unknown(&self) -> Range {
        self.size.unwrap_or(UNKNOWN)
    }

    /// The size of an item, which only the shape of a variable says.
    fn item_of_list(&self) -> Range {
        self.part.and_then(Shape::values).map_or(UNKNOWN, |shape| range::up_to(shape.most()))
    }

    fn is_list(&self) -> bool {
        self.entries.map_or(matches!(self.of, Type::List(_)), |entries| entries.list)
    }

    /// A key of a map, or a place in a list.
    fn key(&self) -> Local {
        let part = self.part.filter(|_| !self.is_list()).and_then(Shape::keys);
        Local { part, size: self.entries.map(|entries| entries.key), entries: None }
    }

    /// A value of a map, or an item of a list.
    fn value(&self) -> Local {
        let part = self.part.and_then(Shape::values);
        Local { part, size: self.entries.map(|entries| entries.value), entries: None }
    }
}

/// What is known of a value that the expression has a name for.
#[derive(Clone, Debug)]
struct Local {
    part: Option<&'static Shape>,
    size: Option<Range>,
    entries: Option<Entries>,
}

impl From<&Known> for Local {
    fn from(known: &Known) -> Self {
        Self { part: known.part, size: known.size, entries: known.entries }
    }
}

/// The most that the expression costs. Its types are those that the check found.
pub(super) fn most(expression: &IdedExpr, types: &Types, limit: Limit) -> u64 {
    Walk { types, limit, locals: Vec::new() }.of(expression).0
}

/// Types of all parts of an expression, each by its place in memory: parts that a macro made may share a number.
#[derive(Debug, Default)]
pub(super) struct Types(HashMap<usize, Type>);

impl Types {
    pub(super) fn set(&mut self, at: &IdedExpr, of: Type) {
        self.0.insert(place(at), of);
    }

    /// With all that is known of parameters in the end.
    pub(super) fn settle(&mut self, bindings: &Bindings) {
        for of in self.0.values_mut() {
            *of = bindings.settled(of);
        }
    }

    fn get(&self, at: &IdedExpr) -> Type {
        self.0.get(&place(at)).cloned().unwrap_or(Type::Dyn)
    }
}

fn place(at: &IdedExpr) -> usize {
    std::ptr::from_ref(at).addr()
}

struct Walk<'a> {
    types: &'a Types,
    limit: Limit,
    /// Names that the expression itself gives, innermost last.
    locals: Vec<(&'a str, Local)>,
}

/// What a part costs, and what is known of what it comes to.
type Found = (u64, Known);

impl<'a> Walk<'a> {
    fn of(&mut self, at: &'a IdedExpr) -> Found {
        let of = self.types.get(at);
        let plain = Known { of, part: None, size: None, entries: None, literal: None };
        match &at.expr {
            Expr::Literal(value) => (0, Known { size: Some(exactly(written(value))), literal: number(value), ..plain }),
            Expr::Ident(name) => (1, self.name(name, plain)),
            Expr::Select(select) => self.select(select, plain),
            Expr::Call(call) => self.call(call, plain),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, plain),
            Expr::List(list) => {
                let (cost, value) = self.all(list.elements.iter());
                let entries = Some(Entries { list: true, key: ONE, value });
                (cost.saturating_add(LIST), Known { size: Some(count(list.elements.len())), entries, ..plain })
            }
            Expr::Map(map) => {
                let pairs = || {
                    map.entries.iter().filter_map(|entry| match &entry.expr {
                        EntryExpr::MapEntry(entry) => Some(entry),
                        EntryExpr::StructField(_) => None,
                    })
                };
                let (keys, key) = self.all(pairs().map(|entry| &entry.key));
                let (values, value) = self.all(pairs().map(|entry| &entry.value));
                let entries = Some(Entries { list: false, key, value });
                let cost = keys.saturating_add(values).saturating_add(MAP);
                (cost, Known { size: Some(count(map.entries.len())), entries, ..plain })
            }
            Expr::Struct(made) => {
                let fields = made.entries.iter().filter_map(|entry| match &entry.expr {
                    EntryExpr::StructField(field) => Some(&field.value),
                    EntryExpr::MapEntry(_) => None,
                });
                (self.all(fields).0.saturating_add(OBJECT), plain)
            }
            Expr::Unspecified => (0, plain),
        }
    }

    /// What several parts cost together, and the size that each of them has.
    fn all(&mut self, parts: impl Iterator<Item = &'a IdedExpr>) -> (u64, Range) {
        let mut cost = 0_u64;
        let mut size: Option<Range> = None;
        for part in parts {
            let (own, known) = self.of(part);
            cost = cost.saturating_add(own);
            let one = known.size_or_unknown();
            size = Some(size.map_or(one, |before| before.or(one)));
        }
        (cost, size.unwrap_or(exactly(0)))
    }

    fn name(&self, name: &str, plain: Known) -> Known {
        let local = self.locals.iter().rev().find(|(own, _)| *own == name).map(|(_, local)| local.clone());
        match local {
            Some(local) => Known { entries: local.entries, ..sized(plain, local.part, local.size) },
            None => {
                let shapes = self.limit.shapes.iter();
                sized(plain, shapes.clone().find(|(known, _)| *known == name).map(|(_, shape)| *shape), None)
            }
        }
    }

    fn select(&mut self, select: &'a SelectExpr, plain: Known) -> Found {
        let (cost, operand) = self.of(&select.operand);
        if select.test {
            return (cost.saturating_add(1), sized(plain, None, None));
        }
        let looked = u64::from(matches!(operand.of, Type::Map(_) | Type::Object(_) | Type::Parameter(_)));
        let part = operand.part.and_then(|shape| shape.field(&select.field));
        (cost.saturating_add(looked), sized(plain, part, None))
    }

    fn call(&mut self, call: &'a CallExpr, plain: Known) -> Found {
        if let Some(found) = self.binder(call, &plain) {
            return found;
        }
        let (name, target) = callee(call);
        let mut given = Vec::new();
        let mut costs = Vec::new();
        for part in target.into_iter().chain(&call.args) {
            let (cost, known) = self.of(part);
            costs.push(cost);
            given.push(known);
        }
        let sum = costs.iter().fold(0, |sum: u64, cost| sum.saturating_add(*cost));
        match (name.as_str(), given.as_slice(), costs.as_slice()) {
            ("dyn", [inner], _) => (sum.saturating_add(1), Known { size: inner.size, entries: inner.entries, ..plain }),
            ("_&&_" | "_||_", ..) => (sum, sized(plain, None, None)),
            ("_?:_" | "_?_:_", [_, one, other], [asked, yes, no]) => {
                let size = Some(one.size_or_unknown().or(other.size_or_unknown()));
                let entries = either(one.entries, other.entries);
                (asked.saturating_add(*yes.max(no)), Known { size, entries, ..plain })
            }
            _ => {
                let (own, known) = called(&name, target.is_some(), &given, plain);
                (sum.saturating_add(own), known)
            }
        }
    }

    fn comprehension(&mut self, of: &'a ComprehensionExpr, plain: Known) -> Found {
        let (range_cost, range) = self.of(&of.iter_range);
        let (start_cost, start) = self.of(&of.accu_init);
        let outer = self.locals.len();
        self.locals.push((&of.accu_var, Local::from(&start)));
        match &of.iter_var2 {
            Some(second) => {
                self.locals.push((&of.iter_var, range.key()));
                self.locals.push((second, range.value()));
            }
            None => {
                let one = if range.is_list() { range.value() } else { range.key() };
                self.locals.push((&of.iter_var, one));
            }
        }
        let goes_on = self.of(&of.loop_cond).0;
        let (step_cost, step) = self.of(&of.loop_step);
        self.locals.truncate(outer + 1);
        let result = self.of(&of.result).0;
        self.locals.truncate(outer);
        let count = range.size_or_unknown();
        let walked = count.most.saturating_mul(goes_on.saturating_add(step_cost));
        let cost = [range_cost, start_cost, result, walked].into_iter().fold(0, u64::saturating_add);
        let made = matches!(of.accu_init.expr, Expr::List(_) | Expr::Map(_));
        let size = if made { Some(count) } else { start.size };
        (cost, Known { size, entries: step.entries.filter(|_| made), ..plain })
    }
}

/// The dearest of all functions of that name that the arguments fit.
fn called(name: &str, member: bool, given: &[Known], plain: Known) -> Found {
    let types: Vec<Type> = given.iter().map(|known| known.of.clone()).collect();
    let mut cost = 0;
    let mut size: Option<Range> = None;
    let (mut part, mut entries) = (None, None);
    let overloads = functions::named(name).into_iter().flatten();
    for overload in overloads.filter(|one| one.member == member && one.arguments.len() == given.len()) {
        let mut bindings = Bindings::default();
        let (wanted, _) = bindings.instance(overload);
        if !bindings.fit_all(&types, &wanted) {
            continue;
        }
        let (own, made) = calls::call(name, member, &wanted, given);
        cost = own.max(cost);
        size = match (size, made) {
            (Some(one), Some(other)) => Some(one.or(other)),
            (one, other) => one.or(other),
        };
        match (name, given) {
            ("_[_]", [from, _]) => {
                let value = from.value();
                (part, size) = (value.part, value.size);
            }
            ("_+_", [one, other]) => entries = either(one.entries, other.entries),
            _ => {}
        }
    }
    (cost, Known { entries, ..sized(plain, part, size) })
}

/// The size of what is a part of a variable, of what has no parts, or else the one given; that of a call comes first.
fn sized(plain: Known, part: Option<&'static Shape>, size: Option<Range>) -> Known {
    let size = part.map(|shape| range::up_to(shape.most())).or_else(|| is_one(&plain.of).then_some(ONE)).or(size);
    Known { part, size, ..plain }
}

fn is_one(of: &Type) -> bool {
    match of {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => true,
        Type::Optional(inner) => is_one(inner),
        _ => false,
    }
}

fn either(one: Option<Entries>, other: Option<Entries>) -> Option<Entries> {
    let (one, other) = (one?, other?);
    Some(Entries { list: one.list, key: one.key.or(other.key), value: one.value.or(other.value) })
}

/// The size of what is written.
fn written(value: &LiteralValue) -> u64 {
    let count = match value {
        LiteralValue::String(text) => text.inner().chars().count(),
        LiteralValue::Bytes(bytes) => bytes.inner().len(),
        _ => 1,
    };
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn number(value: &LiteralValue) -> Option<u64> {
    match value {
        LiteralValue::Int(number) => u64::try_from(*number.inner()).ok(),
        LiteralValue::UInt(number) => Some(*number.inner()),
        _ => None,
    }
}

fn count(parts: usize) -> Range {
    exactly(u64::try_from(parts).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
