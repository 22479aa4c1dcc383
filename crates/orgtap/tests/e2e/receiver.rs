//! A receiver of NDJSON over HTTP, a good one or one with moods.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::Delivered;

/// The uid of an event.
pub(crate) fn uid(line: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    event["_orgtap"]["event_uid"].as_str().unwrap().to_owned()
}

/// Keeps what it accepts.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    lines: Arc<Mutex<Vec<String>>>,
    requests: Arc<AtomicU64>,
    /// Every so many requests are answered 503 after their events were kept.
    forget_answer_every: u64,
    /// Every so many requests are answered 503, and their events are not kept.
    busy_every: u64,
    /// A request with an event whose uid ends in one of these letters is answered 413, or 400.
    refused: Arc<Mutex<(&'static str, &'static str)>>,
    /// A request with an event in which this stands is answered 400.
    refused_text: Arc<Mutex<Option<&'static str>>>,
}

impl Receiver {
    /// One that does not answer every so many requests, though it keeps their events.
    pub(crate) fn that_forgets(forget_answer_every: u64) -> Self {
        Self { forget_answer_every, ..Self::default() }
    }

    /// One that is too busy for every so many requests, and keeps nothing of them.
    pub(crate) fn that_is_busy(busy_every: u64) -> Self {
        Self { busy_every, ..Self::default() }
    }

    pub(crate) fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (this, Ok(stream)) = (self.clone(), stream) else { continue };
                std::thread::spawn(move || this.serve(stream));
            }
        });
        url
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let (mut length, mut line) = (0_usize, String::new());
            loop {
                line.clear();
                match reader.read_line(&mut line) {
                    Ok(0) | Err(_) => return,
                    Ok(_) if line.trim().is_empty() => break,
                    Ok(_) => {
                        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                    }
                }
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                return;
            }
            let text = String::from_utf8(body).unwrap();
            let (letters, answer) = *self.refused.lock().unwrap();
            if text.lines().any(|line| uid(line).ends_with(|last| letters.contains(last))) {
                if write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").is_err() {
                    return;
                }
                continue;
            }
            let text_refused = *self.refused_text.lock().unwrap();
            if text_refused.is_some_and(|refused| text.contains(refused)) {
                let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
                continue;
            }
            let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
            let is_every = |so_many: u64| so_many > 0 && number.is_multiple_of(so_many);
            let busy = is_every(self.busy_every);
            if !busy {
                self.lines.lock().unwrap().extend(text.lines().map(str::to_owned));
            }
            let lose = is_every(self.forget_answer_every);
            let answer = if busy || lose { "503 Busy" } else { "200 OK" };
            if write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").is_err() {
                return;
            }
        }
    }

    /// Refuses events for good from now on: those whose uid ends in one of the letters.
    pub(crate) fn refuse(&self, letters: &'static str, answer: &'static str) {
        *self.refused.lock().unwrap() = (letters, answer);
    }

    /// Refuses events in which this stands from now on; or none.
    pub(crate) fn refuse_text(&self, text: Option<&'static str>) {
        *self.refused_text.lock().unwrap() = text;
    }

    /// What arrived so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// What arrived, repeats removed by their uid; and how many repeats there were.
    pub(crate) fn distinct(&self) -> (Delivered, usize) {
        let mut seen: HashMap<String, String> = HashMap::new();
        let (mut delivered, mut repeats) = (Delivered::default(), 0);
        for line in self.lines.lock().unwrap().iter() {
            let uid = uid(line);
            if let Some(first) = seen.get(&uid) {
                repeats += 1;
                assert_eq!(first, line, "a repeat must be the same to the byte");
            } else {
                delivered.add(line);
                seen.insert(uid, line.clone());
            }
        }
        (delivered, repeats)
    }
}
