//! What is made with secrets. They are fetched on threads of their own: a command may take its
//! time, and the tasks of other connectors shall not wait for it.

use std::sync::Arc;

use orgtap_destinations::Destination;
use orgtap_destinations::config::DestinationConfig;
use orgtap_salesforce::OrgSettings;
use orgtap_transport::Vault;

use crate::config::ConnectorSettings;
use crate::error::{Error, Result};

/// What a connector's org is made from.
pub(crate) async fn org_settings(
    settings: &ConnectorSettings,
    vault: &Vault,
) -> Result<OrgSettings> {
    let (settings, vault) = (settings.clone(), vault.clone());
    off_thread(move || settings.org_settings(&vault)).await
}

/// A running destination.
pub(crate) async fn destination(
    config: &DestinationConfig,
    vault: &Vault,
) -> Result<Arc<dyn Destination>> {
    let (config, vault) = (config.clone(), vault.clone());
    off_thread(move || config.build(&vault)).await
}

async fn off_thread<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    E: Send + 'static,
    Error: From<E>,
{
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Error::Worker(error.to_string()))??)
}
