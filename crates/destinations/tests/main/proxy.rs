//! A relay between a destination and its target that can be taken down, cut or slowed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// What is to happen to the next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Cut after so many bytes towards the target, once.
    CutAfter(usize),
    /// Cut at the first byte of an answer, once.
    CutAnswer,
    /// Pass on a little at a time.
    Slow,
}

struct Shared {
    target: SocketAddr,
    fault: Mutex<Fault>,
    connections: Mutex<Vec<AbortHandle>>,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let shared = Arc::new(Shared {
            target,
            fault: Mutex::new(Fault::None),
            connections: Mutex::new(Vec::new()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = Some(tokio::spawn(listen(listener, Arc::clone(&shared))));
        Self { address, shared, listening }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// Ends every connection and answers no more.
    pub(crate) async fn down(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            listening.await.ok();
        }
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }

    /// Listens again at the same address.
    pub(crate) fn up(&mut self) {
        self.set(Fault::None);
        if self.listening.is_none() {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(self.address).unwrap();
            let listener = socket.listen(64).unwrap();
            self.listening = Some(tokio::spawn(listen(listener, Arc::clone(&self.shared))));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let relay = tokio::spawn(relay(client, Arc::clone(&shared)));
        shared.connections.lock().unwrap().push(relay.abort_handle());
    }
}

async fn relay(mut client: TcpStream, shared: Arc<Shared>) {
    let Ok(mut server) = TcpStream::connect(shared.target).await else { return };
    server.set_nodelay(true).unwrap();
    client.set_nodelay(true).unwrap();
    // Not halves that own their streams: those would send an orderly end when they are dropped.
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    // Either direction that is cut takes the other with it.
    tokio::select! {
        () = forward(from_client, to_server, &shared, true) => {}
        () = forward(from_server, to_client, &shared, false) => {}
    }
}

/// Passes bytes on, and the end of them. Returns only when the connection is cut or broken.
async fn forward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    towards_target: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return };
        if read == 0 {
            if to.shutdown().await.is_err() || !towards_target {
                return;
            }
            // The answer to the end is still to come.
            return std::future::pending().await;
        }
        let (pass, cut) = judge(shared, read, towards_target);
        for piece in pieces(&buffer[..pass], shared) {
            if to.write_all(piece).await.is_err() {
                return;
            }
            if piece.len() < pass {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        if cut {
            // Reset on both sides. An orderly end would tell the sender that all was read.
            from.as_ref().set_zero_linger().unwrap();
            to.as_ref().set_zero_linger().unwrap();
            return;
        }
    }
}

/// How many of the bytes go through, and whether the connection ends after them.
fn judge(shared: &Shared, read: usize, towards_target: bool) -> (usize, bool) {
    let mut fault = shared.fault.lock().unwrap();
    match *fault {
        Fault::CutAfter(left) if towards_target && left <= read => {
            *fault = Fault::None;
            (left, true)
        }
        Fault::CutAfter(left) if towards_target => {
            *fault = Fault::CutAfter(left - read);
            (read, false)
        }
        Fault::CutAnswer if !towards_target => {
            *fault = Fault::None;
            (0, true)
        }
        _ => (read, false),
    }
}

fn pieces<'a>(bytes: &'a [u8], shared: &Shared) -> std::slice::Chunks<'a, u8> {
    let slow = *shared.fault.lock().unwrap() == Fault::Slow;
    bytes.chunks(if slow { 2_000 } else { bytes.len().max(1) })
}
