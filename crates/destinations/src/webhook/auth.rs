//! How a request proves who sends it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use orgtap_transport::{Secret, SecretRef, Vault};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Error;
use crate::error::Kind;

/// Credentials of an HTTP target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthConfig {
    /// User name and password (RFC 7617).
    Basic {
        /// The user name, without a colon.
        username: String,
        /// The password.
        password: SecretRef,
    },
    /// A token in the `Authorization` header.
    Bearer {
        /// The token.
        token: SecretRef,
    },
    /// A secret in a header of its own.
    SharedSecret {
        /// The header's name.
        header: String,
        /// The secret.
        secret: SecretRef,
    },
    /// A keyed hash of the body in a header of its own.
    Hmac {
        /// The header's name.
        header: String,
        /// The key, as text.
        secret: SecretRef,
        /// The hash.
        #[serde(default)]
        algorithm: HmacAlgorithm,
        /// How the hash is written.
        #[serde(default)]
        encoding: HmacEncoding,
        /// Text before the hash, for example `sha256=`.
        #[serde(default)]
        prefix: String,
    },
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HmacAlgorithm {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-1, for targets that know nothing better.
    Sha1,
    /// SHA-512.
    Sha512,
}

/// How the hash of an HMAC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HmacEncoding {
    /// Lower-case hexadecimal digits.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// Credentials with their secrets fetched.
pub(super) enum Auth {
    /// Nothing to prove.
    None,
    /// The same header on every request.
    Fixed(HeaderName, HeaderValue),
    /// A header computed from each body.
    Hmac { header: HeaderName, key: Box<hmac::Key>, encoding: HmacEncoding, prefix: String },
}

impl Auth {
    /// Fetches the secrets. Those whose text must never be shown are added to `secrets`.
    pub(super) fn build(
        name: &str,
        config: Option<&AuthConfig>,
        vault: &Vault,
        secrets: &mut Vec<Secret>,
    ) -> Result<Self, Error> {
        let Some(config) = config else { return Ok(Self::None) };
        let mut fetch = |what: &str, reference: &SecretRef| {
            let secret = resolve(name, what, reference, vault)?;
            secrets.push(secret.clone());
            Ok::<_, Error>(secret)
        };
        match config {
            AuthConfig::Basic { username, password } => {
                if username.contains(':') {
                    let detail = "auth.basic.username must not hold a colon";
                    return Err(Error::new(Kind::Configuration, name, detail));
                }
                let password = fetch("auth.basic.password", password)?;
                let encoded = BASE64.encode(format!("{username}:{}", password.expose()));
                let value = format!("Basic {encoded}");
                secrets.push(Secret::new(encoded));
                Ok(Self::Fixed(AUTHORIZATION, value_of(name, "auth.basic", &value)?))
            }
            AuthConfig::Bearer { token } => {
                let value = format!("Bearer {}", fetch("auth.bearer.token", token)?.expose());
                Ok(Self::Fixed(AUTHORIZATION, value_of(name, "auth.bearer.token", &value)?))
            }
            AuthConfig::SharedSecret { header, secret } => {
                let secret = fetch("auth.shared_secret.secret", secret)?;
                let value = value_of(name, "auth.shared_secret.secret", secret.expose())?;
                Ok(Self::Fixed(header_of(name, header)?, value))
            }
            AuthConfig::Hmac { header, secret, algorithm, encoding, prefix } => {
                value_of(name, "auth.hmac.prefix", prefix)?;
                let secret = fetch("auth.hmac.secret", secret)?;
                Ok(Self::Hmac {
                    header: header_of(name, header)?,
                    key: Box::new(hmac::Key::new(algorithm.get(), secret.expose().as_bytes())),
                    encoding: *encoding,
                    prefix: prefix.clone(),
                })
            }
        }
    }

    /// The header the credentials travel in.
    pub(super) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::None => None,
            Self::Fixed(header, _) | Self::Hmac { header, .. } => Some(header),
        }
    }

    /// Adds the credentials for a body, which must be the exact bytes that are sent.
    pub(super) fn apply(&self, headers: &mut HeaderMap, body: &[u8]) {
        match self {
            Self::None => {}
            Self::Fixed(header, value) => {
                headers.insert(header, value.clone());
            }
            Self::Hmac { header, key, encoding, prefix } => {
                let tag = hmac::sign(key, body);
                let text = match encoding {
                    HmacEncoding::Hex => hex(tag.as_ref()),
                    HmacEncoding::Base64 => BASE64.encode(tag.as_ref()),
                };
                // Cannot fail: the prefix was tried when it was read, the rest is ASCII.
                if let Ok(mut value) = HeaderValue::from_str(&format!("{prefix}{text}")) {
                    value.set_sensitive(true);
                    headers.insert(header, value);
                }
            }
        }
    }
}

