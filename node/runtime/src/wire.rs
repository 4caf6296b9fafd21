//! Frames in bytes; see [`crate::protocol`] for their meaning.

use std::io;
use std::ops::RangeInclusive;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::{BODY_LIMIT, VERSION};

/// Length, then version.
pub const HEADER: usize = 5;

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than any frame we send.
    #[error("a frame of {0} bytes is longer than the limit of {BODY_LIMIT}")]
    TooLong(usize),
    /// A release that we do not speak.
    #[error("a frame of version {found}; this process reads {oldest} to {newest}")]
    Version {
        /// Its version.
        found: u8,
        /// The oldest that is read.
        oldest: u8,
        /// The newest that is read.
        newest: u8,
    },
    /// Not the message that was expected.
    #[error("a frame's body cannot be read or written")]
    Body(#[from] serde_json::Error),
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// The bytes of a frame.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; HEADER];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - HEADER;
    let prefix = u32::try_from(length).ok().filter(|_| length <= BODY_LIMIT).ok_or(FrameError::TooLong(length))?;
    frame[..4].copy_from_slice(&prefix.to_be_bytes());
    frame[4] = VERSION;
    Ok(frame)
}

/// Length of the body that a header announces.
pub fn body_length(header: [u8; HEADER], versions: RangeInclusive<u8>) -> Result<usize, FrameError> {
    let [a, b, c, d, found] = header;
    if !versions.contains(&found) {
        return Err(FrameError::Version { found, oldest: *versions.start(), newest: *versions.end() });
    }
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > BODY_LIMIT { Err(FrameError::TooLong(length)) } else { Ok(length) }
}

/// The message at the start of `bytes`, once it is there whole, and how many bytes it took.
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    versions: RangeInclusive<u8>,
) -> Result<Option<(T, usize)>, FrameError> {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let end = HEADER + body_length(*header, versions)?;
    let Some(body) = bytes.get(HEADER..end) else { return Ok(None) };
    Ok(Some((serde_json::from_slice(body)?, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) -> Result<Option<(String, usize)>, String> {
        decode(bytes, 1..=1).map_err(|error| error.to_string())
    }

    #[test]
    fn a_frame_is_read_once_it_is_whole() {
        let frame = encode(&"hello").unwrap();
        for short in 0..frame.len() {
            assert_eq!(check(&frame[..short]), Ok(None), "{short} bytes");
        }
        assert_eq!(check(&frame), Ok(Some(("hello".to_owned(), frame.len()))));
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_its_header() {
        assert_eq!(check(&[0, 0, 0, 2, 9]), Err("a frame of version 9; this process reads 1 to 1".to_owned()));
        let long = check(&[255, 0, 0, 0, 1]).unwrap_err();
        assert!(long.ends_with("is longer than the limit of 4194304"), "{long}");
    }
}
