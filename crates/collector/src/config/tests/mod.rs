//! The configuration as a whole: what good files give, what is said of bad ones, and that nothing
//! secret is in it.

mod example;
mod files;
mod flows;
mod good;
mod hostile;
mod refusals;
mod saved;
mod silence;

/// A connector and a destination with nothing wrong, to be varied.
const GOOD: &str = "\
connectors:
  - name: acme
    type: salesforce_connector
    instance_url: https://acme.my.salesforce.com
    salesforce_user: collector@acme.example
    salesforce_user_password: { env: ACME_PASSWORD }
    consumer_key: { env: ACME_KEY }
    consumer_secret: { env: ACME_SECRET }
    destinations: [siem]
destinations:
  - name: siem
    type: file
    directory: events
";

/// [`GOOD`] with one piece exchanged.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replacen(old, new, 1)
}

/// [`GOOD`] with more lines in its connector.
fn connector(lines: &str) -> String {
    with("    destinations: [siem]\n", &format!("    destinations: [siem]\n{lines}"))
}

/// What is said of a text that is refused.
fn refusal(text: &str) -> String {
    super::parse(text, "orgtap.yaml").unwrap_err().render()
}