impl HmacAlgorithm {
    fn get(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// Fetches one secret.
pub(super) fn resolve(
    name: &str,
    what: &str,
    reference: &SecretRef,
    vault: &Vault,
) -> Result<Secret, Error> {
    reference
        .resolve(vault)
        .map_err(|error| Error::new(Kind::Secret, name, what).with_source(error))
}

/// A header name from the configuration that is not one HTTP itself needs.
pub(super) fn header_of(name: &str, header: &str) -> Result<HeaderName, Error> {
    const TAKEN: [&str; 7] = [
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "idempotency-key",
        "te",
        "transfer-encoding",
    ];
    let wrong = |why: &str| {
        let shown: String = header.chars().filter(|c| !c.is_control()).take(64).collect();
        Error::new(Kind::Configuration, name, format!("header {shown:?} {why}"))
    };
    let parsed: HeaderName = header.parse().map_err(|_| wrong("is not a header name"))?;
    if TAKEN.contains(&parsed.as_str()) {
        return Err(wrong("is set by Orgtap itself"));
    }
    Ok(parsed)
}

/// A header value, marked so that it is never logged.
pub(super) fn value_of(name: &str, what: &str, value: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        let detail = format!("{what} holds characters a header cannot carry");
        Error::new(Kind::Configuration, name, detail)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(config: &str, body: &[u8]) -> HeaderMap {
        let config: AuthConfig = serde_json::from_str(config).unwrap();
        let auth = Auth::build("siem", Some(&config), &no_vault(), &mut Vec::new()).unwrap();
        let mut headers = HeaderMap::new();
        auth.apply(&mut headers, body);
        headers
    }

    fn no_vault() -> Vault {
        Vault::new(std::path::Path::new("/no/such/folder"), None)
    }

    #[test]
    fn basic_and_bearer_follow_their_rfcs() {
        let headers = applied(r#"{"basic":{"username":"Aladdin","password":"open sesame"}}"#, b"");
        assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let headers = applied(r#"{"bearer":{"token":"mF_9.B5f-4.1JqM"}}"#, b"");
        assert_eq!(headers[AUTHORIZATION], "Bearer mF_9.B5f-4.1JqM");
        assert!(headers[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn hmac_is_over_the_body_as_in_rfc_4231_and_2202() {
        // Test case 2 of both documents: key "Jefe".
        let body = b"what do ya want for nothing?";
        let of = |rest: &str| {
            let config = format!(r#"{{"hmac":{{"header":"X-Mac","secret":"Jefe"{rest}}}}}"#);
            applied(&config, body)["x-mac"].to_str().unwrap().to_owned()
        };
        assert_eq!(of(""), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(
            of(r#","algorithm":"sha1","prefix":"sha1=""#),
            "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert!(of(r#","algorithm":"sha512""#).starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"));
        assert_eq!(of(r#","encoding":"base64""#), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused_without_showing_it() {
        for config in [
            r#"{"bearer":{"token":"hunter2\nX: y"}}"#,
            r#"{"basic":{"username":"a:b","password":"hunter2"}}"#,
            r#"{"shared_secret":{"header":"a b","secret":"hunter2"}}"#,
            r#"{"shared_secret":{"header":"Content-Length","secret":"hunter2"}}"#,
            r#"{"hmac":{"header":"x","prefix":"\n","secret":"hunter2"}}"#,
        ] {
            let config: AuthConfig = serde_json::from_str(config).unwrap();
            let Err(error) = Auth::build("siem", Some(&config), &no_vault(), &mut Vec::new())
            else {
                panic!("{config:?} was taken");
            };
            assert_eq!(error.kind(), Kind::Configuration);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn unknown_keys_of_credentials_are_named() {
        let wrong = r#"{"basic":{"username":"a","password":"b","realm":"c"}}"#;
        let message = serde_json::from_str::<AuthConfig>(wrong).unwrap_err().to_string();
        assert!(message.contains("realm"), "{message}");
    }
}
