//! What an [`Org`](crate::Org) is made from, and what is refused before any call.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orgtap_transport::http::ClientSettings;
use orgtap_transport::{Secret, Vault};
use url::{Host, Url};

use crate::error::{Error, ErrorKind};
use crate::sign_in;
use crate::version::ApiVersion;

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignIn {
    /// The OAuth username-password flow.
    Password {
        /// The user's name, in the form of an e-mail address.
        user: String,
        /// The user's password.
        password: Secret,
        /// The user's security token; not needed from addresses the org trusts.
        security_token: Option<Secret>,
    },
    /// The OAuth client-credentials flow: the app signs in as the user its policies name.
    ClientCredentials,
    /// The OAuth JWT bearer flow: a signed assertion in place of a password.
    JwtBearer {
        /// The user's name.
        user: String,
        /// The RSA key (PEM, PKCS#8 or PKCS#1) whose certificate the app knows.
        key: Secret,
        /// Who the assertion is for; what the login URL suggests if not given.
        audience: Option<String>,
    },
    /// The OAuth refresh-token flow.
    RefreshToken {
        /// The token a person got by authorising the app. Where the org rotates tokens, it begins
        /// the chain, and the newest is kept in the vault.
        token: Secret,
    },
}

impl SignIn {
    /// The flow's name in the configuration and in messages.
    pub const fn flow(&self) -> &'static str {
        match self {
            Self::Password { .. } => "password",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer { .. } => "jwt_bearer",
            Self::RefreshToken { .. } => "refresh_token",
        }
    }

    /// The user, where the flow names one.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Password { user, .. } | Self::JwtBearer { user, .. } => Some(user),
            Self::ClientCredentials | Self::RefreshToken { .. } => None,
        }
    }
}

/// Where an org's session outlives the process, and its newest refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The vault.
    pub vault: Vault,
    /// The connector's name, which is part of the names in the vault.
    pub connector: String,
}

/// How to reach an org and sign in to it.
#[derive(Clone)]
pub struct OrgSettings {
    /// The org's My Domain, for example `https://acme.my.salesforce.com`.
    pub instance_url: Url,
    /// Where to sign in; the instance URL if not given.
    pub login_url: Option<Url>,
    /// The app's consumer key.
    pub consumer_key: Secret,
    /// The app's consumer secret. The password and client-credentials flows need it, the JWT
    /// bearer flow has no use for it, and an app may do without it for refresh tokens.
    pub consumer_secret: Option<Secret>,
    /// The flow, with the user it is for.
    pub sign_in: SignIn,
    /// The API version to use; the newest that org and Orgtap know if not given.
    pub api_version: Option<ApiVersion>,
    /// Proxy and trust.
    pub client: ClientSettings,
    /// Where the session is kept between runs; nowhere if not given.
    pub keep: Option<Keep>,
}

impl fmt::Debug for OrgSettings {
    /// Leaves out the client's settings, which may hold a proxy's password and a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address that is not validated yet may hold a password too.
        let host = |url: &Url| url.host_str().map(str::to_owned);
        f.debug_struct("OrgSettings")
            .field("instance_host", &host(&self.instance_url))
            .field("login_host", &host(self.login_url()))
            .field("sign_in", &self.sign_in)
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}

impl OrgSettings {
    pub(crate) fn login_url(&self) -> &Url {
        self.login_url.as_ref().unwrap_or(&self.instance_url)
    }

    /// Every secret in here, alone and joined as it is sent.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = vec![self.consumer_key.clone()];
        secrets.extend(self.consumer_secret.clone());
        match &self.sign_in {
            SignIn::Password { password, security_token, .. } => {
                secrets.push(password.clone());
                if let Some(token) = security_token {
                    secrets.push(token.clone());
                    secrets.push(Secret::new(format!("{}{}", password.expose(), token.expose())));
                }
            }
            SignIn::ClientCredentials => {
                if let Some(secret) = &self.consumer_secret {
                    // As a proxy may show it that turned the form into a header.
                    let pair = format!("{}:{}", self.consumer_key.expose(), secret.expose());
                    secrets.push(Secret::new(STANDARD.encode(pair)));
                }
            }
            SignIn::JwtBearer { key, .. } => secrets.push(key.clone()),
            SignIn::RefreshToken { token } => secrets.push(token.clone()),
        }
        if let Some(password) = self.client.proxy.as_ref().and_then(Url::password) {
            secrets.push(Secret::new(password));
        }
        secrets
    }

    /// Refuses what can never work, before anything is sent.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        check_url("instance URL", &self.instance_url)?;
        check_url("login URL", self.login_url())?;
        not_empty("consumer key", Some(&self.consumer_key))?;
        match &self.sign_in {
            SignIn::Password { user, password, .. } => {
                not_empty("consumer secret", self.consumer_secret.as_ref())?;
                not_empty("user", Some(&Secret::new(user)))?;
                not_empty("password", Some(password))
            }
            SignIn::ClientCredentials => {
                not_empty("consumer secret", self.consumer_secret.as_ref())?;
                match generic_host(self.login_url()) {
                    Some(host) => Err(wrong(format!(
                        "client credentials are not accepted at {host}: the login URL must be the \
                         org's My Domain"
                    ))),
                    None => Ok(()),
                }
            }
            SignIn::JwtBearer { user, key, .. } => {
                not_empty("user", Some(&Secret::new(user)))?;
                sign_in::jwt::check_key(key).map_err(wrong)
            }
            SignIn::RefreshToken { token } => not_empty("refresh token", Some(token)),
        }
    }

    /// A keyed hash over everything a sign-in depends on.
    pub(crate) fn fingerprint(&self, key: &[u8; 32]) -> String {
        let secret = self.consumer_secret.as_ref().map_or("", Secret::expose);
        let (user, first, second) = match &self.sign_in {
            SignIn::Password { user, password, security_token } => {
                let token = security_token.as_ref().map_or("", Secret::expose);
                (user.as_str(), password.expose(), token)
            }
            SignIn::ClientCredentials => ("", "", ""),
            SignIn::JwtBearer { user, key, audience } => {
                (user.as_str(), key.expose(), audience.as_deref().unwrap_or(""))
            }
            SignIn::RefreshToken { token } => ("", token.expose(), ""),
        };
        let parts = [
            self.sign_in.flow(),
            self.instance_url.as_str(),
            self.login_url().as_str(),
            self.consumer_key.expose(),
            secret,
            user,
            first,
            second,
        ];
        keyed_hash(key, &parts)
    }

    /// A keyed hash over what begins a chain of refresh tokens: the app, and the token a person
    /// got by authorising it. What else a sign-in depends on may change in mid-chain.
    pub(crate) fn chain(&self, key: &[u8; 32]) -> Option<String> {
        let SignIn::RefreshToken { token } = &self.sign_in else { return None };
        Some(keyed_hash(key, &["chain", self.consumer_key.expose(), token.expose()]))
    }
}

