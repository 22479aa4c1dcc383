//! The assertion of the JWT bearer flow.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use orgtap_transport::Secret;
use serde::Serialize;

use crate::settings::{OrgSettings, generic_host, is_sandbox};

/// How long an assertion is good for. Salesforce takes no more than three minutes, by its clock.
const LIFE: i64 = 120;

/// What the assertion says. `sub` only: an old `prn` beside it would win.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

/// Says why a text is no key to sign with; never quotes it.
pub(crate) fn check_key(key: &Secret) -> Result<(), String> {
    let text = key.expose();
    if text.is_empty() {
        return Err("the JWT key is empty".to_owned());
    }
    if text.contains("ENCRYPTED") {
        return Err("the JWT key is protected by a passphrase; store it without one, in a file \
                    only Orgtap may read or in the vault"
            .to_owned());
    }
    if text.contains("BEGIN CERTIFICATE") {
        return Err("the JWT key is a certificate; the private key is wanted".to_owned());
    }
    signing_key(key).map(drop)
}

fn signing_key(key: &Secret) -> Result<EncodingKey, String> {
    EncodingKey::from_rsa_pem(key.expose().as_bytes())
        .map_err(|_| "the JWT key is no RSA private key (PEM)".to_owned())
}

/// Who the assertion is for when the settings do not say: the login host of the org's kind, which
/// is right even when the assertion is sent to the My Domain.
pub(super) fn audience(settings: &OrgSettings) -> String {
    if let Some(host) = generic_host(settings.login_url()) {
        return format!("https://{host}");
    }
    let sandbox = is_sandbox(settings.login_url()) || is_sandbox(&settings.instance_url);
    let host = if sandbox { "test.salesforce.com" } else { "login.salesforce.com" };
    format!("https://{host}")
}

/// Signs an assertion. `now` is the org's time, as far as it is known.
pub(super) fn assertion(
    settings: &OrgSettings,
    user: &str,
    key: &Secret,
    audience: &str,
    now: Timestamp,
) -> Result<Secret, String> {
    let claims = Claims {
        iss: settings.consumer_key.expose(),
        sub: user,
        aud: audience,
        exp: now.as_second() + LIFE,
    };
    encode(&Header::new(Algorithm::RS256), &claims, &signing_key(key)?)
        .map(Secret::new)
        .map_err(|_| "the JWT key cannot sign; it is damaged or too short".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SignIn;
    use orgtap_transport::http::ClientSettings;

    fn settings(instance: &str, login: Option<&str>) -> OrgSettings {
        OrgSettings {
            instance_url: instance.parse().unwrap(),
            login_url: login.map(|url| url.parse().unwrap()),
            consumer_key: Secret::new("key"),
            consumer_secret: None,
            sign_in: SignIn::ClientCredentials,
            api_version: None,
            client: ClientSettings::default(),
            keep: None,
        }
    }

    #[test]
    fn the_audience_is_the_login_host_of_the_orgs_kind() {
        let (production, sandbox) = ("https://login.salesforce.com", "https://test.salesforce.com");
        for (instance, login, expected) in [
            ("https://acme.my.salesforce.com", None, production),
            ("https://acme-dev-ed.develop.my.salesforce.com", None, production),
            ("https://acme.my.salesforce.mil", None, production),
            ("https://acme--uat.sandbox.my.salesforce.com", None, sandbox),
            ("https://acme--uat.my.salesforce.com", None, sandbox),
            ("https://acme-1.scratch.my.salesforce.com", None, sandbox),
            ("https://acme.my.salesforce.com", Some(sandbox), sandbox),
            ("https://acme--uat.sandbox.my.salesforce.com", Some(production), production),
        ] {
            assert_eq!(audience(&settings(instance, login)), expected, "{instance} {login:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        for (text, reason) in [
            ("", "empty"),
            ("planted", "no RSA private key"),
            ("-----BEGIN CERTIFICATE-----\nplanted\n-----END CERTIFICATE-----", "certificate"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nplanted", "passphrase"),
            ("-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----", "no RSA private"),
        ] {
            let said = check_key(&Secret::new(text)).unwrap_err();
            assert!(said.contains(reason) && !said.contains("planted"), "{said}");
        }
        let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert!(check_key(&Secret::new(elliptic)).unwrap_err().contains("no RSA"));
    }
}
