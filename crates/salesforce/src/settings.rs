//! What an [`Org`](crate::Org) is made from, and what is refused before any call.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::hmac;
use orgtap_transport::Secret;
use orgtap_transport::http::ClientSettings;
use url::{Host, Url};

use crate::error::{Error, ErrorKind};
use crate::version::ApiVersion;

/// How to sign in. Further ways will be added.
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
    /// The app's consumer secret.
    pub consumer_secret: Secret,
    /// The flow, with the user it is for.
    pub sign_in: SignIn,
    /// The API version to use; the newest that org and Orgtap know if not given.
    pub api_version: Option<ApiVersion>,
    /// Proxy and trust.
    pub client: ClientSettings,
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
        let mut secrets = vec![self.consumer_key.clone(), self.consumer_secret.clone()];
        let SignIn::Password { password, security_token, .. } = &self.sign_in;
        secrets.push(password.clone());
        if let Some(token) = security_token {
            secrets.push(token.clone());
            secrets.push(Secret::new(format!("{}{}", password.expose(), token.expose())));
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
        for (secret, name) in
            [(&self.consumer_key, "consumer key"), (&self.consumer_secret, "consumer secret")]
        {
            if secret.is_empty() {
                return Err(wrong(format!("the {name} is empty")));
            }
        }
        let SignIn::Password { user, password, .. } = &self.sign_in;
        if user.is_empty() {
            return Err(wrong("the user is empty"));
        }
        if password.is_empty() {
            return Err(wrong("the password is empty"));
        }
        Ok(())
    }

    /// A keyed hash over everything a sign-in depends on.
    pub(crate) fn fingerprint(&self, key: &[u8; 32]) -> String {
        let SignIn::Password { user, password, security_token } = &self.sign_in;
        let token = security_token.as_ref().map_or("", Secret::expose);
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in [
            "password",
            self.instance_url.as_str(),
            self.login_url().as_str(),
            self.consumer_key.expose(),
            self.consumer_secret.expose(),
            user,
            password.expose(),
            token,
        ] {
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
        let known = configured.iter().any(|url| url.host_str() == Some(host))
            || DOMAINS.iter().any(|domain| {
                host.strip_suffix(domain).is_some_and(|name| name.len() > 1 && name.ends_with('.'))
            });
        instance.scheme() == "https" && known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(instance: &str) -> OrgSettings {
        OrgSettings {
            instance_url: instance.parse().unwrap(),
            login_url: None,
            consumer_key: Secret::new("key"),
            consumer_secret: Secret::new("secret"),
            sign_in: SignIn::Password {
                user: "u@acme.example".into(),
                password: Secret::new("password"),
                security_token: Some(Secret::new("token")),
            },
            api_version: None,
            client: ClientSettings::default(),
        }
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn takes_https_anywhere_and_http_only_to_this_machine() {
        for good in [
            "https://acme.my.salesforce.com",
            "https://acme--dev.sandbox.my.salesforce.com/",
            "https://login.salesforce.com",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:8080",
        ] {
            assert!(settings(good).validate().is_ok(), "{good}");
        }
        for bad in [
            "http://acme.my.salesforce.com",
            "http://127.0.0.1.evil.example",
            "ftp://acme.my.salesforce.com",
            "https://user:hunter22@acme.my.salesforce.com",
            "https://acme.my.salesforce.com/services",
            "https://acme.my.salesforce.com/?x=1",
            "https://acme.my.salesforce.com/#x",
            "data:text/plain,x",
        ] {
            let error = settings(bad).validate().unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Settings, "{bad}");
            assert!(!error.to_string().contains("hunter22"));
        }
    }

    #[test]
    fn no_password_or_key_shows_in_a_debug_print() {
        let mut shown = settings("https://user:planted1@acme.my.salesforce.com");
        shown.client.proxy = Some(url("http://user:planted2@proxy.example"));
        shown.client.identity_pem = Some(b"planted3".to_vec());
        let text = format!("{shown:?}");
        assert!(text.contains("acme.my.salesforce.com"), "{text}");
        assert!(!text.contains("planted") && !text.contains("112, 108"), "{text}");
    }

    #[test]
    fn names_the_api_host_for_a_browser_host() {
        let error = settings("https://acme.lightning.force.com").validate().unwrap_err();
        assert!(error.to_string().contains("https://acme.my.salesforce.com"), "{error}");
    }

    #[test]
    fn empty_values_are_refused() {
        let mut empty = settings("https://acme.my.salesforce.com");
        empty.consumer_secret = Secret::new("");
        assert!(empty.validate().unwrap_err().to_string().contains("consumer secret is empty"));
    }

    #[test]
    fn a_session_goes_only_to_salesforce_or_to_a_configured_host() {
        let cloud = settings("https://acme.my.salesforce.com");
        for good in [
            "https://acme.my.salesforce.com",
            "https://na139.salesforce.com",
            "https://acme.my.salesforce.mil",
            "https://acme.my.sfcrmproducts.cn",
        ] {
            assert!(cloud.trusts(&url(good)), "{good}");
        }
        for bad in [
            "https://evil.example",
            "https://evilsalesforce.com",
            "https://salesforce.com.evil.example",
            "https://salesforce.com",
            "http://acme.my.salesforce.com",
            "http://127.0.0.1:9",
            "https://u@acme.my.salesforce.com",
            "https://acme.my.salesforce.com/path",
        ] {
            assert!(!cloud.trusts(&url(bad)), "{bad}");
        }
        let local = settings("http://127.0.0.1:8080");
        assert!(local.trusts(&url("http://127.0.0.1:9")));
        assert!(!local.trusts(&url("http://10.0.0.1:9")));
    }

    #[test]
    fn the_fingerprint_changes_with_any_credential_and_with_the_key() {
        let key = [7; 32];
        let base = settings("https://acme.my.salesforce.com");
        let mut prints = vec![
            base.fingerprint(&key),
            base.fingerprint(&[8; 32]),
            settings("https://other.my.salesforce.com").fingerprint(&key),
        ];
        assert_eq!(prints[0], base.clone().fingerprint(&key));
        assert_eq!(prints[0].len(), 32);
        let mut changed = base.clone();
        changed.consumer_secret = Secret::new("other");
        prints.push(changed.fingerprint(&key));
        for (password, token) in [("passwordt", Some("oken")), ("passwordtoken", None)] {
            let mut changed = base.clone();
            changed.sign_in = SignIn::Password {
                user: "u@acme.example".into(),
                password: Secret::new(password),
                security_token: token.map(Secret::new),
            };
            prints.push(changed.fingerprint(&key));
        }
        let distinct: std::collections::BTreeSet<_> = prints.iter().collect();
        assert_eq!(distinct.len(), prints.len());
    }
}
