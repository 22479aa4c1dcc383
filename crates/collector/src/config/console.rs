//! The console's part of the configuration: as written, and as it is used.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use orgtap_transport::ConfigDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::tree::Step;
use super::validate::Check;
use super::value::{AUDIT_RETENTION, SESSION};

/// Where the console listens if nothing is written.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Most names the console answers under.
const MOST_HOSTS: usize = 32;

/// The console as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsoleSettings {
    /// The address to listen on. Port 0: a free one.
    pub listen: SocketAddr,
    /// Whether the configuration names the console. If not, it may be missing.
    pub is_written: bool,
    /// What to encrypt with, if the console does so itself.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy before it encrypts, and says who asks (`X-Forwarded-For`).
    pub behind_proxy: bool,
    /// Host names it answers under, besides its address and `localhost`.
    pub hosts: Vec<String>,
    /// A session ends when it was not used for this long.
    pub session_idle: Duration,
    /// A session ends this long after the sign-in.
    pub session_end: Duration,
    /// How long the audit log is kept.
    pub audit_retention: Duration,
}

/// Files of the console's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificate and those that lead to its authority (PEM), its own first.
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        let written = ConsoleConfig::default();
        Self {
            listen: LISTEN,
            is_written: false,
            tls: None,
            behind_proxy: false,
            hosts: Vec::new(),
            session_idle: written.session_idle.get(),
            session_end: written.session_end.get(),
            audit_retention: written.audit_retention.get(),
        }
    }
}

/// What may stand at the key `console`.
#[derive(Debug, Clone)]
pub(super) enum ConsoleKey {
    Off,
    On(ConsoleConfig),
}

/// The web console.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConsoleConfig {
    /// The address and port to listen on. Port 0 takes a free one, which is logged.
    listen: String,
    /// The console's certificate. Needed where it listens on more than this machine, unless a
    /// proxy before it encrypts.
    tls: Option<TlsFiles>,
    /// Whether everybody comes through a proxy that encrypts and sets `X-Forwarded-For`.
    behind_proxy: bool,
    /// Host names people reach it under, besides `localhost` and its address.
    hosts: Vec<String>,
    /// A person is signed out after this long without a click.
    session_idle: ConfigDuration,
    /// A person is signed out this long after signing in, whatever they do.
    session_end: ConfigDuration,
    /// How long the audit log is kept.
    audit_retention: ConfigDuration,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            listen: LISTEN.to_string(),
            tls: None,
            behind_proxy: false,
            hosts: Vec::new(),
            session_idle: ConfigDuration::from_secs(30 * 60),
            session_end: ConfigDuration::from_secs(12 * 3_600),
            audit_retention: ConfigDuration::new(Duration::from_hours(400 * 24)),
        }
    }
}

impl<'de> Deserialize<'de> for ConsoleKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = ConsoleKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`off`, or a mapping with the console's keys")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<ConsoleKey, E> {
                match word {
                    "off" => Ok(ConsoleKey::Off),
                    other => Err(de::Error::unknown_variant(other, &["off"])),
                }
            }

            // What `off` means to other readers of YAML.
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<ConsoleKey, E> {
                Ok(if on { ConsoleKey::On(ConsoleConfig::default()) } else { ConsoleKey::Off })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ConsoleKey, A::Error> {
                ConsoleConfig::deserialize(MapAccessDeserializer::new(map)).map(ConsoleKey::On)
            }
        }
        deserializer.deserialize_any(KeyVisitor)
    }
}

impl JsonSchema for ConsoleKey {
    fn schema_name() -> Cow<'static, str> {
        "Console".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let on = generator.subschema_for::<ConsoleConfig>();
        json_schema!({ "anyOf": [{ "const": "off" }, { "type": "boolean" }, on] })
    }
}

impl Check<'_, '_, '_> {
    /// The console; none: it is off, or something is wrong, which then is told.
    pub(super) fn console(&mut self, key: Option<&ConsoleKey>) -> Option<ConsoleSettings> {
        let written = match key {
            None => return Some(ConsoleSettings::default()),
            Some(ConsoleKey::Off) => return None,
            Some(ConsoleKey::On(written)) => written,
        };
        let node = self.root.get("console").unwrap_or(self.root);
        let listen = self.parsed(node, "listen", Some(&written.listen), |text| {
            text.parse::<SocketAddr>().map_err(|_| {
                "an address and a port are wanted here, for example 127.0.0.1:8080".to_owned()
            })
        });
        if let Some(listen) = listen
            && !listen.ip().to_canonical().is_loopback()
            && written.tls.is_none()
            && !written.behind_proxy
        {
            let message = "passwords would cross the network readable: write `tls`, or \
                           `behind_proxy: true` if a proxy before it encrypts";
            self.wrong(node, &[Step::Key("listen")], message);
        }
        if written.hosts.len() > MOST_HOSTS {
            self.wrong(node, &[Step::Key("hosts")], format!("at most {MOST_HOSTS} are possible"));
        }
        for (index, host) in written.hosts.iter().enumerate() {
            if !is_host(host) {
                let message = "a host name without port is wanted here, for example orgtap.example";
                self.wrong(node, &[Step::Key("hosts"), Step::Item(index)], message);
            }
        }
        let session_idle = self.duration(node, "session_idle", written.session_idle, &SESSION);
        let session_end = self.duration(node, "session_end", written.session_end, &SESSION);
        let audit_retention =
            self.duration(node, "audit_retention", written.audit_retention, &AUDIT_RETENTION);
        Some(ConsoleSettings {
            listen: listen?,
            is_written: true,
            tls: written.tls.clone(),
            behind_proxy: written.behind_proxy,
            hosts: written.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            session_idle,
            session_end,
            audit_retention,
        })
    }
}

fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=253).contains(&text.len()) && text.bytes().all(plain)
}
