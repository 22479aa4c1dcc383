//! TLS for syslog: the same trust as HTTP, always verified.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use crate::Error;
use crate::config::TlsConfig;
use crate::error::Kind;

/// A client's side of TLS, and the name the receiver must prove.
#[derive(Clone)]
pub(super) struct TlsClient {
    pub(super) connector: TlsConnector,
    pub(super) server_name: ServerName<'static>,
}

/// Reads certificates and prepares TLS 1.2 and 1.3.
pub(super) fn client(name: &str, config: &TlsConfig, server: &str) -> Result<TlsClient, Error> {
    let wrong = |detail: &str| Error::new(Kind::Configuration, name, detail);
    let server_name = ServerName::try_from(server.to_owned())
        .map_err(|error| wrong("server_name is no host name or address").with_source(error))?;
    let provider = Arc::new(default_provider());
    let verifier = Verifier::new_with_extra_roots(config.roots(name)?, Arc::clone(&provider))
        .map_err(|error| wrong("no authorities to trust").with_source(error))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("TLS cannot be set up").with_source(error))?
        // "Dangerous" is the library's word for any verifier of one's own. This one is what the
        // HTTP client uses: the system's authorities and those of ca_file.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let client = match config.identity(name)? {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            wrong("tls.certificate_file and tls.key_file do not fit").with_source(error)
        })?,
    };
    Ok(TlsClient { connector: TlsConnector::from(Arc::new(client)), server_name })
}
