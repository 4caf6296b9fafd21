//! Which hosts a guest may reach.

use http::uri::Authority;

/// One granted host.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Grant {
    /// `*`
    Any,
    /// `host` on every port, or on one.
    Host { host: String, port: Option<u16> },
    /// `*.domain`: every name below it, but not itself.
    Below { domain: String, port: Option<u16> },
}

/// All granted hosts; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants(Vec<Grant>);

/// A grant that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a host: write `host`, `*.domain` (each with or without `:port`) or `*` in wasm.bireme.dev/outgoing-hosts.<container>"
)]
pub(crate) struct GrantsError(String);

impl Grants {
    /// Reads `host`, `host:port` (IPv6 addresses in brackets), `*.domain`, `*.domain:port` and `*`.
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
            Grant::Below { domain, port: on } => is_below(host, domain) && on.is_none_or(|on| on == port),
        })
    }
}

/// Whether a name ends in `.domain` and has something before it.
fn is_below(host: &str, domain: &str) -> bool {
    let at = host.len().checked_sub(domain.len());
    let Some((name, end)) = at.and_then(|at| host.split_at_checked(at)) else { return false };
    end.eq_ignore_ascii_case(domain) && name.len() > 1 && name.ends_with('.')
}

fn parse_one(text: &str) -> Result<Grant, GrantsError> {
    let text = text.trim();
    if text == "*" {
        return Ok(Grant::Any);
    }
    let wrong = || GrantsError(text.to_owned());
    let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
    let authority: Authority = rest.parse().map_err(|_| wrong())?;
    let host = authority.host();
    if host.is_empty() || host.contains('*') || text.contains('@') {
        return Err(wrong());
    }
    // `host:` and `host:99999` parse as an authority without a port number.
    if authority.port_u16().is_none() && host.len() != rest.len() {
        return Err(wrong());
    }
    let (name, port) = (host.to_owned(), authority.port_u16());
    Ok(if below { Grant::Below { domain: name, port } } else { Grant::Host { host: name, port } })
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
        check(&["*.example.org"], "a.b.EXAMPLE.org", 443, true);
        check(&["*.example.org"], "example.org", 443, false);
        check(&["*.example.org"], ".example.org", 443, false);
        check(&["*.example.org"], "evil-example.org", 443, false);
        check(&["*.example.org:443"], "a.example.org", 80, false);
    }

    #[test]
    fn a_grant_that_would_never_match_is_refused() {
        for wrong in ["", "host:", "host:99999", "*.", "*.*.org", "a.*.org", "user@host", "a b"] {
            assert_eq!(Grants::parse(&[wrong.to_owned()]), Err(GrantsError(wrong.to_owned())));
        }
    }
}
