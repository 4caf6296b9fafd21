//! Expressions in the Common Expression Language: whether one can be read, names only what there is, and comes to what it is
//! for. Types of parts are not compared, and no expression is computed here.

mod names;
mod outcome;
mod place;

use cel::parser::Parser;

use crate::field::Field;
use crate::validate::FieldError;
pub(crate) use outcome::Outcome;

/// Most code points of an expression, as in cel-go.
const LENGTH_MAX: usize = 100_000;
/// Most brackets inside brackets, as in cel-go.
const DEPTH_MAX: u16 = 250;
/// Most signs that join parts: each may be one more step of a walk through the expression.
const JOINTS_MAX: usize = 8_000;
/// Room for walks as deep as the limits above allow, in bytes; threads of a server have less. It is used only as far as needed.
const STACK: usize = 128 * 1024 * 1024;

/// What an expression may name, and what it is for.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    variables: Vec<&'a str>,
    fields: Vec<&'a str>,
    outcome: Outcome,
}

impl<'a> Scope<'a> {
    /// Expressions that come to something, and may name these variables.
    pub(crate) fn new(variables: &[&'a str], outcome: Outcome) -> Self {
        Self { variables: variables.to_vec(), fields: Vec::new(), outcome }
    }

    /// With one more variable.
    pub(crate) fn and(mut self, variable: Option<&'a str>) -> Self {
        self.variables.extend(variable);
        self
    }

    /// With the variable `variables` and these fields of it.
    pub(crate) fn with_fields(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.variables.push(FIELDS_OF);
        self.fields = fields.into_iter().collect();
        self
    }

    /// For another outcome.
    pub(crate) fn to(&self, outcome: Outcome) -> Self {
        Self { outcome, ..self.clone() }
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
    wrong(text, scope).map(|why| expression.invalid(why))
}

/// What is wrong with an expression, in the words of Kubernetes.
fn wrong(text: &str, scope: &Scope<'_>) -> Option<String> {
    let length = text.chars().count();
    if length > LENGTH_MAX {
        let why = format!("expression code point size exceeds limit: size: {length}, limit {LENGTH_MAX}");
        return Some(failed(&place::nowhere(&why)));
    }
    if text.bytes().filter(|sign| b".+-*/%<>=!?[".contains(sign)).count() > JOINTS_MAX {
        return Some(too_deep());
    }
    stacker::grow(STACK, || read(text, scope))
}

fn read(text: &str, scope: &Scope<'_>) -> Option<String> {
    let parser = Parser::new().max_recursion_depth(DEPTH_MAX - 1);
    match parser.enable_optional_syntax(true).enable_ident_escape_syntax(true).parse_with_source_info(text) {
        Err(errors) if errors.errors.iter().any(|one| one.msg.contains("Recursion limit")) => Some(too_deep()),
        Err(errors) => {
            let told = errors.errors.iter().map(|one| place::told(text, one.pos, &one.msg));
            Some(failed(&told.collect::<Vec<_>>().join("\n")))
        }
        Ok((expression, source)) => {
            let unknown = names::unknown(&expression, scope);
            if unknown.is_empty() {
                return scope.outcome.missed(&expression);
            }
            let told = unknown.iter().map(|(id, why)| place::told(text, place::of(text, source.offset_for(*id)), why));
            Some(failed(&told.collect::<Vec<_>>().join("\n")))
        }
    }
}

fn failed(why: &str) -> String {
    format!("compilation failed: {why}")
}

fn too_deep() -> String {
    failed(&place::nowhere(&format!("expression recursion limit exceeded: {DEPTH_MAX}")))
}

#[cfg(test)]
mod tests;
