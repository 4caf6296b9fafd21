//! What parameters of types have turned out to be, and whether one type fits where another is wanted.
//!
//! The rules are those of cel-go: what is not known fits everywhere, null fits objects and moments but no texts or numbers, and a
//! parameter is what it was first compared with, or something more general.

use std::collections::HashMap;

use super::signature::Overload;
use super::types::Type;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    known: HashMap<u32, Type>,
    next: u32,
    /// What the running comparison has changed, and what stood there before.
    changed: Vec<(u32, Option<Type>)>,
}

impl Bindings {
    /// A parameter that stands nowhere yet.
    pub(super) fn fresh(&mut self) -> Type {
        self.next += 1;
        Type::Parameter(self.next)
    }

    /// The types of an overload, with parameters of their own.
    pub(super) fn instance(&mut self, of: &Overload) -> (Vec<Type>, Type) {
        if of.parameters == 0 {
            return (of.arguments.clone(), of.result.clone());
        }
        let base = self.next + 1;
        self.next += of.parameters;
        let mut shifted = |number: u32| Type::Parameter(base + number);
        (of.arguments.iter().map(|one| one.replaced(&mut shifted)).collect(), of.result.replaced(&mut shifted))
    }

    /// The type with everything that is known of its parameters.
    pub(super) fn resolved(&self, of: &Type) -> Type {
        of.replaced(&mut |number| self.known.get(&number).map_or(Type::Parameter(number), |known| self.resolved(known)))
    }

    /// The same, and what is still not known is known when it runs.
    pub(super) fn settled(&self, of: &Type) -> Type {
        self.resolved(of).replaced(&mut |_| Type::Dyn)
    }

    /// Whether each given type fits the wanted one. What that says of parameters is kept only when all do.
    pub(super) fn fit_all(&mut self, given: &[Type], wanted: &[Type]) -> bool {
        self.changed.clear();
        let fits = given.len() == wanted.len()
            && given.iter().zip(wanted).all(|(given, wanted)| self.assignable(given, wanted));
        while let Some((number, before)) = self.changed.pop().filter(|_| !fits) {
            match before {
                Some(before) => drop(self.known.insert(number, before)),
                None => drop(self.known.remove(&number)),
            }
        }
        fits
    }

    /// Whether the given type fits the wanted one.
    pub(super) fn fit(&mut self, given: &Type, wanted: &Type) -> bool {
        self.fit_all(std::slice::from_ref(given), std::slice::from_ref(wanted))
    }

    fn assignable(&mut self, one: &Type, other: &Type) -> bool {
        if let Type::Parameter(number) = other {
            match self.substitute(one, *number) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        if let Type::Parameter(number) = one {
            return self.substitute(other, *number).0;
        }
        if one.fits_all() || other.fits_all() {
            return true;
        }
        match (one, other) {
            (Type::Null, other) => may_be_null(other),
            (one, Type::Null) => may_be_null(one),
            (Type::List(one), Type::List(other)) | (Type::Optional(one), Type::Optional(other)) => {
                self.assignable(one, other)
            }
            (Type::Map(one), Type::Map(other)) => {
                self.assignable(&one.0, &other.0) && self.assignable(&one.1, &other.1)
            }
            (Type::Name(_), Type::Name(_)) => true,
            (one, other) => one == other,
        }
    }

    /// Whether a parameter can be that type, and whether something was known of it before.
    fn substitute(&mut self, with: &Type, number: u32) -> (bool, bool) {
        if *with == Type::Parameter(number) {
            return (true, true);
        }
        let Some(known) = self.known.get(&number).cloned() else {
            let free = !self.mentions(with, number);
            if free {
                self.learn(number, with.clone());
            }
            return (free, false);
        };
        if *with == known {
            return (true, true);
        }
        if !self.assignable(with, &known) {
            return (false, true);
        }
        let general = if is_more_general(with, &known) { with.clone() } else { known };
        if !self.mentions(&general, number) {
            self.learn(number, general);
        }
        (true, true)
    }

    fn learn(&mut self, number: u32, of: Type) {
        let before = self.known.insert(number, of);
        self.changed.push((number, before));
    }

    /// Whether the parameter stands in that type, which therefore cannot be what it is.
    fn mentions(&self, of: &Type, number: u32) -> bool {
        match of {
            Type::Parameter(other) => {
                *other == number || self.known.get(other).is_some_and(|known| self.mentions(known, number))
            }
            Type::List(inner) | Type::Optional(inner) | Type::Name(inner) => self.mentions(inner, number),
            Type::Map(inner) => self.mentions(&inner.0, number) || self.mentions(&inner.1, number),
            _ => false,
        }
    }
}

fn may_be_null(of: &Type) -> bool {
    use Type::{Duration, Null, Object, Opaque, Optional, Timestamp};
    matches!(of, Null | Duration | Timestamp | Object(_) | Opaque(_) | Optional(_))
}

/// Whether the second type is the first one or a case of it.
pub(super) fn is_more_general(one: &Type, other: &Type) -> bool {
    if one.fits_all() || matches!(one, Type::Parameter(_)) {
        return true;
    }
    match (one, other) {
        (one, Type::Null) => may_be_null(one),
        (Type::List(one), Type::List(other))
        | (Type::Optional(one), Type::Optional(other))
        | (Type::Name(one), Type::Name(other)) => is_more_general(one, other),
        (Type::Map(one), Type::Map(other)) => is_more_general(&one.0, &other.0) && is_more_general(&one.1, &other.1),
        (one, other) => one == other,
    }
}
