//! From an answer to bytes on the wire: compression, chunks, and what faults do to them.

use std::io::Write as _;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Response, header};
use tokio_util::sync::CancellationToken;

use crate::clock::http_date;
use crate::faults::Fault;
use crate::org::Org;
use crate::reply::Reply;
use crate::stats::Call;

/// Bytes in one chunk of a body.
const PIECE: usize = 16 * 1024;
/// Pieces of a body that drips.
const DRIPS: usize = 40;

/// An answer ready to be sent.
#[derive(Debug)]
pub(crate) struct Shaped {
    status: http::StatusCode,
    headers: HeaderMap,
    pieces: Vec<Bytes>,
    /// Cut the connection after the last piece.
    cut: bool,
    /// Wait before each piece.
    pause: Option<Duration>,
}

/// What is known of the request when the answer is shaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) call: Call,
    pub(crate) gzip_welcome: bool,
    pub(crate) pretty: bool,
}

/// Shapes an answer. Compresses in place, so not for the event loop.
pub(crate) fn shape(org: &Org, reply: Reply, facts: Facts) -> Shaped {
    let reply = if facts.pretty { reply.pretty() } else { reply };
    let mut headers = common_headers(org, &reply);
    let fine = reply.status.is_success();
    let strikes = |fault| fine && org.faults.strikes(fault, facts.call).is_some();
    let gzip = facts.gzip_welcome
        && reply.compressible
        && !reply.body.is_empty()
        && org.settings().gzip
        && !strikes(Fault::GzipRefused);
    let mut body = reply.body;
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        let members = if strikes(Fault::GzipMultiMember) {
            org.faults.amount(Fault::GzipMultiMember).clamp(1, 1_000) as usize
        } else {
            1
        };
        body = compress(&body, members).into();
        if strikes(Fault::CorruptGzip) {
            body = corrupt(&body).into();
        }
    }
    let truncated = strikes(Fault::TruncateClean);
    let cut = strikes(Fault::TruncateCut);
    if truncated || cut {
        let share = org.faults.dice(Fault::TruncateClean, body.len() as u64);
        body.truncate(cut_at(&body, share, gzip));
    }
    let drips = strikes(Fault::SlowDrip);
    let pause = drips.then(|| Duration::from_millis(org.faults.amount(Fault::SlowDrip)));
    let size = if drips { body.len().div_ceil(DRIPS).max(1) } else { PIECE };
    let mut pieces = Vec::with_capacity(body.len() / size + 1);
    while !body.is_empty() {
        pieces.push(body.split_to(size.min(body.len())));
    }
    Shaped { status: reply.status, headers, pieces, cut, pause }
}

fn common_headers(org: &Org, reply: &Reply) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(date) = HeaderValue::from_str(&http_date(org.now())) {
        headers.insert(header::DATE, date);
    }
    headers.insert(header::SERVER, HeaderValue::from_static("sfdcedge"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache,must-revalidate,max-age=0,no-store,private"),
    );
    headers.insert(
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=63072000; includeSubDomains"),
    );
    if let Some(kind) = reply.content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in &reply.headers {
        headers.insert(name, value.clone());
    }
    headers
}

/// Compresses a body as so many gzip members, one after the other.
fn compress(body: &[u8], members: usize) -> Vec<u8> {
    let size = body.len().div_ceil(members).max(1);
    let mut out = Vec::with_capacity(body.len() / 4 + 64);
    for part in body.chunks(size) {
        let mut encoder = GzEncoder::new(&mut out, Compression::fast());
        // Writing to memory does not fail.
        let written = encoder.write_all(part).and_then(|()| encoder.finish().map(drop));
        debug_assert!(written.is_ok());
    }
    out
}

/// Flips a bit in the middle of the compressed data, behind the header and before the trailer.
fn corrupt(body: &[u8]) -> Vec<u8> {
    let mut out = body.to_vec();
    let middle = out.len() / 2;
    if let Some(byte) = out.get_mut(middle.max(10)) {
        *byte ^= 0x10;
    }
    out
}

/// Where a body ends early: always before its end, and if it is not compressed at the end of a
/// row, where it hurts most because what is left looks whole.
fn cut_at(body: &[u8], share: f64, compressed: bool) -> usize {
    let at = ((body.len() as f64 * (0.1 + 0.8 * share)) as usize).min(body.len().saturating_sub(1));
    if compressed {
        return at;
    }
    let row = body.get(..at).unwrap_or_default().iter().rposition(|byte| *byte == b'\n');
    row.map_or(at, |newline| newline + 1)
}

impl Shaped {
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The answer, sent in chunks; `stop` ends it when the org goes down.
    pub(crate) fn into_response(self, stop: CancellationToken) -> Response<Body> {
        let Self { status, headers, pieces, cut, pause } = self;
        let empty = pieces.is_empty() && !cut;
        let source = stream::unfold((pieces.into_iter(), cut), move |(mut pieces, cut)| {
            let stop = stop.clone();
            async move {
                if let Some(pause) = pause {
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = stop.cancelled() => return Some((Err(interrupted()), (pieces, false))),
                    }
                }
                match pieces.next() {
                    Some(piece) => Some((Ok(piece), (pieces, cut))),
                    None if cut => {
                        // Let what was written so far leave before the connection is cut.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        Some((Err(interrupted()), (pieces, false)))
                    }
                    None => None,
                }
            }
        });
        let body = if empty { Body::empty() } else { Body::from_stream(source) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

fn interrupted() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the fault cuts the connection here")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn several_members_inflate_to_the_same_bytes() {
        let body: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        for members in [1, 3, 7] {
            let packed = compress(&body, members);
            let mut back = Vec::new();
            flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut back).unwrap();
            assert!(back == body, "{members}");
        }
    }

    #[test]
    fn a_corrupt_body_does_not_inflate() {
        for text in ["\"A\"\n", &"\"A\",\"B\"\n\"1\",\"2\"\n".repeat(1_000)] {
            let packed = corrupt(&compress(text.as_bytes(), 1));
            let mut back = Vec::new();
            let outcome =
                flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut back);
            assert!(outcome.is_err() && back != text.as_bytes(), "{text:.20}");
        }
    }

    #[test]
    fn a_truncated_body_is_shorter_and_ends_with_a_row() {
        let text = "\"A\",\"B\"\n\"1\",\"2\"\n".repeat(100);
        for share in [0.0, 0.3, 0.999, 1.0] {
            let at = cut_at(text.as_bytes(), share, false);
            assert!(at < text.len() && text[..at].ends_with('\n'), "{share}");
            assert!(cut_at(text.as_bytes(), share, true) < text.len());
        }
        assert_eq!(cut_at(b"x", 1.0, false), 0);
        assert_eq!(cut_at(b"", 0.5, false), 0);
    }
}
