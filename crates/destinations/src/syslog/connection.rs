//! Syslog over TCP and TLS: the connection, and the close that confirms what was sent over it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::tls::TlsClient;
use super::{Confirm, Shared, Way};
use crate::error::Kind;
use crate::{Batch, Error, Receipt, Stream};

/// Longest wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the receiver to take a piece.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);
/// Bytes handed to the connection at once.
const PIECE: usize = 64 * 1024;

/// How to reach the receiver. Shown as `host:port (tls)`.
pub(super) struct Connector {
    name: String,
    host: String,
    port: u16,
    tls: Option<TlsClient>,
}

impl fmt::Display for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = if self.tls.is_some() { "tls" } else { "tcp" };
        write!(f, "{}:{} ({transport})", self.host, self.port)
    }
}

impl Connector {
    pub(super) fn new(name: &str, host: &str, port: u16, tls: Option<TlsClient>) -> Self {
        Self { name: name.to_owned(), host: host.to_owned(), port, tls }
    }

    async fn connect(&self) -> Result<Wire, Error> {
        timeout(CONNECT_TIMEOUT, self.connect_without_limit())
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|error| Error::connecting(&self.name, &format!("connecting to {self}"), error))
    }

    async fn connect_without_limit(&self) -> io::Result<Wire> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        socket.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Wire::Tcp(socket),
            Some(tls) => {
                let name = tls.server_name.clone();
                Wire::Tls(Box::new(tls.connector.connect(name, socket).await?))
            }
        })
    }

    /// A connection that failed in use.
    fn error(&self, doing: &str, error: io::Error) -> Error {
        Error::connected(&self.name, &format!("{doing} {self}"), error)
    }
}

/// A connection in use.
enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Tcp(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn socket_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Tcp(socket) => socket,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }

    /// Whether the receiver has ended the connection, as far as is known without waiting.
    ///
    /// What it says meanwhile is dropped: syslog has no answers. With TLS, reading also takes in
    /// session tickets, which unread would turn a later close into a reset.
    async fn has_ended(&mut self) -> io::Result<bool> {
        for _ in 0..64 {
            match peek(self.socket()) {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if is_end(&error) => return Ok(true),
                Err(error) => return Err(error),
            }
            // There are bytes, so this does not wait for the receiver.
            self.socket().readable().await?;
            self.skip().await?;
        }
        Ok(false)
    }

    /// Takes in what can be read now.
    async fn skip(&mut self) -> io::Result<()> {
        let mut scratch = [0; 1024];
        let mut buffer = ReadBuf::new(&mut scratch);
        let read = std::future::poll_fn(|context| {
            Poll::Ready(Pin::new(&mut *self).poll_read(context, &mut buffer))
        });
        match read.await {
            Poll::Ready(Err(error)) if !is_end(&error) => Err(error),
            Poll::Ready(_) | Poll::Pending => Ok(()),
        }
    }

    /// Closes our side and waits until the receiver has read to the end and closed its own.
    async fn close_confirmed(mut self) -> io::Result<()> {
        if self.has_ended().await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.shutdown().await?;
        match pass_over(&mut self).await {
            // Receivers seldom take leave in TLS. TCP tells whether they read everything.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            other => other?,
        }
        // Those that take leave do so before they close.
        pass_over(self.socket_mut()).await?;
        check_read_to_end(self.socket())
    }
}

/// Reads to the end, and drops what comes until then.
async fn pass_over(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    tokio::io::copy(reader, &mut tokio::io::sink()).await.map(drop)
}

/// Looks for a byte, or the end, without taking it and without waiting.
///
/// The runtime would answer from the last event it has seen, which may be older than the end.
fn peek(socket: &TcpStream) -> io::Result<usize> {
    socket2::SockRef::from(socket).peek(&mut [std::mem::MaybeUninit::uninit()])
}

