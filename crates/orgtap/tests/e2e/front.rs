//! What stands between the program and the org: a front that sees every request, passes it on or
//! answers in the org's place, with or without TLS; and a proxy that opens tunnels.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The first line and the headers, with the empty line after them.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    fn read(client: &mut impl Read) -> Option<Self> {
        let head = read_head(client)?;
        let length = header_of(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        client.read_exact(&mut body).ok()?;
        Some(Self { head, body: String::from_utf8(body).ok()? })
    }

    /// What is asked for: path and query.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Whether it asks the token endpoint.
    pub(crate) fn is_sign_in(&self) -> bool {
        self.target() == "/services/oauth2/token"
    }

    /// Whether it sends a session.
    pub(crate) fn has_session(&self) -> bool {
        header_of(&self.head, "authorization").is_some()
    }

    /// The same as the only one of its connection.
    fn alone(&self) -> String {
        let kept = self.head.trim_end().lines().filter(|line| !is_header(line, "connection"));
        let head: String = kept.map(|line| format!("{line}\r\n")).collect();
        format!("{head}connection: close\r\n\r\n{}", self.body)
    }
}

/// Reads to the empty line and not a byte further.
fn read_head(client: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn is_header(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
}

fn header_of<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let line = head.lines().find(|line| is_header(line, name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// What becomes of a request.
pub(crate) enum Deed {
    /// The org answers it.
    Pass,
    /// This is the answer.
    Answer(String),
    /// The org answers it, and the answer is held back for as long as the client waits.
    HoldBack,
}

/// An answer with a status such as `400 Bad Request`, more headers, and a body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Deed {
    let length = body.len();
    Deed::Answer(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

type Decide = dyn Fn(&Request) -> Deed + Send + Sync;

/// A front before an org.
pub(crate) struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    org: SocketAddr,
    decide: Mutex<Arc<Decide>>,
    seen: Mutex<Vec<Request>>,
    held: Mutex<usize>,
    tls: Option<Arc<ServerConfig>>,
}

impl Front {
    /// A front that passes everything on to the org at this URL.
    pub(crate) fn before(org_url: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let org = org_url.strip_prefix("http://").unwrap().parse().unwrap();
        let shared = Arc::new(Shared {
            org,
            decide: Mutex::new(Arc::new(|_: &Request| Deed::Pass)),
            seen: Mutex::default(),
            held: Mutex::default(),
            tls,
        });
        let serving = Arc::clone(&shared);
        Self { address: listen(move |client| serving.accept(client)), shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what becomes of requests from now on.
    pub(crate) fn decide(&self, decide: impl Fn(&Request) -> Deed + Send + Sync + 'static) {
        *self.shared.decide.lock().unwrap() = Arc::new(decide);
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many answers were held back so far.
    pub(crate) fn held(&self) -> usize {
        *self.shared.held.lock().unwrap()
    }
}

impl Shared {
    fn accept(&self, client: TcpStream) {
        let Some(tls) = &self.tls else { return self.serve(client) };
        let mut client = StreamOwned::new(ServerConnection::new(Arc::clone(tls)).unwrap(), client);
        self.serve(&mut client);
        client.conn.send_close_notify();
        client.flush().ok();
    }

    /// One request; every answer ends its connection.
    fn serve(&self, mut client: impl Read + Write) {
        let Some(request) = Request::read(&mut client) else { return };
        self.seen.lock().unwrap().push(request.clone());
        let decide = Arc::clone(&self.decide.lock().unwrap());
        match decide(&request) {
            Deed::Pass => {
                let Ok(mut org) = self.ask(&request) else { return };
                io::copy(&mut org, &mut client).ok();
            }
            Deed::Answer(text) => {
                client.write_all(text.as_bytes()).ok();
            }
            Deed::HoldBack => {
                io::copy(&mut self.ask(&request).unwrap(), &mut io::sink()).unwrap();
                *self.held.lock().unwrap() += 1;
                // Ends when the client goes away.
                io::copy(&mut client, &mut io::sink()).ok();
            }
        }
        client.flush().ok();
    }

    fn ask(&self, request: &Request) -> io::Result<TcpStream> {
        let mut org = TcpStream::connect(self.org)?;
        org.set_nodelay(true)?;
        org.write_all(request.alone().as_bytes())?;
        Ok(org)
    }
}

/// Listens at a free port, each connection on a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            client.set_nodelay(true).ok();
            let serve = serve.clone();
            std::thread::spawn(move || serve(client));
        }
    });
    address
}

/// Whom a proxy lets through.
#[derive(Debug, Clone)]
pub(crate) enum Gate {
    /// Everybody.
    Open,
    /// Whoever sends these credentials, already in Base64.
    Basic(String),
    /// Nobody, with this status.
    Closed(&'static str),
}

/// A proxy all of whose tunnels end at one place, whatever they are asked for.
pub(crate) struct Proxy {
    address: SocketAddr,
    tunnels: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn start(gate: Gate, end: SocketAddr) -> Self {
        let tunnels = Arc::new(Mutex::new(Vec::new()));
        let opened = Arc::clone(&tunnels);
        Self { address: listen(move |client| tunnel(client, &gate, end, &opened)), tunnels }
    }

    /// `http://` and its address, with a user's part such as `name:password@` between.
    pub(crate) fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.address)
    }

    /// What the tunnels opened so far were to lead to.
    pub(crate) fn tunnels(&self) -> Vec<String> {
        self.tunnels.lock().unwrap().clone()
    }
}

fn tunnel(mut client: TcpStream, gate: &Gate, end: SocketAddr, opened: &Mutex<Vec<String>>) {
    let Some(head) = read_head(&mut client) else { return };
    let refused = match gate {
        Gate::Open => None,
        Gate::Basic(right) => {
            let given = header_of(&head, "proxy-authorization").unwrap_or_default();
            (given != format!("Basic {right}")).then_some("407 Proxy Authentication Required")
        }
        Gate::Closed(status) => Some(*status),
    };
    if let Some(status) = refused {
        // As thoughtless proxies do: what they were asked is in their answer.
        let answer = format!("HTTP/1.1 {status}\r\nx-asked: {}\r\n\r\n", head.replace("\r\n", " "));
        client.write_all(answer.as_bytes()).ok();
        return;
    }
    opened.lock().unwrap().push(head.split(' ').nth(1).unwrap_or_default().to_owned());
    let Ok(org) = TcpStream::connect(end) else { return };
    org.set_nodelay(true).ok();
    if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").is_err() {
        return;
    }
    let (from_client, to_org) = (client.try_clone().unwrap(), org.try_clone().unwrap());
    let up = std::thread::spawn(move || pass(from_client, to_org));
    pass(org, client);
    up.join().unwrap();
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Write).ok();
}
