//! Answers that are encoded and compressed once, and served to whoever asks.

use std::io::Write;

use axum::body::Body as HttpBody;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::{ApiError, ApiResult};
use crate::app::record::Body;

/// Bodies below this are not worth compressing, bytes.
const WORTH_COMPRESSING: usize = 1_024;

/// How long a client or proxy may keep an answer.
#[derive(Clone, Copy, Debug)]
pub enum Freshness {
    /// Changes any moment.
    Seconds(u32),
    /// Never changes.
    Immutable,
    /// One buyer's own: asked for anew each time.
    Private,
}

/// Encodes a view. Its validator is of `validated`, which leaves out what changes without meaning anything.
///
/// # Errors
/// When it cannot be encoded, which is a fault of ours.
pub fn encode(view: &impl Serialize, validated: &impl Serialize) -> Result<Body, serde_json::Error> {
    let plain = serde_json::to_vec(view)?;
    let hash = Sha256::digest(serde_json::to_vec(validated)?);
    Ok(body(plain.into(), &hash[..12]))
}

/// A body that was encoded before.
#[must_use]
pub fn encoded(plain: Bytes) -> Body {
    let hash = Sha256::digest(&plain);
    body(plain, &hash[..12])
}

fn body(plain: Bytes, hash: &[u8]) -> Body {
    let gzip = (plain.len() >= WORTH_COMPRESSING).then(|| compress(&plain)).flatten();
    Body { etag: format!("\"{}\"", hex::encode(hash)).into(), plain, gzip }
}

fn compress(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().filter(|gzip| gzip.len() < plain.len()).map(Bytes::from)
}

/// The answer for a client: 304 if it has it already, compressed if it may be.
///
/// # Errors
/// 404 when there is no such thing.
pub fn respond(body: Option<Body>, freshness: Freshness, headers: &HeaderMap) -> ApiResult<Response> {
    let body = body.ok_or_else(ApiError::not_found)?;
    let mut response = Response::new(HttpBody::empty());
    let fields = response.headers_mut();
    let cache_control = match freshness {
        Freshness::Seconds(1) => HeaderValue::from_static("public, max-age=1"),
        Freshness::Seconds(seconds) => {
            HeaderValue::try_from(format!("public, max-age={seconds}")).map_err(ApiError::internal)?
        }
        Freshness::Immutable => HeaderValue::from_static("public, max-age=31536000, immutable"),
        Freshness::Private => HeaderValue::from_static("private, no-cache"),
    };
    fields.insert(CACHE_CONTROL, cache_control);
    let etag = HeaderValue::from_maybe_shared(body.etag.clone()).map_err(ApiError::internal)?;
    fields.insert(ETAG, etag);
    fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if has_already(headers, &body.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let bytes = match body.gzip {
        Some(gzip) if takes_gzip(headers) => {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip
        }
        _ => body.plain,
    };
    *response.body_mut() = HttpBody::from(bytes);
    Ok(response)
}

/// RFC 9110, 13.1.2: a list of validators, compared weakly, or a star.
fn has_already(headers: &HeaderMap, etag: &[u8]) -> bool {
    let listed = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/").as_bytes() == etag)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|one| {
        let (coding, quality) = one.split_once(';').unwrap_or((one, ""));
        let refused =
            quality.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        matches!(coding.trim(), "gzip" | "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn clients_say_what_they_take() {
        assert!(takes_gzip(&with(ACCEPT_ENCODING, "br, gzip;q=0.5")));
        assert!(takes_gzip(&with(ACCEPT_ENCODING, "*")));
        assert!(!takes_gzip(&with(ACCEPT_ENCODING, "gzip;q=0, br")));
        assert!(!takes_gzip(&with(ACCEPT_ENCODING, "identity")));
        assert!(has_already(&with(IF_NONE_MATCH, "\"a\", W/\"b\""), b"\"b\""));
        assert!(!has_already(&with(IF_NONE_MATCH, "\"a\""), b"\"b\""));
    }
}
