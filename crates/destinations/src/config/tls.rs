//! Certificates named in a configuration.

use std::path::{Path, PathBuf};

use orgtap_transport::tls::Identity;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Error;
use crate::error::Kind;

/// Whom to trust besides the system's authorities, and how to prove who we are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Authorities (PEM) trusted besides the system's own.
    pub ca_file: Option<PathBuf>,
    /// Client certificate with its chain (PEM), for targets that ask for one. Needs `key_file`.
    pub certificate_file: Option<PathBuf>,
    /// Private key (PEM, unencrypted) of the client certificate.
    pub key_file: Option<PathBuf>,
}

/// Largest certificate or key file read, bytes. A whole system's bundle has about 200 KiB.
const LARGEST: u64 = 4 << 20;

impl TlsConfig {
    /// The extra authorities as they stand in the file, checked to be certificates.
    pub(crate) fn roots_pem(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let pem = read(name, "ca_file", path)?;
        certificates(name, "ca_file", path, &pem)?;
        Ok(Some(pem))
    }

    /// The extra authorities.
    pub(crate) fn roots(&self, name: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        certificates(name, "ca_file", path, &read(name, "ca_file", path)?)
    }

    /// Client certificate and key as they stand in their files, one after the other.
    pub(crate) fn identity_pem(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some((certificate, key)) = self.identity_paths(name)? else { return Ok(None) };
        self.identity(name)?;
        let mut pem = read(name, "certificate_file", certificate)?;
        pem.push(b'\n');
        pem.extend(read(name, "key_file", key)?);
        Ok(Some(pem))
    }

    /// Client certificate and key.
    pub(crate) fn identity(&self, name: &str) -> Result<Option<Identity>, Error> {
        let Some((certificate, key)) = self.identity_paths(name)? else { return Ok(None) };
        let pem = read(name, "certificate_file", certificate)?;
        let chain = certificates(name, "certificate_file", certificate, &pem)?;
        let private = PrivateKeyDer::from_pem_slice(&read(name, "key_file", key)?)
            .map_err(|_| wrong(name, "key_file", key, "holds no unencrypted private key (PEM)"))?;
        Ok(Some((chain, private)))
    }

    fn identity_paths(&self, name: &str) -> Result<Option<(&Path, &Path)>, Error> {
        match (&self.certificate_file, &self.key_file) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            _ => Err(Error::new(
                Kind::Configuration,
                name,
                "tls.certificate_file and tls.key_file belong together",
            )),
        }
    }
}

fn read(name: &str, field: &str, path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(name, field, path, "cannot be read").with_source(error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(name, field, path, "is larger than 4 MiB"));
    }
    Ok(bytes)
}

fn certificates(
    name: &str,
    field: &str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong(name, field, path, "holds a damaged certificate"))?;
    if found.is_empty() {
        return Err(wrong(name, field, path, "holds no certificate (PEM)"));
    }
    Ok(found)
}

fn wrong(name: &str, field: &str, path: &Path, what: &str) -> Error {
    Error::new(Kind::Configuration, name, format!("tls.{field} {} {what}", path.display()))
}
