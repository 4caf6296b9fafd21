//! `runtime.Unknown` behind a magic number: what kind an object is, and its bytes.

use super::wire::{Malformed, Problem, Reader};

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// What content is when its type is told; most clients do not tell it.
const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// An object's type and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Group and version; empty when the client leaves it to the endpoint.
    pub api_version: &'a str,
    /// Kind; empty likewise.
    pub kind: &'a str,
    /// The message of that kind.
    pub raw: &'a [u8],
    /// Where in the body the message begins, for errors.
    pub offset: usize,
}

impl<'a> Envelope<'a> {
    /// Opens the envelope of a body.
    ///
    /// # Errors
    /// When there is none, or its content is not plain protobuf.
    pub fn open(body: &'a [u8]) -> Result<Self, Malformed> {
        let rest = body.strip_prefix(MAGIC).ok_or(Problem::NoEnvelope.at(0))?;
        let mut envelope = Self { api_version: "", kind: "", raw: &[], offset: body.len() };
        let (mut encoding, mut content_type) = ("", "");
        let mut reader = Reader::new(rest, MAGIC.len());
        while let Some(part) = reader.next()? {
            match part.number {
                1 => envelope.read_type(part.bytes()?)?,
                2 => {
                    let raw = part.bytes()?;
                    (envelope.raw, envelope.offset) = (raw.rest(), raw.offset);
                }
                3 => encoding = part.text()?,
                4 => content_type = part.text()?,
                // A newer envelope may tell more than we need.
                _ => {}
            }
        }
        if encoding.is_empty() && ["", CONTENT_TYPE].contains(&content_type) {
            return Ok(envelope);
        }
        let problem = Problem::Content { content_type: content_type.to_owned(), encoding: encoding.to_owned() };
        Err(problem.at(MAGIC.len()))
    }

    /// `runtime.TypeMeta`.
    fn read_type(&mut self, mut reader: Reader<'a>) -> Result<(), Malformed> {
        while let Some(part) = reader.next()? {
            match part.number {
                1 => self.api_version = part.text()?,
                2 => self.kind = part.text()?,
                _ => {}
            }
        }
        Ok(())
    }
}
