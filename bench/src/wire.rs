//! Just enough HTTP/1.1 for a measurement on one machine: keep-alive, a thread for each
//! connection, bodies with a length or in chunks.
//!
//! Not for anything else: it trusts whoever calls. Plain sockets, because the bench is part of
//! every check and has to compile quickly, and because a file then goes out by `sendfile`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// Largest head of a message.
const LARGEST_HEAD: u64 = 64 * 1024;
/// Size of the buffer bodies are read through.
const BUFFER: usize = 256 * 1024;

/// A request without its body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET` or `POST`.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Whether the client reads gzip.
    pub(crate) reads_gzip: bool,
    body: Length,
}

impl Request {
    /// A request for this, without a body.
    #[cfg(test)]
    pub(crate) fn get(target: &str) -> Self {
        Self { method: "GET".to_owned(), target: target.to_owned(), ..Self::default() }
    }
}

/// How long a body is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Length {
    #[default]
    None,
    Bytes(u64),
    Chunks,
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    /// JSON.
    Json(u16, String),
    /// A file of gzip.
    Gzip(File),
    /// The content of a file of gzip, unpacked on the way, and its length.
    Unpacked(File, u64),
}

/// What answers requests. `body` is to be read to its end.
pub(crate) trait Service: Send + Sync {
    /// Answers one.
    fn answer(&self, request: &Request, body: &mut dyn BufRead) -> Result<Reply>;
}

/// Listens on a free port of this machine and answers with `service`; gives the URL.
pub(crate) fn listen(service: std::sync::Arc<dyn Service>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on the loopback")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        for stream in listener.incoming().flatten() {
            let service = std::sync::Arc::clone(&service);
            let serve = move || {
                if let Err(error) = serve(&stream, &*service) {
                    report(&error);
                }
            };
            if let Err(error) = std::thread::Builder::new().spawn(serve) {
                report(&error.into());
            }
        }
    })?;
    Ok(url)
}

/// Tells of a connection that broke; a client that goes away is no news.
fn report(error: &anyhow::Error) {
    let gone = error.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    });
    if !gone {
        eprintln!("a connection ended: {error:#}");
    }
}

/// Waits until whoever started this program goes away.
pub(crate) fn until_abandoned() -> Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink())
        .context("waiting for the end of the input")?;
    Ok(())
}

fn serve(stream: &TcpStream, service: &dyn Service) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(BUFFER, stream);
    while let Some(request) = read_head(&mut reader)? {
        let reply = match request.body {
            Length::None => service.answer(&request, &mut io::empty())?,
            Length::Bytes(length) => service.answer(&request, &mut (&mut reader).take(length))?,
            Length::Chunks => {
                let mut chunks = BufReader::with_capacity(BUFFER, Chunks::new(&mut reader));
                service.answer(&request, &mut chunks)?
            }
        };
        send(stream, reply)?;
    }
    Ok(())
}

/// Reads a request's head; none when the client has closed.
fn read_head(reader: &mut impl BufRead) -> Result<Option<Request>> {
    let mut head = reader.take(LARGEST_HEAD);
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        bail!("not HTTP: {line:?}");
    };
    let mut request =
        Request { method: method.to_owned(), target: target.to_owned(), ..Request::default() };
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            bail!("a request ends in its head");
        }
        if line.trim_end().is_empty() {
            return Ok(Some(request));
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            bail!("not a header: {line:?}");
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => request.body = Length::Bytes(value.parse()?),
            "transfer-encoding" => request.body = Length::Chunks,
            "accept-encoding" => request.reads_gzip = value.contains("gzip"),
            _ => {}
        }
    }
}

fn send(mut stream: &TcpStream, reply: Reply) -> Result<()> {
    let (status, kind, length) = match &reply {
        Reply::Json(status, text) => (*status, "application/json;charset=UTF-8", text.len() as u64),
        Reply::Gzip(file) => {
            (200, "application/octetstream\r\nContent-Encoding: gzip", file.metadata()?.len())
        }
        Reply::Unpacked(_, length) => (200, "application/octetstream", *length),
    };
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now())?;
    let head = format!(
        "HTTP/1.1 {status} x\r\nDate: {date}\r\nServer: sfdcedge\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    match reply {
        Reply::Json(_, text) => stream.write_all((head + &text).as_bytes())?,
        Reply::Gzip(mut file) => {
            stream.write_all(head.as_bytes())?;
            // From file to socket in the kernel.
            io::copy(&mut file, &mut stream)?;
        }
        Reply::Unpacked(file, _) => {
            stream.write_all(head.as_bytes())?;
            io::copy(&mut flate2::read::MultiGzDecoder::new(file), &mut stream)?;
        }
    }
    Ok(())
}

/// The content of a body in chunks.
struct Chunks<R> {
    reader: R,
    left: u64,
    ended: bool,
}

impl<R: BufRead> Chunks<R> {
    fn new(reader: R) -> Self {
        Self { reader, left: 0, ended: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "not a chunk");
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(digits, 16).map_err(|_| broken())?;
        if self.left == 0 {
            self.ended = true;
            self.end_of_line()?;
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> io::Result<()> {
        self.reader.read_line(&mut String::new()).map(drop)
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.begin()?;
        }
        if self.ended {
            return Ok(0);
        }
        let read = (&mut self.reader).take(self.left).read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        if self.left == 0 {
            self.end_of_line()?;
        }
        Ok(read)
    }
}

/// Asks one of our own servers for a small JSON.
pub(crate) fn get(url: &str) -> Result<serde_json::Value> {
    let rest = url.strip_prefix("http://").context("not an http address")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).with_context(|| format!("no answer from {url}"))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            bail!("{url}: the answer ends in its head");
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse()?;
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_what_matters() {
        let text = b"POST /x?y=1 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, br\r\n\
            Content-Length: 12\r\n\r\nrest";
        let request = read_head(&mut &text[..]).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/x?y=1"));
        assert!(request.reads_gzip);
        assert_eq!(request.body, Length::Bytes(12));
        assert_eq!(read_head(&mut &b""[..]).unwrap(), None);
        assert!(read_head(&mut &b"GET / HTTP/1.1\r\nHost"[..]).is_err());
    }

    #[test]
    fn chunks_are_put_together_and_what_follows_is_left() {
        let mut text = &b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nnext"[..];
        let mut body = String::new();
        Chunks::new(&mut text).read_to_string(&mut body).unwrap();
        assert_eq!(body, "abc0123456789");
        assert_eq!(text, b"next");
        assert!(Chunks::new(&mut &b"5\r\nab"[..]).read_to_string(&mut body).is_err());
    }

    #[test]
    fn a_server_answers_one_request_after_the_other() {
        struct Echo;
        impl Service for Echo {
            fn answer(&self, request: &Request, _: &mut dyn BufRead) -> Result<Reply> {
                Ok(Reply::Json(200, format!("\"{}\"", request.target)))
            }
        }
        let url = listen(std::sync::Arc::new(Echo)).unwrap();
        assert_eq!(get(&format!("{url}/a/b?c")).unwrap(), "/a/b?c");
        assert_eq!(get(&url).unwrap(), "/");
    }
}
