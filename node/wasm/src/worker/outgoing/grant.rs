//! Which hosts a guest may reach.

use http::uri::Authority;

/// One granted host.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Grant {
    /// `*`
    Any,
    /// `host` on every port, or on one.
    Host { host: String, port: Option<u16> },
}

/// All granted hosts; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants(Vec<Grant>);

/// A grant that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host: write `host`, `host:port` or `*` in wasm.bireme.dev/outgoing-hosts.<container>")]
pub(crate) struct GrantsError(String);

impl Grants {
    /// Reads `host`, `host:port` (IPv6 addresses in brackets) and `*`.
    pub(crate) fn parse(hosts: &[String]) -> Result<Self, GrantsError> {
        hosts.iter().map(|text| parse_one(text)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a request to this host and port is granted. Host names compare without case, as DNS does.
    pub(crate) fn allow(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|grant| match grant {
            Grant::Any => true,
            Grant::Host { host: granted, port: on } => {
                granted.eq_ignore_ascii_case(host) && on.is_none_or(|on| on == port)
            }
        })
    }
}

fn parse_one(text: &str) -> Result<Grant, GrantsError> {
    let text = text.trim();
    if text == "*" {
        return Ok(Grant::Any);
    }
    let wrong = || GrantsError(text.to_owned());
    let authority: Authority = text.parse().map_err(|_| wrong())?;
    let host = authority.host();
    if host.is_empty() || host.contains('*') || text.contains('@') {
        return Err(wrong());
    }
    // `host:` and `host:99999` parse as an authority without a port number.
    if authority.port_u16().is_none() && host.len() != text.len() {
        return Err(wrong());
    }
    Ok(Grant::Host { host: host.to_owned(), port: authority.port_u16() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(granted: &[&str], host: &str, port: u16, expected: bool) {
        let granted: Vec<String> = granted.iter().map(ToString::to_string).collect();
        assert_eq!(Grants::parse(&granted).unwrap().allow(host, port), expected, "{granted:?} for {host}:{port}");
    }

    #[test]
    fn only_granted_hosts_are_reached() {
        check(&[], "127.0.0.1", 80, false);
        check(&["127.0.0.1:9000"], "127.0.0.1", 9000, true);
        check(&["127.0.0.1:9000"], "127.0.0.1", 9001, false);
        check(&["Example.org"], "example.ORG", 443, true);
        check(&["example.org"], "evil-example.org", 443, false);
        check(&["[::1]:80"], "[::1]", 80, true);
        check(&["a", "*"], "anything", 1, true);
    }

    #[test]
    fn a_grant_that_would_never_match_is_refused() {
        for wrong in ["", "host:", "host:99999", "*.example.org", "user@host", "a b"] {
            assert_eq!(Grants::parse(&[wrong.to_owned()]), Err(GrantsError(wrong.to_owned())));
        }
    }
}
