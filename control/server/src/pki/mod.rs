//! Keys and certificates of a cluster: who may sign what, from the first start on.
//!
//! Each listener accepts certificates of exactly one authority: the API server those of `clients`, a node's endpoint those of
//! `node-clients`, members of the store those of `members`. An authority that leaks therefore opens one door.

mod authority;
mod bundle;

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use api::meta::Timestamp;
use api::requester::{MASTERS, NODES};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

pub use authority::{Authority, Pair};
pub use bundle::{NodeBundle, kubeconfig};
use authority::{Purpose, read, read_pair, write_pair, write_private};

/// A certificate with less life left than this is issued anew at the next start: a third of its life, as cert-manager does.
const RENEW_BEFORE_SECONDS: i64 = 120 * 86_400;
/// Names by which pods and people reach the server.
const SERVER_NAMES: [&str; 5] =
    ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"];
/// User under which the server calls a node's endpoint.
pub const NODE_CALLER: &str = "bireme-apiserver";

/// Why keys or certificates cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The file system refused.
    #[error("cannot {doing} {path}")]
    File {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A certificate stands without its key.
    #[error("{present} has no key: {missing} is missing; restore it, or move both away to have new ones made")]
    Incomplete {
        /// The absent file.
        missing: PathBuf,
        /// The file that is there.
        present: PathBuf,
    },
    /// A key or certificate on disk cannot be understood.
    #[error("cannot understand {path}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot issue a certificate for \"{name}\"")]
    Issue {
        /// For whom.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// TLS refuses what was issued.
    #[error("cannot use the certificates in {dir} for TLS: {why}")]
    Tls {
        /// The directory.
        dir: PathBuf,
        /// Why.
        why: String,
    },
}

/// All authorities and the service-account key of a cluster.
#[derive(Debug)]
pub struct Pki {
    dir: PathBuf,
    /// Signs members of the replicated store.
    pub members: Authority,
    /// Signs clients of the API server: people, nodes.
    pub clients: Authority,
    /// Signs the API server itself.
    pub server: Authority,
    /// Signs node endpoints.
    pub nodes: Authority,
    /// Signs callers of node endpoints; the API server alone has such a certificate.
    pub node_clients: Authority,
    /// Signs front proxies, which may assert other users.
    pub front_proxy: Authority,
    /// Signs service-account tokens (ES256); PKCS#8 PEM.
    service_account: String,
}

impl Pki {
    /// Reads all from the directory and makes what is missing. The directory and its files are for the owner only.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let failed = |source| PkiError::File { doing: "create", path: dir.into(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let open = |name| Authority::open(dir, name, now);
        let key_file = dir.join("service-account.key");
        let service_account = match read(&key_file)? {
            Some(key) => key,
            None => {
                let key = rcgen::KeyPair::generate()
                    .map_err(|source| PkiError::Issue { name: "service accounts".into(), source })?
                    .serialize_pem();
                write_private(&key_file, &key)?;
                key
            }
        };
        Ok(Self {
            dir: dir.into(),
            members: open("members")?,
            clients: open("clients")?,
            server: open("server")?,
            nodes: open("nodes")?,
            node_clients: open("node-clients")?,
            front_proxy: open("front-proxy")?,
            service_account,
        })
    }

    /// Key that signs service-account tokens, PKCS#8 PEM.
    #[must_use]
    pub fn service_account_key(&self) -> &str {
        &self.service_account
    }

    /// The server's own certificate for these addresses: the one on disk, or a new one when it lacks an address or nears its
    /// end.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn serving(&self, addresses: &[IpAddr], now: Timestamp) -> Result<Pair, PkiError> {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let addresses: BTreeSet<IpAddr> = loopback.into_iter().chain(addresses.iter().copied()).collect();
        let names: Vec<String> = SERVER_NAMES.iter().map(ToString::to_string).collect();
        if let Some(pair) = read_pair(&self.dir, "server")?
            && serves(&pair, &names, &addresses, now)
        {
            return Ok(pair);
        }
        let addresses = addresses.into_iter().collect();
        let pair = self.server.issue(&Purpose::Server { name: "bireme-server".into(), names, addresses }, now)?;
        write_pair(&self.dir, "server", &pair)?;
        Ok(pair)
    }

    /// Certificate of the administrator: `kubernetes-admin` in `system:masters`.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn admin(&self, now: Timestamp) -> Result<Pair, PkiError> {
        self.client("kubernetes-admin", MASTERS, now)
    }

    /// Certificate with which a node speaks to the API server.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn node_client(&self, node: &str, now: Timestamp) -> Result<Pair, PkiError> {
        self.client(&format!("system:node:{node}"), NODES, now)
    }

    /// Certificate of a user in one group.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn client(&self, user: &str, group: &str, now: Timestamp) -> Result<Pair, PkiError> {
        self.clients.issue(&Purpose::Client { user: user.into(), groups: vec![group.into()] }, now)
    }

    /// Certificate of a node's own endpoint. It is verified by the node's name, so that a node may change its address.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn node_serving(&self, node: &str, now: Timestamp) -> Result<Pair, PkiError> {
        let names = vec![node.to_owned(), "localhost".to_owned()];
        let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        self.nodes.issue(&Purpose::Server { name: format!("system:node:{node}"), names, addresses }, now)
    }

    /// Certificate with which the API server calls nodes.
    ///
    /// # Errors
    /// See [`PkiError`].
    pub fn node_caller(&self, now: Timestamp) -> Result<Pair, PkiError> {
        self.node_clients.issue(&Purpose::Client { user: NODE_CALLER.into(), groups: Vec::new() }, now)
    }
}

