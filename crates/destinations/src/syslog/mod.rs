//! Syslog: RFC 5424 messages over UDP, TCP or TLS.
//!
//! The message is the event's JSON; the header carries the event's time, the connector (or a
//! configured host name), `orgtap` as application and the event type as message id. There is no
//! byte order mark before the JSON, because many receivers would take it for part of the event.
//! Over TCP and TLS messages are framed by their length (RFC 6587, RFC 5425) or, if so configured,
//! by a line feed, which is safe because JSON has none inside. Of a line whose end never came
//! because the connection broke, a receiver may keep the beginning (rsyslog does), besides the
//! whole that comes later; a counted message it drops.
//!
//! # Guarantee
//!
//! Syslog has no acknowledgement. Over TCP and TLS Orgtap makes the end of a connection one:
//! on flush it closes its own side and waits until the receiver closes too. A receiver that
//! closes after it has read to the end has read every message, so all of them are durable; a
//! connection that ends in any other way counts for nothing, and everything since the last flush
//! is written again. That is at least once, with repeats after a failure. rsyslog closes so.
//!
//! What a receiver has read but not stored when it crashes is beyond any sender's knowledge. A
//! receiver behind a load balancer that answers closes itself confirms only the load balancer.
//!
//! With `confirm: none`, and always over UDP, delivery is best effort.
//!
//! # Size
//!
//! A message longer than `max_message_bytes` is rejected, so that it becomes a visible dead
//! letter rather than silently cut at the receiver, or taken for a framing error that spoils the
//! messages after it. The default is 64 KiB over TCP and TLS, and 8 KiB over UDP. Receivers have
//! limits of their own: rsyslog splits above `maxMessageSize`, 8 KiB unless raised, and its
//! `imtcp` loses its place in counted messages above `maxFrameSize`, 200,000 bytes.

mod config;
mod connection;
mod datagrams;
mod encode;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::config::{Confirm, Facility, Framing, Severity, SyslogConfig, Transport};
use self::connection::{Connected, Connector};
use self::datagrams::Datagrams;
use self::encode::Encoder;
use crate::fused::Fused;
use crate::{Batch, Checked, Destination, Error, Guarantee, Limits, Promise, Stream};

/// What can still happen to events over TCP or TLS with `confirm: close`.
pub const PROMISE_CONFIRMED: Promise = Promise {
    guarantee: Guarantee::AtLeastOnce,
    repeats: "after a broken or unconfirmed connection, or a crash, everything since the last \
              confirmed close is sent again, with the same event_uid",
    loss: "only inside the receiver: what it had read and not yet stored when it crashed",
    reorder: "",
};

/// What can still happen to events over TCP or TLS with `confirm: none`.
pub const PROMISE_UNCONFIRMED: Promise = Promise {
    guarantee: Guarantee::BestEffort,
    repeats: "after a broken connection or a crash, a batch may be sent again, with the same \
              event_uid",
    loss: "what was on its way, or not yet read by the receiver, when the connection broke",
    reorder: "",
};

/// What can still happen to events over UDP.
pub const PROMISE_UDP: Promise = Promise {
    guarantee: Guarantee::BestEffort,
    repeats: "after a failure or a crash, a batch may be sent again, with the same event_uid; \
              networks may repeat datagrams",
    loss: "any datagram, without notice",
    reorder: "networks may deliver datagrams in another order",
};

/// A running destination.
pub struct Syslog {
    name: String,
    promise: Promise,
    shared: Arc<Shared>,
}

/// What the streams of one destination have in common.
struct Shared {
    name: String,
    encoder: Encoder,
    way: Way,
}

/// How messages get to the receiver.
enum Way {
    Udp { host: String, port: u16 },
    Tcp { connector: Connector, confirm: Confirm, wait: Duration },
}

impl Syslog {
    fn new(name: &str, encoder: Encoder, way: Way) -> Self {
        let promise = match &way {
            Way::Udp { .. } => PROMISE_UDP,
            Way::Tcp { confirm: Confirm::Close, .. } => PROMISE_CONFIRMED,
            Way::Tcp { confirm: Confirm::None, .. } => PROMISE_UNCONFIRMED,
        };
        let shared = Arc::new(Shared { name: name.to_owned(), encoder, way });
        Self { name: name.to_owned(), promise, shared }
    }

    fn stream(&self) -> Box<dyn Stream> {
        let shared = Arc::clone(&self.shared);
        match &shared.way {
            Way::Udp { .. } => Box::new(Fused::new(&self.name, Datagrams::new(shared))),
            Way::Tcp { .. } => Box::new(Fused::new(&self.name, Connected::new(shared))),
        }
    }
}

#[async_trait]
impl Destination for Syslog {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "syslog"
    }

    fn promise(&self) -> Promise {
        self.promise
    }

    fn limits(&self) -> Limits {
        Limits { events: 1_000, bytes: 1 << 20 }
    }

    /// Sends the sample, and waits for the receiver to confirm it if it is to confirm at all.
    async fn check(&self, sample: Batch) -> Result<Checked, Error> {
        let mut stream = self.stream();
        let receipt = stream.write(sample).await?;
        stream.flush().await?;
        if let Some(rejected) = receipt.rejected.into_iter().next() {
            let kind = crate::error::Kind::RefusedAll;
            return Err(Error::new(kind, &self.name, rejected.reason));
        }
        let proof = match &self.shared.way {
            Way::Udp { host, port } => {
                format!("sent a datagram to {host}:{port}; UDP has no answer")
            }
            Way::Tcp { connector, confirm: Confirm::Close, .. } => {
                format!("{connector} read the message and closed the connection")
            }
            Way::Tcp { connector, confirm: Confirm::None, .. } => {
                format!("{connector} took a connection; nothing confirms that it read the message")
            }
        };
        Ok(Checked { proof, leaves: Some("one message".to_owned()) })
    }

    /// Connects to nothing yet: the first write does.
    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        Ok(self.stream())
    }
}
