//! From bytes to a JSON value, noticing what a value cannot hold: fields that stand twice.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::FINDINGS_MAX;
use crate::syntax;

/// Most text, in bytes, plus values that a body may expand to. JSON never gets here from a body of 3 MiB, the server's limit;
/// YAML aliases could otherwise make gigabytes of it.
const EXPANDED_MAX: usize = 8 * 1024 * 1024;

/// Why bytes are no object.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The body is not JSON: why, in Kubernetes' words.
    #[error("couldn't get version/kind; json parse error: {words}")]
    Json {
        words: String,
        #[source]
        source: serde_json::Error,
    },
    /// The body is not YAML.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(#[source] serde_yaml_ng::Error),
}

/// Reads one value; paths of fields that stand twice are added to `duplicates`, at most [`FINDINGS_MAX`].
pub(super) fn json(body: &[u8], duplicates: &mut Vec<String>) -> Result<Value, ReadError> {
    let mut build = Build { duplicates, budget: EXPANDED_MAX };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = build.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|source| ReadError::Json { words: syntax::words(body, &source), source })
}

/// [`json`] for YAML.
pub(super) fn yaml(body: &[u8], duplicates: &mut Vec<String>) -> Result<Value, ReadError> {
    let mut build = Build { duplicates, budget: EXPANDED_MAX };
    build.deserialize(serde_yaml_ng::Deserializer::from_slice(body)).map_err(ReadError::Yaml)
}

/// Builds a value. A path is put together on the way out, and only when there is something to tell.
struct Build<'a> {
    duplicates: &'a mut Vec<String>,
    budget: usize,
}

impl Build<'_> {
    fn spend<E: serde::de::Error>(&mut self, amount: usize) -> Result<(), E> {
        self.budget = self.budget.checked_sub(amount).ok_or_else(|| E::custom("the document expands to too much"))?;
        Ok(())
    }

    /// Everything told since `from` lies below this step.
    fn below(&mut self, from: usize, step: impl Fn(&str) -> String) {
        for path in self.duplicates.iter_mut().skip(from) {
            *path = step(path);
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Build<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.spend(1)?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Build<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom(format!("{value} is no JSON number")))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.spend(value.len())?;
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let told = self.duplicates.len();
            let Some(item) = items.next_element_seed(&mut *self)? else { return Ok(Value::Array(list)) };
            let at = list.len();
            self.below(
                told,
                |path| if path.starts_with('[') { format!("[{at}]{path}") } else { format!("[{at}].{path}") },
            );
            list.push(item);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(Name(name)) = entries.next_key()? {
            self.spend(name.len()).map_err(A::Error::custom::<A::Error>)?;
            let told = self.duplicates.len();
            let value = entries.next_value_seed(&mut *self)?;
            self.below(
                told,
                |path| if path.starts_with('[') { format!("{name}{path}") } else { format!("{name}.{path}") },
            );
            if map.contains_key(&name) && self.duplicates.len() < FINDINGS_MAX && !self.duplicates.contains(&name) {
                self.duplicates.push(name.clone());
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// The name of an entry. YAML allows other scalars than text, which become text.
struct Name(String);

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text as the name of a field")
            }

            fn visit_str<E>(self, value: &str) -> Result<Name, E> {
                Ok(Name(value.to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Name, E> {
                Ok(Name(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Name, E> {
                Ok(Name(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Name, E> {
                Ok(Name(value.to_string()))
            }
        }
        reader.deserialize_any(Scalar)
    }
}
