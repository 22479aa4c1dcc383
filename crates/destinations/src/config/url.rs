//! The address of an HTTP target.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::{Host, Url};

/// An `http` or `https` address with a host and without credentials or fragment.
///
/// Shown it is only scheme, host and port: the path may hold an identifier others should not
/// see, and DNIF's does.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl(Url);

impl TargetUrl {
    /// The whole address.
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// Whether events would cross a network unencrypted.
    pub fn is_plaintext_abroad(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

impl FromStr for TargetUrl {
    type Err = &'static str;

    /// The reasons do not repeat the address, which may hold a password in the wrong place.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| "not an address: write https://host:port/path")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("the address must start with https://");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("the address has no host: write https://host:port/path");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("no credentials in an address: use auth");
        }
        if url.fragment().is_some() {
            return Err("the address must not have a # part");
        }
        if url.port() == Some(0) {
            return Err("port 0 cannot be sent to");
        }
        Ok(Self(url))
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<'de> Deserialize<'de> for TargetUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for TargetUrl {
    fn schema_name() -> Cow<'static, str> {
        "TargetUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An https address (http only to this machine, or with allow_plaintext), without credentials.",
            "type": "string",
            "format": "uri",
            "pattern": "^https?://[^@#]+$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_cannot_be_sent_to_are_refused_without_being_repeated() {
        for text in [
            "siem.example/events",
            "ftp://siem.example/",
            "https://user:hunter2@siem.example/",
            "https://hunter2@siem.example/",
            "https://siem.example/#hunter2",
            "https://siem.example:0/hunter2",
            "https://siem.example:99999/hunter2",
            "https://",
        ] {
            let reason = text.parse::<TargetUrl>().unwrap_err();
            assert!(!reason.contains("hunter2"), "{text}: {reason}");
        }
    }

    #[test]
    fn plaintext_stays_on_this_machine() {
        let abroad = |text: &str| text.parse::<TargetUrl>().unwrap().is_plaintext_abroad();
        assert!(abroad("http://siem.example/events"));
        assert!(abroad("http://10.0.0.1:2882/events"));
        assert!(abroad("http://localhost.example/events"));
        assert!(!abroad("https://siem.example/events"));
        for host in ["localhost", "127.0.0.1:80", "127.9.9.9", "[::1]:8080", "a.localhost"] {
            assert!(!abroad(&format!("http://{host}/events")), "{host}");
        }
    }

    #[test]
    fn shown_it_hides_the_path() {
        let url: TargetUrl = "https://t.example:2882/c/s/auth-id/events".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://t.example:2882 https://t.example:2882");
    }
}