/// Whether the certificate has these names and addresses and is good for a while yet.
fn serves(pair: &Pair, names: &[String], addresses: &BTreeSet<IpAddr>, now: Timestamp) -> bool {
    use x509_parser::extensions::GeneralName;
    let Ok(der) = CertificateDer::from_pem_slice(pair.certificate.as_bytes()) else { return false };
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(&der) else { return false };
    if certificate.validity().not_after.timestamp() < now.as_second() + RENEW_BEFORE_SECONDS {
        return false;
    }
    let Ok(Some(san)) = certificate.subject_alternative_name() else { return false };
    let mut has_names = BTreeSet::new();
    let mut has_addresses = BTreeSet::new();
    for name in &san.value.general_names {
        match name {
            GeneralName::DNSName(name) => {
                has_names.insert((*name).to_owned());
            }
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                has_addresses.extend(four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)));
            }
            _ => {}
        }
    }
    names.iter().all(|name| has_names.contains(name)) && addresses.is_subset(&has_addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serving_certificate_is_kept_until_an_address_is_missing_or_it_nears_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let pki = Pki::open(dir.path(), now).unwrap();
        let first = pki.serving(&["10.96.0.1".parse().unwrap()], now).unwrap();
        let again = Pki::open(dir.path(), now).unwrap().serving(&["10.96.0.1".parse().unwrap()], now).unwrap();
        assert_eq!(first, again);
        let moved = pki.serving(&["10.96.0.1".parse().unwrap(), "192.0.2.7".parse().unwrap()], now).unwrap();
        assert_ne!(first, moved);
        let later = Timestamp::from_second(1_800_000_000 + 300 * 86_400).unwrap();
        assert_ne!(moved, pki.serving(&["10.96.0.1".parse().unwrap()], later).unwrap());
    }

    #[test]
    fn keys_are_for_the_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Pki::open(dir.path(), now).unwrap();
        let mut names = Vec::new();
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            names.push(entry.file_name().into_string().unwrap());
        }
        assert_eq!(names.len(), 13, "six authorities of two files and one key: {names:?}");
    }
}
