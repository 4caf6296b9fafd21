//! Reads `table.txt`, whose form its own header explains, into two vectors that everything else indexes.
//!
//! Reading is total: a line that is not understood becomes a note in [`Table::problems`], which a test wants to be empty, so
//! that no request can meet a table that was not read whole.

use std::ops::Range;
use std::sync::OnceLock;

use super::{Field, Gvk, ListType, MapType, Number, Scalar, Shape, Strategy, Type};

/// The form of the table that this reader knows.
const FORMAT: &str = "3";

static TEXT: &str = include_str!("table.txt");

/// A type, its fields being a range of [`Table::fields`].
#[derive(Debug)]
pub(super) struct TypeFacts {
    pub(super) name: &'static str,
    pub(super) scalar: Option<Scalar>,
    pub(super) map: Option<MapType>,
    pub(super) kinds: Box<[Gvk]>,
    pub(super) fields: Range<usize>,
}

/// The whole table.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) version: &'static str,
    pub(super) types: Vec<TypeFacts>,
    pub(super) fields: Vec<Field>,
    pub(super) kinds: Vec<(Gvk, Type)>,
    pub(super) problems: Vec<String>,
}

/// The table, read when first asked for.
pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::read(TEXT))
}

impl Table {
    pub(super) fn find(&self, name: &str) -> Option<Type> {
        self.types.binary_search_by(|of| of.name.cmp(name)).ok().map(Type::at)
    }

    /// Types first, since fields refer to types that stand further down.
    fn read(text: &'static str) -> Self {
        let mut table = Self::default();
        let lines = || text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut field_count = 0;
        for line in lines() {
            if line.starts_with('\t') {
                field_count += 1;
                if let Some(of) = table.types.last_mut() {
                    of.fields.end = field_count;
                }
            } else {
                table.read_head(line, field_count);
            }
        }
        table.fields.reserve_exact(field_count);
        let fields = lines().filter_map(|line| line.strip_prefix('\t'));
        let homes: Vec<_> = table.types.iter().map(|of| (of.name, of.fields.len())).collect();
        let homes = homes.iter().flat_map(|(name, count)| std::iter::repeat_n(package(name), *count));
        for (line, home) in fields.zip(homes) {
            let field = table.read_field(line, home);
            table.fields.push(field);
        }
        table.kinds.sort_unstable();
        table
    }

    fn read_head(&mut self, line: &'static str, fields: usize) {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let mut of = TypeFacts { name, scalar: None, map: None, kinds: Box::default(), fields: fields..fields };
        match name {
            "format" if words.next() == Some(FORMAT) => return,
            "kubernetes" => {
                self.version = words.next().unwrap_or_default();
                return;
            }
            "format" => self.problem(line, "of another format"),
            _ => {}
        }
        while let Some(word) = words.next() {
            match word.split_once('=') {
                Some(("", "")) => of.scalar = words.next().and_then(Scalar::parse),
                Some(("gvk", kinds)) => of.kinds = kinds.split(',').filter_map(gvk).collect(),
                Some(("map", map)) => of.map = map_type(map),
                _ => self.problem(line, word),
            }
        }
        let this = Type::at(self.types.len());
        self.kinds.extend(of.kinds.iter().map(|gvk| (*gvk, this)));
        self.types.push(of);
    }

    fn read_field(&mut self, line: &'static str, home: &str) -> Field {
        let (facts, values) = line.split_once(" enum=").map_or((line, None), |(facts, values)| (facts, Some(values)));
        let mut words = facts.split(' ');
        let name = words.next().unwrap_or_default();
        let shape = words.next().and_then(|word| self.shape(word, home));
        if shape.is_none() {
            self.problem(line, "shape");
        }
        let mut field = Field {
            name: name.trim_end_matches('!'),
            required: name.ends_with('!'),
            shape: shape.unwrap_or(Shape::Scalar(Scalar::Any)),
            list: None,
            map: None,
            strategy: Strategy::default(),
            merge_key: None,
            values: values.into_iter().flat_map(|values| values.split('|')).collect(),
            number: None,
        };
        for word in words {
            match word.split_once('=') {
                Some(("list", "atomic")) => field.list = Some(ListType::Atomic),
                Some(("list", "set")) => field.list = Some(ListType::Set),
                Some(("list", "map")) => field.list = Some(ListType::Map(Box::default())),
                Some(("keys", keys)) => field.list = Some(ListType::Map(keys.split(',').collect())),
                Some(("map", map)) => field.map = map_type(map),
                Some(("patch", strategy)) => field.strategy = patch_strategy(strategy),
                Some(("merge", key)) => field.merge_key = Some(key),
                Some(("pb", text)) if number(text).is_some() => field.number = number(text),
                _ => self.problem(line, word),
            }
        }
        field
    }

    fn shape(&self, word: &str, home: &str) -> Option<Shape> {
        if let Some(item) = word.strip_prefix("[]") {
            return Some(Shape::List(Box::new(self.shape(item, home)?)));
        }
        if let Some(value) = word.strip_prefix("{}") {
            return Some(Shape::Map(Box::new(self.shape(value, home)?)));
        }
        if let Some(scalar) = Scalar::parse(word) {
            return Some(Shape::Scalar(scalar));
        }
        let found = if word.contains('.') { self.find(word) } else { self.find(&format!("{home}.{word}")) };
        found.map(Shape::Type)
    }

    fn problem(&mut self, line: &str, what: &str) {
        self.problems.push(format!("{what}: {line}"));
    }
}

fn package(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(package, _)| package)
}

fn gvk(text: &'static str) -> Option<Gvk> {
    let (group_version, kind) = text.rsplit_once('/')?;
    let (group, version) = group_version.rsplit_once('/').unwrap_or(("", group_version));
    Some(Gvk { group, version, kind })
}

fn map_type(word: &str) -> Option<MapType> {
    match word {
        "atomic" => Some(MapType::Atomic),
        "granular" => Some(MapType::Granular),
        _ => None,
    }
}

fn number(text: &str) -> Option<Number> {
    let (path, pointer) = text.strip_suffix('*').map_or((text, false), |path| (path, true));
    let path = path.split('.').map(|step| step.parse().ok()).collect::<Option<_>>()?;
    Some(Number { path, pointer })
}

fn patch_strategy(words: &str) -> Strategy {
    let has = |one| words.split(',').any(|word| word == one);
    Strategy { merge: has("merge"), replace: has("replace"), retain_keys: has("retainKeys") }
}
