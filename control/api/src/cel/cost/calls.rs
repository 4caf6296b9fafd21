//! What functions cost, without their arguments, and how large their results are: as cel-go and the libraries of Kubernetes
//! estimate it.

use super::Known;
use super::range::{ONE, Range, exactly, up_to};
use crate::cel::types::Type;

/// What asking whether somebody may do something costs: two of it are the most that an expression may ask.
const AUTHORIZATION: u64 = 350_000;
/// Most bytes of an address.
const ADDRESS: u64 = 16;
/// Most characters of the patterns that forms of names are checked with.
const FORM: u64 = 128;

/// Cost of one call and the size of its result, if that is known.
pub(super) type Call = (u64, Option<Range>);

/// One call, for arguments of these types; what it is called on is the first of both.
pub(super) fn call(name: &str, member: bool, wanted: &[Type], given: &[Known]) -> Call {
    let size = |nth: usize| given.get(nth).map_or(ONE, Known::size_or_unknown);
    let text = matches!(wanted.first(), Some(Type::Text | Type::Bytes));
    match (name, member) {
        ("check", true) => (AUTHORIZATION, None),
        ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf", true) => (searched(&given[0]), None),
        ("lowerAscii" | "upperAscii" | "substring" | "trim", true) => (size(0).walked(), Some(size(0))),
        ("replace", true) => (size(0).walked_twice(), Some(replaced(size(0), size(1), size(2)))),
        ("split", true) => (size(0).walked_twice(), Some(up_to(pieces(given)))),
        ("join", true) => {
            let joined = joined(&given[0], given.get(1).map(Known::size_or_unknown));
            (joined.walked(), Some(joined))
        }
        ("find" | "findAll", true) => (matched(size(0), size(1)), Some(up_to(size(0).most))),
        ("matches", _) => (matched(size(0), size(1)), None),
        ("contains", true) if text => (size(0).walked().saturating_mul(size(1).walked()), None),
        ("startsWith" | "endsWith", true) => (size(1).walked(), None),
        ("format", true) => (size(0).walked(), None),
        ("validate", true) => (size(1).walked().saturating_mul(exactly(FORM).as_pattern()), None),
        ("url", false) => (size(0).walked(), None),
        ("containsIP" | "containsCIDR", true) => (contained(name, wanted, size(1)), None),
        ("strings.quote", false) => {
            (size(0).walked(), Some(exactly(2).and(Range { most: size(0).most.saturating_mul(2), ..size(0) })))
        }
        ("bytes", false) if wanted == [Type::Text] => {
            (size(0).walked(), Some(Range { most: size(0).most.saturating_mul(4), ..size(0) }))
        }
        ("string", false) if wanted == [Type::Bytes] => {
            (size(0).walked(), Some(Range { least: size(0).least / 4, ..size(0) }))
        }
        ("@in", false) if matches!(wanted.get(1), Some(Type::List(_))) => (size(1).most, None),
        ("sets.contains" | "sets.intersects", false) => (size(0).times(size(1)).most.saturating_add(1), None),
        ("sets.equivalent", false) => (size(0).times(size(1)).most.saturating_mul(2).saturating_add(1), None),
        ("_+_", false) if text => (size(0).and(size(1)).walked(), Some(size(0).and(size(1)))),
        ("_+_", false) if matches!(wanted.first(), Some(Type::List(_))) => (1, Some(size(0).and(size(1)))),
        ("_==_" | "_!=_", false) => (compared(size(0), size(1)), None),
        ("_<_" | "_<=_" | "_>_" | "_>=_", false) if text => (compared(size(0), size(1)), None),
        _ => (1, None),
    }
}

/// The shorter of both decides.
fn compared(one: Range, other: Range) -> u64 {
    up_to(one.most.min(other.most)).walked()
}

/// An empty text is one step, too, since the pattern is read for it.
fn matched(text: Range, pattern: Range) -> u64 {
    text.and(ONE).walked().saturating_mul(pattern.as_pattern())
}

/// Each item is compared; texts and bytes by their length.
fn searched(list: &Known) -> u64 {
    let Type::List(item) = &list.of else { return list.size_or_unknown().walked() };
    let each = match **item {
        Type::Text | Type::Bytes => list.item_of_list().walked().saturating_add(1),
        _ => 1,
    };
    list.size_or_unknown().most.saturating_mul(each)
}

/// Both addresses are walked through, as far as their bits go; one that is written must be read before.
fn contained(name: &str, wanted: &[Type], other: Range) -> u64 {
    let bits = up_to(ADDRESS * 2).walked();
    let masked = if name == "containsCIDR" { up_to(ADDRESS).walked() + 1 } else { 0 };
    let read = if matches!(wanted.get(1), Some(Type::Text)) { other.walked() } else { 0 };
    read.saturating_add(bits + masked)
}

/// As many pieces as characters, or as many as is said.
fn pieces(given: &[Known]) -> u64 {
    given.get(2).and_then(|most| most.literal).unwrap_or_else(|| given[0].size_or_unknown().most)
}

fn joined(list: &Known, separator: Option<Range>) -> Range {
    let count = list.size_or_unknown();
    let items = if matches!(list.of, Type::List(_)) { count.times(list.item_of_list()) } else { exactly(0) };
    let between = Range { least: count.least.saturating_sub(1), most: count.most.saturating_sub(1) };
    separator.map_or(items, |separator| items.and(separator.times(between)))
}

/// The longest and the shortest text after a replacement: the former from the shortest things replaced by the longest, as
/// often as there is room, the latter the other way around.
fn replaced(text: Range, from: Range, to: Range) -> Range {
    let (most_often, most_kept) = match from.least {
        // Nothing is everywhere: the replacement comes around each character.
        0 => (text.most.saturating_add(1), text.most),
        shortest if to.most <= shortest => (0, text.most),
        shortest => (text.most.div_ceil(shortest), 0),
    };
    let (least_often, least_kept) = match from.most {
        0 => (text.least.saturating_add(1), text.least),
        longest if longest <= to.least => (0, text.least),
        longest => (text.least.div_ceil(longest), 0),
    };
    let often = Range { least: least_often, most: most_often };
    often.times(to).and(Range { least: least_kept, most: most_kept })
}
