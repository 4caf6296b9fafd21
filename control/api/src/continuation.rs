//! Where the next page of a list begins, as clients hand it back to us.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use serde::Deserialize;
use serde_json::json;

use crate::meta::Revision;
use crate::status::Status;
use crate::syntax;

/// Version of the token: that of Kubernetes, whose tools look into it.
const VERSION: &str = "meta.k8s.io/v1";
/// Stands for no revision: the rest of the list comes from whatever state there is.
const ANY: i64 = -1;

/// As lenient as Go's decoder: it does not look at bits that belong to no byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continue {
    /// Revision of the first page; `None` once that state is lost.
    pub revision: Option<Revision>,
    /// Key after the collection's prefix.
    pub start: String,
}

/// The token's text.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    v: String,
    #[serde(default)]
    rv: i64,
    #[serde(default)]
    start: String,
}

impl Continue {
    /// The text for `metadata.continue`.
    #[must_use]
    pub fn encode(&self) -> String {
        let revision = self.revision.map_or(ANY, |revision| i64::try_from(revision.0).unwrap_or(i64::MAX));
        BASE64.encode(json!({"v": VERSION, "rv": revision, "start": self.start}).to_string())
    }

    /// Reads a token.
    ///
    /// # Errors
    /// 400 in the words of kube-apiserver.
    pub fn decode(text: &str) -> Result<Self, Status> {
        let wrong =
            |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = BASE64.decode(text).map_err(|error| wrong(&base64_error(&error)))?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|error| wrong(&syntax::words(&bytes, &error)))?;
        if token.v != VERSION {
            return Err(wrong("server does not recognize this encoded version"));
        }
        if token.rv == 0 {
            return Err(wrong(&format!("incorrect encoded start resourceVersion (version {VERSION})")));
        }
        if token.start.is_empty() {
            return Err(wrong(&format!("encoded start key empty (version {VERSION})")));
        }
        // A key that leaves the collection is nobody's honest continuation.
        if token.start.trim_start_matches('/').split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(wrong(&token.start));
        }
        Ok(Self { revision: u64::try_from(token.rv).ok().map(Revision), start: token.start })
    }

    /// 410 with a token that goes on at the same place in a newer state.
    #[must_use]
    pub fn lost(&self) -> Status {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a \
                       new list without the continue parameter, or use the continue token in this response to \
                       retrieve the remainder of the results. Continuing with the provided token results in an \
                       inconsistent list - objects that were created, modified, or deleted between the time the first \
                       chunk was returned and now may show up in the list.";
        let rest = Self { revision: None, start: self.start.clone() };
        Status::new(410, "Expired", message).with_continue(rest.encode())
    }
}

/// As Go tells of malformed base64.
fn base64_error(error: &base64::DecodeError) -> String {
    let at = match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLength(at) => *at,
        _ => return "illegal base64 data".to_owned(),
    };
    format!("illegal base64 data at input byte {at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_went() {
        for revision in [Some(Revision(219)), None] {
            let token = Continue { revision, start: "cm1\0".into() };
            assert_eq!(Continue::decode(&token.encode()), Ok(token));
        }
    }

    #[test]
    fn a_token_of_kubernetes_is_understood() {
        let token = Continue::decode("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjE5LCJzdGFydCI6ImNtMVx1MDAwMCJ9");
        assert_eq!(token, Ok(Continue { revision: Some(Revision(219)), start: "cm1\0".into() }));
    }

    #[test]
    fn a_malformed_token_is_refused_in_the_words_of_kubernetes() {
        let told = |text: &str| {
            let message = Continue::decode(text).unwrap_err().message;
            message.strip_prefix("invalid continue token: continue key is not valid: ").unwrap().to_owned()
        };
        assert_eq!(told("abc"), "invalid character 'i' looking for beginning of value");
        assert_eq!(told("a*"), "illegal base64 data at input byte 1");
        let of = |text: &str| told(&BASE64.encode(text));
        assert_eq!(of("{\"v\""), "unexpected end of JSON input");
        assert_eq!(of("{\"v\":\"x\"}"), "server does not recognize this encoded version");
        let version = "\"v\":\"meta.k8s.io/v1\"";
        assert_eq!(of(&format!("{{{version}}}")), "incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
        assert_eq!(of(&format!("{{{version},\"rv\":1}}")), "encoded start key empty (version meta.k8s.io/v1)");
        assert_eq!(of(&format!("{{{version},\"rv\":1,\"start\":\"../a\"}}")), "../a");
    }
}
