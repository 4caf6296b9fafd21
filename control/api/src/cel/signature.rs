//! Signatures of functions, which libraries list as text: `size(list(A)): int`, and `list(A) . size(): int` for what is called on
//! a value. A single capital letter stands for any type, the same one wherever it stands.

use super::types::Type;

/// A function, for arguments of these types. What it is called on is its first argument.
#[derive(Clone, Debug)]
pub(super) struct Overload {
    pub(super) member: bool,
    pub(super) arguments: Vec<Type>,
    pub(super) result: Type,
    /// How many parameters it has, numbered from 0.
    pub(super) parameters: u32,
}

impl Overload {
    /// Reads one signature; none when it cannot be read.
    pub(super) fn parse(text: &'static str) -> Option<(&'static str, Self)> {
        let mut letters = Vec::new();
        let (target, call) = text.split_once(" . ").map_or((None, text), |(target, call)| (Some(target), call));
        let (head, result) = call.rsplit_once("): ")?;
        let (name, arguments) = head.split_once('(')?;
        let mut types = Vec::new();
        for one in target.into_iter().chain(parts(arguments)) {
            types.push(read(one, &mut letters)?);
        }
        let result = read(result, &mut letters)?;
        let parameters = u32::try_from(letters.len()).ok()?;
        Some((name, Self { member: target.is_some(), arguments: types, result, parameters }))
    }
}

/// The type that the text names; it has no parameters.
pub(super) fn plain(text: &str) -> Option<Type> {
    let mut letters = Vec::new();
    read(text, &mut letters).filter(|_| letters.is_empty())
}

/// A type. Letters get numbers in the order in which they stand.
fn read(text: &str, letters: &mut Vec<char>) -> Option<Type> {
    let text = text.trim();
    if let Some((name, inner)) = text.strip_suffix(')').and_then(|open| open.split_once('(')) {
        let inner: Vec<Type> = parts(inner).map(|part| read(part, letters)).collect::<Option<_>>()?;
        return match (name, <[Type; 1]>::try_from(inner)) {
            ("list", Ok([item])) => Some(Type::list(item)),
            ("optional", Ok([value])) => Some(Type::optional(value)),
            ("type", Ok([of])) => Some(Type::of_type(of)),
            ("map", Err(inner)) => <[Type; 2]>::try_from(inner).ok().map(|[key, value]| Type::map(key, value)),
            _ => None,
        };
    }
    Some(match text {
        "dyn" => Type::Dyn,
        "any" => Type::Any,
        "null" => Type::Null,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::Text,
        "bytes" => Type::Bytes,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        _ => match text.chars().collect::<Vec<_>>().as_slice() {
            [letter] if letter.is_ascii_uppercase() => {
                let known = letters.iter().position(|one| one == letter);
                let nth = known.unwrap_or_else(|| {
                    letters.push(*letter);
                    letters.len() - 1
                });
                Type::Parameter(u32::try_from(nth).ok()?)
            }
            _ if text.starts_with("net.") => Type::Opaque(text.into()),
            _ if text.contains('.') || text.starts_with(|one: char| one.is_ascii_uppercase()) => {
                Type::Object(text.into())
            }
            _ => return None,
        },
    })
}

/// What stands between commas outside of brackets.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let whole = text.split(move |sign| {
        depth += i32::from(sign == '(') - i32::from(sign == ')');
        sign == ',' && depth == 0
    });
    whole.map(str::trim).filter(|part| !part.is_empty())
}
