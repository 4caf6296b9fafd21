//! Expressions in the Common Expression Language: whether one can be read, names only what there is, gives every function what it
//! takes, and comes to what it is for. No expression is computed here.

mod binders;
mod bindings;
mod check;
mod cost;
mod fields;
mod functions;
mod libraries;
mod literals;
mod made;
mod objects;
mod outcome;
mod patterns;
mod place;
mod ranges;
mod signature;
mod types;

use cel::parser::Parser;

use crate::field::Field;
use crate::validate::FieldError;
pub(crate) use cost::{Limit, Shape};
pub(crate) use outcome::Outcome;
use types::Type;

/// Most code points of an expression, as in cel-go.
const LENGTH_MAX: usize = 100_000;
/// Most brackets inside brackets, as in cel-go.
const DEPTH_MAX: u16 = 250;
/// Most signs that join parts: each may be one more step of a walk through the expression.
const JOINTS_MAX: usize = 8_000;
/// Most faults of one expression that are told, as in cel-go.
const FAULTS_MAX: usize = 100;
/// Room for walks as deep as the limits above allow, in bytes; threads of a server have less. It is used only as far as needed.
const STACK: usize = 128 * 1024 * 1024;

/// What an expression may name, and what it is for.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    variables: Vec<(&'static str, Type)>,
    fields: Vec<(&'a str, Type)>,
    outcome: Outcome,
    /// Whether it may make objects to apply, and steps of patches.
    patches: bool,
    /// What it may cost; anything, when there is none.
    limit: Option<Limit>,
}

impl<'a> Scope<'a> {
    /// Expressions that come to something, and may name these variables, each of a type as in [`signature`].
    pub(crate) fn new(variables: &[(&'static str, &'static str)], outcome: Outcome) -> Self {
        let scope = Self { variables: Vec::new(), fields: Vec::new(), outcome, patches: false, limit: None };
        scope.and(variables)
    }

    /// With more variables.
    pub(crate) fn and(mut self, variables: &[(&'static str, &'static str)]) -> Self {
        let typed = variables.iter().map(|(name, of)| (*name, signature::plain(of).unwrap_or(Type::Dyn)));
        self.variables.extend(typed);
        self
    }

    /// Without some of its variables.
    pub(crate) fn without(mut self, variables: &[(&'static str, &'static str)]) -> Self {
        self.variables.retain(|(name, _)| variables.iter().all(|(gone, _)| gone != name));
        self
    }

    /// With the variable `variables` and one more field of it, computed by an expression of this scope.
    pub(crate) fn with_field(mut self, name: &'a str, expression: &str) -> Self {
        let of = type_of(expression, &self);
        if self.variable(FIELDS_OF).is_none() {
            self.variables.push((FIELDS_OF, Type::Object(format!("kubernetes.{FIELDS_OF}").into())));
        }
        self.fields.push((name, of));
        self
    }

    /// For expressions that say what changes.
    pub(crate) fn with_patches(mut self) -> Self {
        self.patches = true;
        self
    }

    /// For expressions that may not cost more than that.
    pub(crate) fn within(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// For another outcome.
    pub(crate) fn to(&self, outcome: Outcome) -> Self {
        Self { outcome, ..self.clone() }
    }

    fn variable(&self, name: &str) -> Option<Type> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, of)| of.clone())
    }

    /// Whether an expression may make an object of that name.
    fn makes(&self, name: &str) -> bool {
        self.patches && (name == "JSONPatch" || objects::is_configuration(name))
    }
}

/// The variable whose fields are known by name.
const FIELDS_OF: &str = "variables";

/// An error when the text is no expression that can stand where it does. One without a word is told elsewhere.
pub(crate) fn check(expression: &Field<'_>, scope: &Scope<'_>) -> Option<FieldError> {
    let text = expression.text();
    if text.trim().is_empty() {
        return None;
    }
    match typed(text, scope) {
        Err(why) => Some(expression.invalid(failed(&why))),
        Ok(found) => match scope.outcome.missed(&found.of) {
            Some(why) => Some(expression.invalid(why)),
            None => found.too_costly.then(|| expression.forbidden("too complex, exceeds cost limit")),
        },
    }
}

/// The type of what a variable is computed by. What is wrong there is told there; here it fits everywhere.
fn type_of(text: &str, scope: &Scope<'_>) -> Type {
    let found = typed(text, scope).map_or(Type::Dyn, |found| found.of);
    if matches!(found, Type::Object(_) | Type::Opaque(_)) { Type::Dyn } else { found }
}

/// What an expression comes to.
#[derive(Debug)]
struct Found {
    of: Type,
    /// Whether it may cost more than the scope allows.
    too_costly: bool,
}

/// What an expression comes to.
///
/// # Errors
/// Everything that is wrong with it, each shown where it stands.
fn typed(text: &str, scope: &Scope<'_>) -> Result<Found, String> {
    let length = text.chars().count();
    if length > LENGTH_MAX {
        let why = format!("expression code point size exceeds limit: size: {length}, limit {LENGTH_MAX}");
        return Err(place::nowhere(&why));
    }
    if text.bytes().filter(|sign| b".+-*/%<>=!?[".contains(sign)).count() > JOINTS_MAX {
        return Err(too_deep());
    }
    stacker::grow(STACK, || read(text, scope))
}

fn read(text: &str, scope: &Scope<'_>) -> Result<Found, String> {
    let parser = Parser::new().max_recursion_depth(DEPTH_MAX - 1);
    match parser.enable_optional_syntax(true).enable_ident_escape_syntax(true).parse_with_source_info(text) {
        Err(errors) if errors.errors.iter().any(|one| one.msg.contains("Recursion limit")) => Err(too_deep()),
        Err(errors) => {
            let told = errors.errors.iter().map(|one| place::told(text, one.pos, &one.msg));
            Err(told.collect::<Vec<_>>().join("\n"))
        }
        Ok((expression, source)) => {
            let found = check::check(&expression, scope);
            if found.wrong.is_empty() {
                let costs = |limit: Limit| cost::most(&expression, &found.types, limit) > limit.most;
                let too_costly = scope.limit.is_some_and(costs);
                return Ok(Found { of: found.of, too_costly });
            }
            let mut placed: Vec<_> = found.wrong.into_iter().map(|(id, why)| (source.offset_for(id), why)).collect();
            placed.sort_by_key(|(offset, _)| *offset);
            let first = placed.iter().take(FAULTS_MAX);
            let mut told: Vec<_> = first.map(|(at, why)| place::told(text, place::of(text, *at), why)).collect();
            let rest = placed.len().saturating_sub(FAULTS_MAX);
            told.extend((rest > 0).then(|| format!("{rest} more errors were truncated")));
            Err(told.join("\n"))
        }
    }
}

fn failed(why: &str) -> String {
    format!("compilation failed: {why}")
}

fn too_deep() -> String {
    place::nowhere(&format!("expression recursion limit exceeded: {DEPTH_MAX}"))
}

#[cfg(test)]
mod tests;
