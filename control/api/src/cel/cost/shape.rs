//! How large the parts of a variable may be.

/// What a variable, or a part of it, is made of.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A value of at most that size.
    Value(u64),
    /// A map.
    Map {
        /// Most entries.
        most: u64,
        /// Its keys.
        keys: &'static Shape,
        /// Its values.
        values: &'static Shape,
        /// Whether a value that is asked for by a written name is one of `values`, too; otherwise nothing is known of it.
        named: bool,
    },
    /// An object with these fields.
    Object(&'static [(&'static str, &'static Shape)]),
}

impl Shape {
    /// Its size, at most.
    pub(super) fn most(&self) -> u64 {
        match self {
            Self::Value(most) | Self::Map { most, .. } => *most,
            Self::Object(_) => 0,
        }
    }

    /// What a field of that name holds.
    pub(super) fn field(&self, name: &str) -> Option<&'static Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape),
            Self::Map { values, named: true, .. } => Some(values),
            Self::Map { .. } | Self::Value(_) => None,
        }
    }

    pub(super) fn keys(&self) -> Option<&'static Self> {
        if let Self::Map { keys, .. } = self { Some(keys) } else { None }
    }

    pub(super) fn values(&self) -> Option<&'static Self> {
        if let Self::Map { values, .. } = self { Some(values) } else { None }
    }
}
