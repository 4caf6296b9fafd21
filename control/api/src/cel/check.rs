//! The type of an expression, and everything in it that has none.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};

use super::bindings::Bindings;
use super::cost::Types;
use super::fields::qualified;
use super::types::Type;
use super::{Scope, functions, literals, signature};

/// What an expression comes to, what its parts are, and what is wrong with them, each given by its number.
pub(super) struct Checked {
    pub(super) of: Type,
    /// Kept when the expression may not cost more than something.
    pub(super) types: Types,
    pub(super) wrong: Vec<(u64, String)>,
}

/// See [`Checked`].
pub(super) fn check(expression: &IdedExpr, scope: &Scope<'_>) -> Checked {
    let mut walk = Walk {
        scope,
        bound: Vec::new(),
        bindings: Bindings::default(),
        types: Types::default(),
        literals: Vec::new(),
        wrong: Vec::new(),
    };
    let found = walk.of(expression);
    let of = walk.bindings.settled(&found);
    walk.types.settle(&walk.bindings);
    if walk.wrong.is_empty() {
        walk.wrong = literals::wrong(&walk.literals);
    }
    Checked { of, types: walk.types, wrong: walk.wrong }
}

/// The name of what is called, and what it is called on. `math.abs` is the name of a function of a library, not one of `math`.
pub(super) fn callee(call: &CallExpr) -> (String, Option<&IdedExpr>) {
    let name = call.func_name.trim_start_matches('.');
    let Some(target) = call.target.as_deref() else { return (name.to_owned(), None) };
    let library = qualified(target).map(|before| format!("{before}.{name}"));
    match library.filter(|full| functions::named(full).is_some()) {
        Some(library) => (library, None),
        None => (name.to_owned(), Some(target)),
    }
}

pub(super) struct Walk<'a> {
    pub(super) scope: &'a Scope<'a>,
    /// Names that the expression itself gives, innermost last.
    pub(super) bound: Vec<(String, Type)>,
    pub(super) bindings: Bindings,
    types: Types,
    /// Calls whose first argument is a written text, whatever they are called on.
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
        let found = self.bindings.resolved(&found);
        if self.scope.limit.is_some() {
            self.types.set(at, found.clone());
        }
        found
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
    pub(super) fn known(&self, name: &str) -> Option<Type> {
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
        if let Some(first) = call.args.first()
            && let Expr::Literal(LiteralValue::String(text)) = &first.expr
        {
            self.literals.push((first.id, &call.func_name, text.inner()));
        }
        let (full, target) = callee(call);
        let mut given: Vec<Type> = target.map(|target| self.of(target)).into_iter().collect();
        let member = target.is_some();
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
