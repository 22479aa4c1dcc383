//! Files the pages use, in the program itself.
//!
//! An address carries a hash of the content, so that browsers may keep the file for ever.

use std::io::Write;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, StatusCode, header};

use crate::error::{Error, Result};

macro_rules! files {
    ($($name:literal: $kind:literal),* $(,)?) => {
        [$(($name, $kind, include_bytes!(concat!("../assets/", $name)).as_slice())),*]
    };
}

static FILES: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let files = files! {
        "orgtap.css": "text/css; charset=utf-8",
        "orgtap.js": "text/javascript; charset=utf-8",
        "icon.svg": "image/svg+xml",
        "link.js": "text/javascript; charset=utf-8",
    };
    files.into_iter().map(|(name, kind, bytes)| Asset::new(name, kind, bytes)).collect()
});

struct Asset {
    name: &'static str,
    kind: &'static str,
    hash: String,
    plain: Bytes,
    gzip: Bytes,
}

impl Asset {
    fn new(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, bytes);
        let hash = URL_SAFE_NO_PAD.encode(hash.as_ref().get(..9).unwrap_or_default());
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory cannot fail.
        gzip.write_all(bytes).ok();
        let gzip = gzip.finish().unwrap_or_default().into();
        Self { name, kind, hash, plain: Bytes::from_static(bytes), gzip }
    }
}

fn of_name(name: &str) -> Option<&'static Asset> {
    FILES.iter().find(|file| file.name == name)
}

/// Address of a file, with its hash.
pub(crate) fn address(name: &str) -> String {
    let hash = of_name(name).map_or("", |file| &file.hash);
    format!("/assets/{name}?v={hash}")
}

/// Answers with a file.
pub(crate) async fn serve(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response> {
    let file = of_name(&name).ok_or_else(|| Error::no("file of that name"))?;
    let is_current = query.is_some_and(|query| query == format!("v={}", file.hash));
    let keep = if is_current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = format!("\"{}\"", file.hash);
    let has = |name, wanted: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|v| v.contains(wanted))
    };
    let told = [
        (header::CONTENT_TYPE, file.kind),
        (header::CACHE_CONTROL, keep),
        (header::ETAG, tag.as_str()),
        (header::VARY, "accept-encoding"),
    ];
    if has(header::IF_NONE_MATCH, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, told).into_response());
    }
    if has(header::ACCEPT_ENCODING, "gzip") {
        let encoded = [(header::CONTENT_ENCODING, "gzip")];
        return Ok((told, encoded, file.gzip.clone()).into_response());
    }
    Ok((told, file.plain.clone()).into_response())
}
