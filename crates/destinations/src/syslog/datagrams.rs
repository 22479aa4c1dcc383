//! Syslog over UDP: one message, one datagram.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::{UdpSocket, lookup_host};

use super::{Shared, Way};
use crate::{Batch, Error, Receipt, Rejected, Stream};

/// A stream of datagrams.
pub(super) struct Datagrams {
    shared: Arc<Shared>,
    socket: Option<UdpSocket>,
    datagram: Vec<u8>,
}

impl Datagrams {
    /// A stream without a socket yet.
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, socket: None, datagram: Vec::new() }
    }

    async fn connect(&self) -> Result<UdpSocket, Error> {
        let Way::Udp { host, port } = &self.shared.way else {
            return Err(self.error(io::Error::other("not over UDP")));
        };
        let address = lookup_host((host.as_str(), *port))
            .await
            .and_then(|mut found| found.next().ok_or_else(|| io::ErrorKind::NotFound.into()))
            .map_err(|error| self.error(error))?;
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await.map_err(|error| self.error(error))?;
        // Connected, so that a host that refuses datagrams is heard of at the next one.
        socket.connect(address).await.map_err(|error| self.error(error))?;
        Ok(socket)
    }

    /// Whatever happens to a datagram, it is about the way there: there is no connection.
    fn error(&self, error: io::Error) -> Error {
        let Way::Udp { host, port } = &self.shared.way else {
            return Error::connecting(&self.shared.name, "sending", error);
        };
        let doing = format!("sending to {host}:{port} (udp)");
        Error::connecting(&self.shared.name, &doing, error)
    }
}

#[async_trait]
impl Stream for Datagrams {
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.connect().await?,
        };
        let mut receipt = Receipt::durable();
        let shared = Arc::clone(&self.shared);
        let mut encoder = shared.encoder.unit(&batch.unit);
        for (index, (event, time)) in batch.events.iter().enumerate() {
            self.datagram.clear();
            if let Err(rejected) = encoder.encode(index, event, time, &mut self.datagram) {
                receipt.rejected.push(rejected);
                continue;
            }
            match socket.send(&self.datagram).await {
                Ok(_) => {}
                Err(error) if is_too_long(&error) => {
                    let reason = "the network takes no datagram of its size".to_owned();
                    receipt.rejected.push(Rejected { index, reason });
                }
                Err(error) => return Err(self.error(error)),
            }
        }
        self.socket = Some(socket);
        Ok(receipt)
    }

    /// Nothing is known of a datagram once it is sent.
    async fn flush(&mut self) -> Result<Receipt, Error> {
        Ok(Receipt::durable())
    }
}

/// EMSGSIZE, which the standard library gives no name.
fn is_too_long(error: &io::Error) -> bool {
    cfg!(target_os = "linux") && error.raw_os_error() == Some(90)
}
