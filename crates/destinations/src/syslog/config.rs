//! The configuration of a syslog receiver.

use std::num::NonZeroU32;

use orgtap_transport::{ByteSize, ConfigDuration};
use schemars::JsonSchema;
use serde::Deserialize;

use super::connection::Connector;
use super::encode::{Encoder, Header};
use super::{Syslog, Way, tls};
use crate::Error;
use crate::config::{Format, TlsConfig};
use crate::error::Kind;

/// The largest UDP payload over IPv4.
const LARGEST_DATAGRAM: u64 = 65_507;
/// What RFC 5424 wants every receiver to take.
const SMALLEST_LIMIT: u64 = 480;

/// A syslog receiver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// Name, by which connectors refer to it.
    pub name: String,
    /// Shape of an event.
    #[serde(default)]
    pub format: Format,
    /// The receiver's host name or address.
    pub host: String,
    /// The receiver's port. Default: 6514 for tls, 514 for tcp and udp.
    #[serde(default)]
    pub port: Option<u16>,
    /// How messages get there. `tcp` and `udp` are readable on the way.
    #[serde(default)]
    pub transport: Transport,
    /// How messages are told apart over tls and tcp.
    #[serde(default)]
    pub framing: Framing,
    /// Facility of the messages.
    #[serde(default)]
    pub facility: Facility,
    /// Severity of the messages.
    #[serde(default)]
    pub severity: Severity,
    /// Host name in the messages. Default: the connector's name.
    #[serde(default)]
    pub hostname: Option<String>,
    /// Whether the header repeats connector and event_uid as structured data,
    /// `[orgtap@32473 event_uid=".." connector=".."]`. The JSON has both.
    #[serde(default)]
    pub structured_data: bool,
    /// Longest message, header included; longer ones are rejected. Default: 64 KiB for tls
    /// and tcp, 8 KiB for udp.
    #[serde(default)]
    pub max_message_bytes: Option<ByteSize>,
    /// Whether the receiver's closing of the connection is awaited as its confirmation.
    #[serde(default)]
    pub confirm: Confirm,
    /// Longest wait for that.
    #[serde(default = "SyslogConfig::default_confirm_wait")]
    pub confirm_wait: ConfigDuration,
    /// Events per second, at most, over all connectors.
    #[serde(default)]
    pub max_events_per_second: Option<NonZeroU32>,
    /// Of these, events per second of backfilled and replayed log files, at most.
    #[serde(default)]
    pub backfill_events_per_second: Option<NonZeroU32>,
    /// Log files whose period began longer ago than this are withheld: not sent here, and said to
    /// be missing. Without it the target takes everything.
    #[serde(default)]
    pub max_age: Option<ConfigDuration>,
    /// Certificates, for tls.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Name the receiver's certificate must be for. Default: host.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// How messages get to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TLS (RFC 5425); certificates are always verified.
    #[default]
    Tls,
    /// TCP (RFC 6587).
    Tcp,
    /// UDP (RFC 5426).
    Udp,
}

/// How messages are told apart in a stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Each begins with its length.
    #[default]
    OctetCounting,
    /// Each ends with a line feed.
    Newline,
}

/// What makes messages durable over tls and tcp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// The receiver closes the connection after it has read to its end.
    #[default]
    Close,
    /// Nothing: best effort, for receivers that never close.
    None,
}

/// Facilities of RFC 5424.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facility {
    /// 1, user-level messages.
    User = 1,
    /// 3, system daemons.
    Daemon = 3,
    /// 4, security and authorization.
    Auth = 4,
    /// 10, security and authorization, private.
    Authpriv = 10,
    /// 13, log audit.
    #[default]
    Audit = 13,
    /// 16.
    Local0 = 16,
    /// 17.
    Local1 = 17,
    /// 18.
    Local2 = 18,
    /// 19.
    Local3 = 19,
    /// 20.
    Local4 = 20,
    /// 21.
    Local5 = 21,
    /// 22.
    Local6 = 22,
    /// 23.
    Local7 = 23,
}

