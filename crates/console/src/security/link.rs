//! The one-time link by which an administrator gets in who has no password (any more).
//!
//! Its secret stands behind a `#`, which browsers do not send: it reaches the console in the form
//! alone, and no log on the way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use orgtap_collector::config::ConsoleSettings;
use orgtap_collector::{Error as CollectorError, ledger_path};
use orgtap_ledger::{ConsoleLedger, SqliteLedger};
use orgtap_transport::disk;

use super::SecretText;
use crate::app::micros;
use crate::error::{Error, Result};

/// How long a link can be used.
pub(crate) const LINK_LIFE: Duration = Duration::from_hours(1);
/// The file in the data folder that holds the first link, for its owner alone.
pub const LINK_FILE: &str = "console-link";

/// Makes a link to the console of a data folder. Those made before are void.
///
/// # Errors
/// The ledger's.
pub async fn make_link(data_dir: &Path, console: &ConsoleSettings) -> Result<String> {
    let ledger = SqliteLedger::open(&ledger_path(data_dir)).await?;
    let link = new_link(&ledger, &url(console)).await?;
    ledger.close().await?;
    Ok(link)
}

async fn new_link(ledger: &dyn ConsoleLedger, url: &str) -> Result<String> {
    let secret = SecretText::random()?;
    let expires_at = Timestamp::now().as_microsecond() + micros(LINK_LIFE);
    ledger.open_link(&secret.hash(), expires_at).await?;
    Ok(format!("{url}/link#{}", secret.expose()))
}

/// Where browsers find the console, without a slash at the end.
pub(crate) fn url(console: &ConsoleSettings) -> String {
    let listen = console.listen;
    let scheme = if console.tls.is_some() || console.behind_proxy { "https" } else { "http" };
    match console.hosts.first() {
        // Where a proxy listens is its own affair.
        Some(host) if console.behind_proxy => format!("{scheme}://{host}"),
        Some(host) => format!("{scheme}://{host}:{}", listen.port()),
        None if listen.ip().is_unspecified() => format!("{scheme}://localhost:{}", listen.port()),
        None => format!("{scheme}://{listen}"),
    }
}

/// Where there are no people yet: writes a link into a file that only its owner can read, and
/// answers both. Where there are some, a file left over is removed.
pub(crate) async fn first_link(
    ledger: &dyn ConsoleLedger,
    data_dir: &Path,
    url: &str,
) -> Result<Option<(String, PathBuf)>> {
    let path = data_dir.join(LINK_FILE);
    if !ledger.people().await?.is_empty() {
        // Most often there is none.
        std::fs::remove_file(&path).ok();
        return Ok(None);
    }
    let link = new_link(ledger, url).await?;
    disk::write_private(&path, format!("{link}\n").as_bytes())
        .map_err(|source| Error::Collector(CollectorError::Disk { path: path.clone(), source }))?;
    Ok(Some((link, path)))
}
