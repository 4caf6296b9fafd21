//! The parts of a text that differ between any two servers.

/// Beginning of the only names in the recording that a server made up.
const GENERATED: &str = "gn-";
/// Length of a generated name's ending.
const SUFFIX: usize = 5;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    Uid,
    Time,
    Revision,
    /// Where a list goes on.
    Continue,
    /// How long ago, as tables say it.
    Age,
    /// A generated name.
    Suffix,
    /// An IPv4 address, perhaps with a port.
    Address,
    /// `ETag`.
    Tag,
    /// What a column of a table is said to be, in everybody's own words.
    Description,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub shape: Shape,
    pub text: String,
}

/// A text with its pieces replaced by their shapes, and the pieces. The path says where the text stands in an answer.
pub fn split(path: &str, text: &str) -> (String, Vec<Piece>) {
    let field = path.rsplit('/').next().unwrap_or_default();
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let whole = match field {
        "resourceVersion" if number => Some(Shape::Revision),
        "continue" if !text.is_empty() => Some(Shape::Continue),
        "etag" => Some(Shape::Tag),
        "last-modified" => Some(Shape::Time),
        "description" if path.contains("/columnDefinitions/") && !text.is_empty() => Some(Shape::Description),
        _ if path.contains("/cells/") && is_age(text) => Some(Shape::Age),
        _ => None,
    };
    if let Some(shape) = whole {
        return (format!("<{shape:?}>"), vec![Piece { shape, text: text.into() }]);
    }
    words(text)
}

fn words(text: &str) -> (String, Vec<Piece>) {
    let (mut pattern, mut pieces) = (String::new(), Vec::new());
    for word in text.split_inclusive(|one: char| !(one.is_ascii_alphanumeric() || "-:.".contains(one))) {
        let end = word.trim_end_matches(|one: char| !one.is_ascii_alphanumeric()).len();
        let (body, rest) = word.split_at(end);
        match shape(body, &pattern) {
            Some(shape) => {
                pattern.push_str(&format!("<{shape:?}>"));
                pieces.push(Piece { shape, text: body.into() });
            }
            None => pattern.push_str(body),
        }
        pattern.push_str(rest);
    }
    (pattern, pieces)
}

/// What a word is, after what stands before it.
fn shape(word: &str, before: &str) -> Option<Shape> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_uid(word) {
        Some(Shape::Uid)
    } else if is_time(word) {
        Some(Shape::Time)
    } else if word.parse::<std::net::Ipv4Addr>().is_ok() || word.parse::<std::net::SocketAddrV4>().is_ok() {
        Some(Shape::Address)
    } else if word.strip_prefix(GENERATED).is_some_and(|rest| rest.len() == SUFFIX) {
        Some(Shape::Suffix)
    } else {
        (digits(word) && before.ends_with("current: ")).then_some(Shape::Revision)
    }
}

fn is_uid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_time(word: &str) -> bool {
    word.len() >= "2026-11-23T10:09:27Z".len() && word.ends_with('Z') && word.parse::<jiff::Timestamp>().is_ok()
}

fn is_age(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits > 0
        && text.ends_with(['s', 'm', 'h', 'd'])
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"smhd".contains(&byte))
}

#[test]
fn what_servers_make_up_is_found_inside_sentences() {
    let check = |path: &str, text: &str, pattern: &str| assert_eq!(split(path, text).0, pattern, "{path} {text}");
    check("/body/message", "current: 219", "current: <Revision>");
    check("/body/message", "UID in object meta: e30a9b1a-8786-4079-b28f-a60249faecda", "UID in object meta: <Uid>");
    check("/body/metadata/creationTimestamp", "2026-11-23T10:09:27Z", "<Time>");
    check("/body/rows/0/cells/3", "12s", "<Age>");
    check("/body/rows/0/cells/2", "80/TCP", "80/TCP");
    check("/body/metadata/name", "gn-7cc25", "<Suffix>");
    check("/body/jwks_uri", "https://192.0.2.2:26443/openid", "https://<Address>/openid");
    check("/body/spec/image", "nginx:1.0", "nginx:1.0");
}
