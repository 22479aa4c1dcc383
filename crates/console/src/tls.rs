//! The console's certificate.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use orgtap_collector::config::TlsFiles;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::{Error, Result};

/// Reads the files, and says what is wrong with them.
pub(crate) async fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor> {
    let chain = read(&files.certificate).await?;
    let key = zeroize::Zeroizing::new(read(&files.key).await?);
    let chain = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(wrong(&files.certificate, &"it holds no certificate (PEM)"));
    }
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| wrong(&files.key, &"it holds no private key (PEM)"))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&files.certificate, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn read(path: &Path) -> Result<Vec<u8>> {
    tokio::fs::read(path).await.map_err(|error| wrong(path, &error))
}

fn wrong(path: &Path, why: &dyn Display) -> Error {
    Error::Tls { reason: format!("{}: {why}", path.display()) }
}
