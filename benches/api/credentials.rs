//! Keys and certificates for a server that has none, and a kubeconfig to speak to it as its administrator.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// Files that a server is started with.
pub(crate) struct Credentials {
    /// Who signs certificates of clients.
    pub(crate) authority: PathBuf,
    /// The server's certificate.
    pub(crate) certificate: PathBuf,
    /// The server's private key. Tokens of service accounts are signed with it too; nobody uses one.
    pub(crate) key: PathBuf,
    /// The public half of the key.
    pub(crate) public: PathBuf,
    /// The server at its address, and an administrator with a certificate.
    pub(crate) kubeconfig: PathBuf,
}

impl Credentials {
    /// Makes all of them in a folder.
    pub(crate) fn make(folder: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let folder = folder.join("credentials");
        fs::create_dir(&folder)?;
        let write = |name: &str, text: String| -> anyhow::Result<PathBuf> {
            let file = folder.join(name);
            fs::write(&file, text)?;
            Ok(file)
        };
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "bench");
        let key = KeyPair::generate()?;
        let authority = write("authority.pem", params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([address.ip().to_string()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = write("server.pem", params.signed_by(&key, &issuer)?.pem())?;
        let public = write("server.pub", key.public_key_pem())?;
        let server = write("server.key", key.serialize_pem())?;

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "bench");
        params.distinguished_name.push(DnType::OrganizationName, "system:masters");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = write("client.pem", params.signed_by(&key, &issuer)?.pem())?;
        let client_key = write("client.key", key.serialize_pem())?;
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench",
                "cluster": {"server": format!("https://{address}"), "certificate-authority": authority}}],
            "users": [{"name": "bench", "user": {"client-certificate": client, "client-key": client_key}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        });
        let kubeconfig = write("kubeconfig", kubeconfig.to_string())?;
        Ok(Self { authority, certificate, key: server, public, kubeconfig })
    }
}
