//! One certificate authority on disk, and what it issues.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use api::meta::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::PkiError;

/// Life of an authority: long, because replacing it means handing out every certificate anew.
const AUTHORITY_DAYS: i64 = 3650;
/// Life of an issued certificate, as kubeadm has it.
const LEAF_DAYS: i64 = 365;
/// Clocks of clients may lag behind ours by this much and still accept what was just issued.
const SKEW_SECONDS: i64 = 300;

/// A certificate (with nothing above it) and its key, as PEM text.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// Certificate, PEM.
    pub certificate: String,
    /// Private key, PKCS#8 PEM.
    pub key: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// What a certificate is for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// Proves a user and groups to a server.
    Client { user: String, groups: Vec<String> },
    /// Proves a server's names.
    Server { name: String, names: Vec<String>, addresses: Vec<IpAddr> },
}

/// A certificate authority whose key is in memory and on disk.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads `NAME-ca.crt` and `NAME-ca.key` in the directory, or makes and writes them.
    pub(super) fn open(dir: &Path, name: &str, now: Timestamp) -> Result<Self, PkiError> {
        let stem = format!("{name}-ca");
        let pair = match read_pair(dir, &stem)? {
            Some(pair) => pair,
            None => {
                let pair = make_authority(name, now).map_err(|source| PkiError::Issue { name: stem.clone(), source })?;
                write_pair(dir, &stem, &pair)?;
                pair
            }
        };
        let damaged = |source| PkiError::Damaged { path: dir.join(format!("{stem}.key")), source };
        let key = KeyPair::from_pem(&pair.key).map_err(damaged)?;
        let issuer = Issuer::new(authority_params(name, now), key);
        Ok(Self { certificate: pair.certificate, issuer })
    }

    /// The authority's own certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    pub(super) fn issue(&self, purpose: &Purpose, now: Timestamp) -> Result<Pair, PkiError> {
        let name = match purpose {
            Purpose::Client { user, .. } => user,
            Purpose::Server { name, .. } => name,
        };
        let make = || -> Result<Pair, rcgen::Error> {
            let key = KeyPair::generate()?;
            let certificate = leaf(purpose, now)?.signed_by(&key, &self.issuer)?;
            Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
        };
        make().map_err(|source| PkiError::Issue { name: name.clone(), source })
    }
}

fn validity(params: &mut CertificateParams, now: Timestamp, days: i64) {
    let date = |seconds: i64| {
        let date = Timestamp::from_second(seconds).unwrap_or(now).to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = date(now.as_second() - SKEW_SECONDS);
    params.not_after = date(now.as_second() + days * 86_400);
}

/// What an authority says of itself. Its name alone matters to what it issues, so that this also stands for one read back.
fn authority_params(name: &str, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("bireme-{name}-ca"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    validity(&mut params, now, AUTHORITY_DAYS);
    params
}

fn make_authority(name: &str, now: Timestamp) -> Result<Pair, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = authority_params(name, now).self_signed(&key)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn leaf(purpose: &Purpose, now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    validity(&mut params, now, LEAF_DAYS);
    match purpose {
        Purpose::Client { user, groups } => {
            params.distinguished_name.push(DnType::CommonName, user.as_str());
            // One organisation: rcgen keeps one value per attribute, and every identity we issue has one group.
            if let Some(group) = groups.first() {
                params.distinguished_name.push(DnType::OrganizationName, group.as_str());
            }
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        Purpose::Server { name, names, addresses } => {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
            for name in names {
                params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
            }
            params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }
    }
    Ok(params)
}

pub(super) fn read_pair(dir: &Path, stem: &str) -> Result<Option<Pair>, PkiError> {
    let (certificate, key) = (dir.join(format!("{stem}.crt")), dir.join(format!("{stem}.key")));
    match (read(&certificate)?, read(&key)?) {
        (Some(certificate), Some(key)) => Ok(Some(Pair { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(PkiError::Incomplete { missing: key, present: certificate }),
        // The key is written first; a crash between the two leaves a key without certificate, which nobody has used.
        (None, Some(_)) => Ok(None),
    }
}

pub(super) fn write_pair(dir: &Path, stem: &str, pair: &Pair) -> Result<(), PkiError> {
    write_private(&dir.join(format!("{stem}.key")), &pair.key)?;
    write_private(&dir.join(format!("{stem}.crt")), &pair.certificate)
}

pub(super) fn read(path: &Path) -> Result<Option<String>, PkiError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PkiError::File { doing: "read", path: path.into(), source }),
    }
}

/// Writes a file that only we may read, in one step: readers see the old or the new text.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), PkiError> {
    let mut beside = PathBuf::from(path);
    beside.as_mut_os_string().push(".new");
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| PkiError::File { doing: "write", path: path.into(), source })
}
