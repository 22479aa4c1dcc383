//! TLS for syslog: the same trust as HTTP, always verified.

use std::sync::Arc;

use orgtap_transport::tls::client_config;
use rustls::pki_types::ServerName;
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
    let client = client_config(config.roots(name)?, config.identity(name)?).map_err(|error| {
        wrong("ca_file holds no authority, or certificate_file and key_file do not fit")
            .with_source(error)
    })?;
    Ok(TlsClient { connector: TlsConnector::from(Arc::new(client)), server_name })
}
