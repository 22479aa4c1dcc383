//! Events as the body of a request.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::{self, Write};

use crate::Events;

/// How several events make one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// One JSON array.
    #[default]
    JsonArray,
    /// One JSON object per line.
    Ndjson,
}

impl Body {
    /// The body. NDJSON shares the batch's buffer.
    pub(super) fn encode(self, events: &Events) -> Bytes {
        match self {
            Self::Ndjson => events.ndjson().clone(),
            Self::JsonArray => {
                let mut body = Vec::with_capacity(events.ndjson().len() + 2);
                body.push(b'[');
                for (index, (event, _)) in events.iter().enumerate() {
                    if index > 0 {
                        body.push(b',');
                    }
                    body.extend_from_slice(event);
                }
                body.push(b']');
                body.into()
            }
        }
    }
}

/// The body compressed. Takes about 3 ms per MiB of processor time, so not for async threads.
pub(super) fn gzip(body: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    Ok(encoder.finish()?.into())
}
