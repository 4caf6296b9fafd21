//! Who asks: from the client certificate of a connection to a [`Requester`].

use api::meta::Resource;
use api::requester::{MASTERS, Requester};
use api::status::Status;
use http::{HeaderMap, HeaderValue};
use rustls_pki_types::CertificateDer;

/// Group of everybody who proved who they are.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// Group of everybody who did not.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";

/// A request without a certificate. It may ask for health and version only; see [`crate::access`].
#[must_use]
pub(crate) fn anonymous() -> Requester {
    Requester::new("system:anonymous", &[UNAUTHENTICATED])
}

/// The user (common name) and groups (organisations) of a verified certificate; `None` when it names no user.
#[must_use]
pub(crate) fn of_certificate(der: &CertificateDer<'_>) -> Option<Requester> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let subject = certificate.subject();
    let user = subject.iter_common_name().next()?.as_str().ok()?;
    let mut groups: Vec<&str> = subject.iter_organization().filter_map(|name| name.as_str().ok()).collect();
    groups.push(AUTHENTICATED);
    (!user.is_empty()).then(|| Requester::new(user, &groups))
}

/// Whom the requester wants to be taken for (`kubectl --as`); `None` when nobody else.
///
/// # Errors
/// 403 for requesters who may not: all but `system:masters`. A wish that is not understood is refused, never ignored, or the
/// request would be done with more rights than its sender meant it to have.
pub(crate) fn impersonated(requester: &Requester, headers: &HeaderMap) -> Result<Option<Requester>, Status> {
    let mut wishes = headers.keys().filter(|name| name.as_str().starts_with("impersonate-"));
    let Some(first) = wishes.next() else { return Ok(None) };
    if let Some(other) = std::iter::once(first).chain(wishes).find(|name| !matches!(name.as_str(), USER | GROUP)) {
        return Err(Status::bad_request(format!("the header {other} is not supported: impersonate by user and group")));
    }
    let text = |value: &HeaderValue| {
        value.to_str().map(str::to_owned).map_err(|_| Status::bad_request("malformed impersonation"))
    };
    let user = headers.get(USER).map(text).transpose()?.unwrap_or_default();
    if user.is_empty() {
        return Err(Status::bad_request(format!("cannot impersonate groups without a user: set {USER}")));
    }
    if !requester.in_group(MASTERS) {
        let why = format!(
            "User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
            requester.user
        );
        return Err(Status::forbidden(&Resource::new("", "users"), &user, &why));
    }
    let mut groups = headers.get_all(GROUP).iter().map(text).collect::<Result<Vec<_>, _>>()?;
    groups.push(AUTHENTICATED.to_owned());
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    Ok(Some(Requester::new(&user, &groups)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::pem::PemObject;

    #[test]
    fn a_node_certificate_names_its_node() {
        let dir = tempfile::tempdir().unwrap();
        let now = api::meta::Timestamp::from_second(1_800_000_000).unwrap();
        let pair = crate::pki::Pki::open(dir.path(), now).unwrap().node_client("n1", now).unwrap();
        let der = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let requester = of_certificate(&der).unwrap();
        assert_eq!(requester.node(), Some("n1"));
        assert!(requester.in_group(AUTHENTICATED));
    }
}
