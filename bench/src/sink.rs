//! `orgtap-bench sink`: a target for the `http` destination that reads, counts and drops.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use serde_json::json;

use crate::wire::{self, Reply, Request, Service};

/// Where it tells what it has counted.
pub(crate) const COUNT: &str = "/bench/count";

#[derive(Debug, Default)]
struct Sink {
    requests: AtomicU64,
    bytes: AtomicU64,
    lines: AtomicU64,
}

impl Service for Sink {
    fn answer(&self, request: &Request, body: &mut dyn BufRead) -> Result<Reply> {
        if request.target == COUNT {
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let counts = json!({
                "requests": read(&self.requests),
                "bytes": read(&self.bytes),
                "lines": read(&self.lines),
            });
            return Ok(Reply::Json(200, counts.to_string()));
        }
        let (mut bytes, mut lines) = (0, 0);
        loop {
            let piece = body.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            lines += memchr::memchr_iter(b'\n', piece).count();
            let length = piece.len();
            bytes += length;
            body.consume(length);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.lines.fetch_add(lines as u64, Ordering::Relaxed);
        Ok(Reply::Json(200, "{}".to_owned()))
    }
}

/// Serves until whoever started it goes away; tells its URL first.
pub(crate) fn command() -> Result<()> {
    let url = wire::listen(Arc::new(Sink::default()))?;
    println!("{}", json!({ "urls": [url] }));
    wire::until_abandoned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_counted_and_dropped() {
        let sink = Sink::default();
        let request = Request::default();
        sink.answer(&request, &mut &b"{}\n{}\n"[..]).unwrap();
        sink.answer(&request, &mut &b"{}\n"[..]).unwrap();
        let asked = Request::get(COUNT);
        let Reply::Json(200, text) = sink.answer(&asked, &mut &b""[..]).unwrap() else { panic!() };
        let counts: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(counts, json!({ "requests": 2, "bytes": 9, "lines": 3 }));
    }
}
