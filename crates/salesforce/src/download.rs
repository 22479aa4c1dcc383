//! Downloading one log file, as it comes from the wire.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;

use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::reach;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As gzip, possibly of several members.
    Gzip,
    /// As it is.
    Identity,
}

/// A log file on its way.
#[derive(Debug)]
pub struct Download {
    /// How the body is written. Gzip is asked for, and the org may or may not comply.
    pub encoding: Encoding,
    /// Bytes of the body as sent, if the org announced them.
    pub content_length: Option<u64>,
    /// The bytes.
    pub body: Body,
}

/// The bytes of a download, as sent. Ends with an error if they break off before the announced
/// end; a stream that ends without one brought everything.
pub struct Body(Option<Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>>);

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(bytes) = self.0.as_mut() else { return Poll::Ready(None) };
        let item = std::task::ready!(bytes.as_mut().poll_next(cx));
        let item =
            item.map(|part| part.map_err(|error| reach::failure(error).during(Call::Download)));
        if !matches!(item, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(item)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

/// Takes an answer apart that is neither a refusal nor a page for people.
pub(crate) fn read(response: Response) -> Result<Download, Error> {
    let written =
        response.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let encoding = match written.unwrap_or("").trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Encoding::Identity,
        "gzip" | "x-gzip" => Encoding::Gzip,
        other => {
            let detail: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(Error::new(ErrorKind::BadEncoding, detail).during(Call::Download));
        }
    };
    Ok(Download {
        encoding,
        content_length: response.content_length(),
        body: Body(Some(Box::pin(response.bytes_stream()))),
    })
}
