//! What destinations do with real targets: files, HTTP servers, syslog receivers, and with none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod certificates;
mod configuration;
mod discard;
mod fake_http;
mod file;
mod proxy;
mod rsyslog;
mod stdout;
mod syslog;
mod syslog_confirm;
mod webhook;
mod webhook_suite;

/// A vault nothing is in.
fn no_vault() -> orgtap_transport::Vault {
    orgtap_transport::Vault::new(std::path::Path::new("/no/such/folder"), None)
}