/// Tells a receiver that closed because it read our end from one that closed before.
///
/// The end of the first acknowledges ours, and with that the connection is over. The end of the
/// second crossed ours on the way: the connection still waits for an acknowledgement, and may
/// well get a reset. Linux names the peer for exactly as long as a connection lasts.
pub(super) fn check_read_to_end(socket: &TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    if cfg!(target_os = "linux") && socket.peer_addr().is_ok() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Whether an error means that the receiver is gone.
fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// A stream of messages over one connection after the other.
pub(super) struct Connected {
    shared: Arc<Shared>,
    wire: Option<Wire>,
    /// Whether messages were sent that are not confirmed.
    unconfirmed: bool,
    piece: Vec<u8>,
}

impl Connected {
    /// A stream without a connection yet.
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, wire: None, unconfirmed: false, piece: Vec::new() }
    }

    fn way(&self) -> Result<(&Connector, Confirm, Duration), Error> {
        match &self.shared.way {
            Way::Tcp { connector, confirm, wait } => Ok((connector, *confirm, *wait)),
            Way::Udp { .. } => {
                Err(Error::new(Kind::Misused, &self.shared.name, "a connection over UDP"))
            }
        }
    }

    /// The connection, if the receiver has not ended it; a new one if nothing depends on the old.
    async fn take_wire(&mut self) -> Result<Wire, Error> {
        let old = self.wire.take();
        let (connector, ..) = self.way()?;
        if let Some(mut wire) = old {
            let ended = wire.has_ended().await;
            match ended.map_err(|error| connector.error("writing to", error))? {
                false => return Ok(wire),
                true if self.unconfirmed => {
                    let gone = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Err(connector.error("writing to", gone));
                }
                true => tracing::debug!(destination = self.shared.name, "reconnecting"),
            }
        }
        connector.connect().await
    }

    /// Hands the collected piece to the connection.
    async fn send_piece(&mut self, wire: &mut Wire) -> Result<(), Error> {
        // Before the first byte leaves: from here on the connection matters.
        self.unconfirmed = true;
        let sent = timeout(WRITE_TIMEOUT, async {
            wire.write_all(&self.piece).await?;
            wire.flush().await
        });
        let sent = sent.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if let Err(error) = sent {
            let (connector, ..) = self.way()?;
            // A receiver that refuses the client's certificate says so before it closes, and the
            // write only sees the close.
            let said = wire.has_ended().await.err();
            return Err(connector.error("writing to", said.unwrap_or(error)));
        }
        self.piece.clear();
        Ok(())
    }
}

#[async_trait]
impl Stream for Connected {
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error> {
        let mut receipt = Receipt::accepted();
        if !batch.events.is_empty() {
            let mut wire = self.take_wire().await?;
            let shared = Arc::clone(&self.shared);
            let mut encoder = shared.encoder.unit(&batch.unit);
            for (index, (event, time)) in batch.events.iter().enumerate() {
                if let Err(rejected) = encoder.encode(index, event, time, &mut self.piece) {
                    receipt.rejected.push(rejected);
                }
                if self.piece.len() >= PIECE {
                    self.send_piece(&mut wire).await?;
                }
            }
            if !self.piece.is_empty() {
                self.send_piece(&mut wire).await?;
            }
            self.wire = Some(wire);
        }
        receipt.durable = !self.unconfirmed;
        Ok(receipt)
    }

    async fn flush(&mut self) -> Result<Receipt, Error> {
        if !self.unconfirmed {
            return Ok(Receipt::durable());
        }
        let Some(mut wire) = self.wire.take() else {
            let detail = "unconfirmed messages without a connection";
            return Err(Error::new(Kind::Misused, &self.shared.name, detail));
        };
        let (connector, confirm, wait) = self.way()?;
        match confirm {
            Confirm::Close => {
                let closed = timeout(wait, wire.close_confirmed()).await.map_err(|_| {
                    let wait = wait.as_secs_f64();
                    let detail = format!("{connector} kept the connection open for {wait} s");
                    Error::new(Kind::NotConfirmed, &self.shared.name, detail)
                })?;
                closed.map_err(|error| connector.error("closing", error))?;
            }
            Confirm::None => {
                let ended = wire.has_ended().await;
                if ended.map_err(|error| connector.error("writing to", error))? {
                    let gone = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Err(connector.error("writing to", gone));
                }
                self.wire = Some(wire);
            }
        }
        self.unconfirmed = false;
        Ok(Receipt::durable())
    }
}