fn keyed_hash(key: &[u8; 32], parts: &[&str]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        // Lengths keep "ab" + "c" apart from "a" + "bc".
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let tag = context.sign();
    let mut text = String::with_capacity(32);
    for nibble in tag.as_ref().iter().take(16).flat_map(|byte| [byte >> 4, byte & 15]) {
        text.extend(char::from_digit(u32::from(nibble), 16));
    }
    text
}

fn not_empty(what: &str, value: Option<&Secret>) -> Result<(), Error> {
    match value {
        Some(value) if !value.is_empty() => Ok(()),
        Some(_) => Err(wrong(format!("the {what} is empty"))),
        None => Err(wrong(format!("the {what} is missing"))),
    }
}

/// The host, if it is one of those that serve every org and belong to none.
pub fn generic_host(url: &Url) -> Option<&str> {
    url.host_str().filter(|host| {
        matches!(*host, "login.salesforce.com" | "test.salesforce.com" | "login.salesforce.mil")
    })
}

/// Whether an address is one of a sandbox or scratch org, which `test.salesforce.com` serves.
pub fn is_sandbox(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        host == "test.salesforce.com"
            || host.contains(".sandbox.")
            || host.contains(".scratch.")
            || host.split('.').next().is_some_and(|name| name.contains("--"))
    })
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Settings, detail)
}

/// `https` with a host and nothing else; `http` only to this machine itself.
fn check_url(what: &str, url: &Url) -> Result<(), Error> {
    let Some(host) = url.host_str() else {
        return Err(wrong(format!("the {what} has no host")));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(format!("the {what} has a user or password in it (host {host})")));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(format!("the {what} has something after its host {host}")));
    }
    let allowed = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    if !allowed {
        let scheme = url.scheme();
        return Err(wrong(format!("the {what} begins with {scheme}:, not https: (host {host})")));
    }
    if let Some(right) = api_host(host) {
        return Err(wrong(format!(
            "the {what} is a host for browsers, {host}; the API is at https://{right}"
        )));
    }
    Ok(())
}

/// For the host of a page in the browser, the host of the same org's API.
fn api_host(host: &str) -> Option<String> {
    let name = host
        .strip_suffix(".lightning.force.com")
        .or_else(|| host.strip_suffix(".my.salesforce-setup.com"))?;
    Some(format!("{name}.my.salesforce.com"))
}

/// Whether a URL stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Domains Salesforce runs orgs under.
const DOMAINS: [&str; 7] = [
    "salesforce.com",
    "force.com",
    "cloudforce.com",
    "database.com",
    "salesforce.mil",
    "sfcrmproducts.cn",
    "sfcrmapps.cn",
];

impl OrgSettings {
    /// Whether a session may be sent to the instance a sign-in named.
    ///
    /// It may go to a host of the settings, to Salesforce, and, when the settings themselves are
    /// about this machine, to any port of this machine.
    pub(crate) fn trusts(&self, instance: &Url) -> bool {
        let plain = instance.username().is_empty()
            && instance.password().is_none()
            && instance.path() == "/"
            && instance.query().is_none()
            && instance.fragment().is_none();
        let configured = [&self.instance_url, self.login_url()];
        if !plain {
            return false;
        }
        if is_loopback(instance) {
            return configured.iter().any(|url| is_loopback(url))
                && matches!(instance.scheme(), "http" | "https");
        }
        let Some(host) = instance.host_str() else { return false };
        let known = configured.iter().any(|url| url.host_str() == Some(host));
        instance.scheme() == "https" && (known || is_salesforce(host))
    }

    /// Whether a refresh token that was used at `before` may be sent to the login URL.
    ///
    /// A token is good at the org that gave it, whatever host leads there: an org's My Domain is
    /// renamed, and `login.salesforce.com` serves it too. So it may go to any host of Salesforce,
    /// which knows it anyway, and nowhere else than where it was: a host that was mistyped, or set
    /// by somebody who is not to have the token, does not get it.
    pub(crate) fn may_move(&self, before: &Url) -> bool {
        let now = self.login_url();
        now.origin() == before.origin()
            || (is_loopback(now) && is_loopback(before))
            || (now.scheme() == "https" && now.host_str().is_some_and(is_salesforce))
    }
}

fn is_salesforce(host: &str) -> bool {
    DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|name| name.len() > 1 && name.ends_with('.'))
    })
}

#[cfg(test)]
mod tests;
