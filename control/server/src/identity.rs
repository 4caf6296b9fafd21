//! Who asks: from the client certificate of a connection to a [`Requester`].

use api::requester::Requester;
use rustls_pki_types::CertificateDer;

/// Group of everybody who proved who they are.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// Group of everybody who did not.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";

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
