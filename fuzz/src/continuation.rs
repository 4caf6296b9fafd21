//! Where a list goes on.

use api::continuation::Continue;

/// A token that is taken is made again of what it says.
pub(crate) fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = Continue::decode(text) {
        assert_eq!(Continue::decode(&token.encode()), Ok(token));
    }
    // What is no token may be what one says.
    let said = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
    if let Ok(token) = Continue::decode(&said) {
        assert_eq!(Continue::decode(&token.encode()), Ok(token));
    }
}
