//! Help texts of types and fields, unpacked when asked for: only OpenAPI documents need them, so nobody keeps them.

use std::io::Read;

use flate2::read::GzDecoder;

use super::table::table;
use super::{Field, Type};

static PACKED: &[u8] = include_bytes!("descriptions.txt.gz");

/// The texts, one JSON string a line, in the order of the table: a type, then its fields. About one megabyte; drop it after
/// use.
#[derive(Debug)]
pub struct Descriptions {
    text: String,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Descriptions {
    /// Unpacks the texts.
    ///
    /// # Errors
    /// Never for the texts that are built in (tested); the form of the signature comes from reading.
    pub fn unpack() -> std::io::Result<Self> {
        let mut text = String::new();
        GzDecoder::new(PACKED).read_to_string(&mut text)?;
        let ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at).collect();
        let table = table();
        if ends.len() != table.types.len() + table.fields.len() {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        Ok(Self { text, ends })
    }

    /// Text about a type; may be empty.
    #[must_use]
    pub fn of_type(&self, of: Type) -> String {
        self.line(of.index() + of.facts().fields.start)
    }

    /// The fields of a type with the text about each, which may be empty.
    pub fn of_fields(&self, of: Type) -> impl Iterator<Item = (&'static Field, String)> {
        let first = of.index() + of.facts().fields.start + 1;
        of.fields().iter().enumerate().map(move |(at, field)| (field, self.line(first + at)))
    }

    fn line(&self, number: usize) -> String {
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end + 1);
        let line = self.ends.get(number).and_then(|end| self.text.get(start..*end));
        let Some(line) = line else { return String::new() };
        match line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(plain) if !plain.contains('\\') => plain.to_owned(),
            _ => serde_json::from_str(line).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schema;
    use super::*;

    #[test]
    fn texts_stand_beside_what_they_describe() {
        let texts = Descriptions::unpack().unwrap();
        let last = Schema::of("io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference").unwrap();
        assert_eq!(texts.of_type(last), "ServiceReference holds a reference to Service.legacy.k8s.io");
        let fields: Vec<_> = texts.of_fields(last).map(|(field, text)| (field.name, text)).collect();
        assert_eq!(fields[1], ("namespace", "Namespace is the namespace of the service".to_owned()));
        let first = Schema::types().next().unwrap();
        assert!(texts.of_type(first).starts_with("ApplyConfiguration defines"), "{}", texts.of_type(first));
    }
}