/// Severities of RFC 5424 that fit a record of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 4.
    Warning = 4,
    /// 5.
    Notice = 5,
    /// 6.
    #[default]
    Info = 6,
    /// 7.
    Debug = 7,
}

impl SyslogConfig {
    const fn default_confirm_wait() -> ConfigDuration {
        ConfigDuration::from_secs(10)
    }

    /// Makes the running destination.
    pub(crate) fn build(&self) -> Result<Syslog, Error> {
        self.check_host()?;
        self.check_fit()?;
        let udp = self.transport == Transport::Udp;
        let port = self.port.unwrap_or(if self.transport == Transport::Tls { 6514 } else { 514 });
        let header = Header {
            priority: (self.facility as u8) * 8 + self.severity as u8,
            hostname: self.hostname.clone(),
            structured_data: self.structured_data,
        };
        let encoder = Encoder::new(header, (!udp).then_some(self.framing), self.limit()?);
        let way = if udp {
            Way::Udp { host: self.host.clone(), port }
        } else {
            let tls = match self.transport {
                Transport::Tls => Some(tls::client(
                    &self.name,
                    &self.tls.clone().unwrap_or_default(),
                    self.server_name.as_deref().unwrap_or(&self.host),
                )?),
                Transport::Tcp | Transport::Udp => None,
            };
            let connector = Connector::new(&self.name, &self.host, port, tls);
            Way::Tcp { connector, confirm: self.confirm, wait: self.confirm_wait.get() }
        };
        Ok(Syslog::new(&self.name, encoder, way))
    }

    fn check_host(&self) -> Result<(), Error> {
        let host = &self.host;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
        if host.is_empty() || host.len() > 253 || !host.chars().all(plain) {
            return Err(
                self.wrong("host must be a host name or an address, without scheme or port")
            );
        }
        let colons = host.matches(':').count();
        if colons == 1 {
            return Err(self.wrong("host holds a port: write it as port"));
        }
        if self.port == Some(0) {
            return Err(self.wrong("port 0 cannot be sent to"));
        }
        Ok(())
    }

    /// Refuses options that would be ignored without a word.
    fn check_fit(&self) -> Result<(), Error> {
        if self.transport != Transport::Tls && (self.tls.is_some() || self.server_name.is_some()) {
            return Err(self.wrong("tls and server_name need transport: tls"));
        }
        if self.transport == Transport::Udp {
            if self.framing != Framing::default() {
                return Err(self.wrong("framing has no meaning with transport: udp"));
            }
            if self.confirm != Confirm::default() {
                return Err(self.wrong("confirm has no meaning with transport: udp"));
            }
        }
        if self.confirm_wait.get().is_zero() {
            return Err(self.wrong("confirm_wait must be longer than 0s"));
        }
        if let Some(hostname) = &self.hostname {
            let plain = hostname.bytes().all(|byte| byte.is_ascii_graphic());
            if hostname.is_empty() || hostname.len() > 255 || !plain {
                return Err(self.wrong("hostname must be 1 to 255 visible ASCII characters"));
            }
        }
        Ok(())
    }

    fn limit(&self) -> Result<usize, Error> {
        let udp = self.transport == Transport::Udp;
        let default = if udp { ByteSize::kib(8) } else { ByteSize::kib(64) };
        let limit = self.max_message_bytes.unwrap_or(default);
        let largest = if udp { LARGEST_DATAGRAM } else { 64 << 20 };
        if limit.bytes() < SMALLEST_LIMIT || limit.bytes() > largest {
            return Err(self.wrong(&format!(
                "max_message_bytes must be {SMALLEST_LIMIT}B to {largest}B with this transport"
            )));
        }
        Ok(limit.as_len())
    }

    fn wrong(&self, detail: &str) -> Error {
        Error::new(Kind::Configuration, &self.name, detail)
    }
}
