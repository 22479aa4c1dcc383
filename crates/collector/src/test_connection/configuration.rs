//! Configuration: can it work at all? Addresses, secrets, the way to the host, the clock.

use std::time::Duration;

use jiff::Timestamp;
use orgtap_salesforce::{ErrorKind, Org, OrgSettings, SignIn, generic_host, is_sandbox};
use orgtap_transport::http;

use super::{Carried, Desk};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::secrets;

/// Difference of clocks that is worth a word, seconds.
const SKEW: i64 = 60;
/// Longest wait for the name service.
const NAME_TIME: Duration = Duration::from_secs(10);

pub(super) async fn run(
    desk: &mut Desk<'_>,
    settings: &Settings,
    carried: &mut Carried,
) -> Result<()> {
    let org_settings = secrets::org_settings(desk.settings, &settings.vault).await?;
    let org = Org::new(org_settings.clone())?;
    desk.found(format!(
        "{} is well-formed, and every secret for {} is there",
        desk.settings.instance_url,
        org_settings.sign_in.flow()
    ));
    addresses(desk, &org_settings);
    for config in &settings.destinations {
        if desk.settings.destinations.iter().any(|name| name == config.name()) {
            secrets::destination(config, &settings.vault).await?;
        }
    }
    way(desk, &org_settings).await;
    match org.versions().await {
        Ok(versions) => {
            let secure = desk.settings.instance_url.scheme() == "https";
            let how =
                if secure { "its certificate is trusted" } else { "unencrypted, on this machine" };
            let range = match (versions.first(), versions.last()) {
                (Some(oldest), Some(newest)) => format!("API {oldest} to {newest}"),
                _ => "no API version".to_owned(),
            };
            desk.found(format!("the org answers ({how}; {range})"));
        }
        // That it answers is what counts here; what it answers is the next stages' matter.
        Err(error) if !is_the_way(&error) => {
            desk.warn(format!("the org answers, but not as expected: {error}"));
        }
        Err(error) => return Err(Error::Org(error)),
    }
    if let Some(login) = &desk.settings.login_url {
        let host = login.host_str().unwrap_or_default().to_owned();
        org.reach_login().await?;
        desk.found(format!("the login host {host} answers"));
    }
    clock(desk, &org);
    carried.org = Some(org);
    Ok(())
}

/// Whether an error says that the address itself is wrong or cannot be reached.
fn is_the_way(error: &orgtap_salesforce::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable(_) | ErrorKind::WrongHost)
}

/// What can be said of the addresses and the flow without asking anybody.
fn addresses(desk: &mut Desk<'_>, org: &OrgSettings) {
    let instance = &org.instance_url;
    let login = org.login_url.as_ref().unwrap_or(instance);
    if is_sandbox(instance) {
        desk.found("the address is one of a sandbox or scratch org");
    }
    if generic_host(instance).is_some() {
        desk.warn(format!(
            "{} serves every org and belongs to none; give your org's own My Domain, \
             https://NAME.my.salesforce.com",
            instance.host_str().unwrap_or_default()
        ));
    } else if let Some(host) = generic_host(login) {
        let serves_sandboxes = host == "test.salesforce.com";
        if is_sandbox(instance) == serves_sandboxes {
            desk.warn(format!(
                "orgs can refuse sign-ins at {host}; without login_url Orgtap signs in at the My Domain"
            ));
        } else {
            desk.warn(format!(
                "login_url {host} is for the other kind of org than {}; remove login_url",
                instance.host_str().unwrap_or_default()
            ));
        }
    }
    if let SignIn::Password { security_token, .. } = &org.sign_in {
        desk.warn(
            "the username-password flow is closing: it is off in orgs made since Summer '23, and \
             External Client Apps do not have it; `orgtap setup-kit` makes what client_credentials \
             or jwt_bearer need",
        );
        if security_token.is_none() {
            desk.warn("no security token is given, so the org must trust this machine's address");
        }
    }
}

/// Proxy and name service.
async fn way(desk: &mut Desk<'_>, org: &OrgSettings) {
    let proxy = org.client.proxy.clone().or_else(|| http::proxy_of_environment(&org.instance_url));
    if let Some(proxy) = proxy {
        let port = proxy.port_or_known_default().map_or(String::new(), |port| format!(":{port}"));
        let source = if org.client.proxy.is_some() { "configured" } else { "from the environment" };
        desk.found(format!(
            "the way leads through the proxy {}{port} ({source}), which also resolves names",
            proxy.host_str().unwrap_or_default()
        ));
        return;
    }
    let Some(url::Host::Domain(host)) = org.instance_url.host() else { return };
    let port = org.instance_url.port_or_known_default().unwrap_or(443);
    let looked_up = tokio::time::timeout(NAME_TIME, tokio::net::lookup_host((host, port))).await;
    // A name that cannot be resolved fails the question that follows, with its cause and remedy.
    if let Ok(Ok(found)) = looked_up {
        let addresses: Vec<String> = found.map(|it| it.ip().to_string()).collect();
        let more = addresses.len().saturating_sub(3);
        let shown = addresses.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        desk.found(format!("{host} is at {shown}{more}"));
    }
}

fn clock(desk: &mut Desk<'_>, org: &Org) {
    let Some(org_time) = org.server_time() else { return };
    let skew = Timestamp::now().duration_since(org_time).as_secs();
    if skew.abs() > SKEW {
        let way = if skew > 0 { "ahead of" } else { "behind" };
        let by = match skew.abs() {
            seconds @ ..=119 => format!("{seconds} seconds"),
            seconds @ 120..=7_199 => format!("{} minutes", seconds / 60),
            seconds @ 7_200..=172_799 => format!("{} hours", seconds / 3_600),
            seconds => format!("{} days", seconds / 86_400),
        };
        desk.warn(format!(
            "this machine's clock is {by} {way} the org's; set it by NTP (Orgtap itself goes by the org's)"
        ));
    } else {
        desk.found("the clocks of this machine and the org agree");
    }
}
