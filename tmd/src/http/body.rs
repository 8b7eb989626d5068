//! Request bodies, read strictly: what the daemon does not understand, it refuses by name.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tmapi::ProblemCode;

use super::Api;
use super::error::{ApiError, ApiResult};

/// A JSON body of a shape, and the same as any JSON for its fingerprint.
#[derive(Debug)]
pub struct Json<T> {
    /// As the route takes it.
    pub value: T,
    /// As it came.
    pub raw: Value,
}

/// A JSON body that may be as large as a seating plan.
#[derive(Debug)]
pub struct LargeJson<T>(pub T);

/// No body, or an empty object.
#[derive(Clone, Copy, Debug)]
pub struct NoBody;

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> ApiResult<Self> {
        let bytes = read(request, api.office.config.server.max_body_bytes).await?;
        let value = parse(&bytes)?;
        let raw = parse(&bytes)?;
        Ok(Self { value, raw })
    }
}

impl<T: DeserializeOwned> FromRequest<Api> for LargeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> ApiResult<Self> {
        let bytes = read(request, api.office.config.server.max_import_bytes).await?;
        parse(&bytes).map(Self)
    }
}

impl FromRequest<Api> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> ApiResult<Self> {
        let limit = api.office.config.server.max_body_bytes;
        let bytes = collect(request.into_body(), limit).await?;
        if bytes.is_empty() {
            return Ok(Self);
        }
        match parse::<serde_json::Map<String, Value>>(&bytes)?.keys().next() {
            None => Ok(Self),
            Some(field) => Err(malformed(format!("unknown field `{field}`: this route takes no body"))),
        }
    }
}

async fn read(request: Request, limit_bytes: usize) -> ApiResult<Bytes> {
    if !is_json(request.headers()) {
        return Err(ApiError::new(ProblemCode::UnsupportedMediaType, "the body must be application/json"));
    }
    collect(request.into_body(), limit_bytes).await
}

async fn collect(body: axum::body::Body, limit_bytes: usize) -> ApiResult<Bytes> {
    to_bytes(body, limit_bytes).await.map_err(|error| {
        let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        if causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            ApiError::new(
                ProblemCode::PayloadTooLarge,
                format!("the body is larger than {limit_bytes} bytes"),
            )
        } else {
            malformed("the body was cut off".to_owned())
        }
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        malformed(if path == "." { cause.to_string() } else { format!("{path}: {cause}") })
    })?;
    reader.end().map_err(|error| malformed(error.to_string()))?;
    Ok(value)
}

/// A body that does not read; `detail` names the field.
#[must_use]
pub fn malformed(detail: String) -> ApiError {
    ApiError::new(ProblemCode::MalformedBody, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tmapi::order::SeatsAndPayment;

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<SeatsAndPayment>(&bytes);
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (body, named) in [
            (r#"{"seats":["A"],"paymentToken":"t","status":"SOLD"}"#, "status"),
            (r#"{"seats":["A"],"paymentToken":"t","price":1}"#, "price"),
            (r#"{"seats":["A"],"seats":["B"],"paymentToken":"t"}"#, "seats"),
            (r#"{"seats":"A","paymentToken":"t"}"#, "seats"),
            (r#"{"seats":["A"]}"#, "paymentToken"),
            (r#"{"seats":["A"],"paymentToken":"t"} x"#, "trailing"),
            (r#"{"seats":["A"],"paymentToken":"t""#, "EOF"),
            ("\u{feff}{}", "expected value"),
        ] {
            let error = parse::<SeatsAndPayment>(body.as_bytes()).expect_err(body);
            assert_eq!(error.code(), ProblemCode::MalformedBody);
            assert!(error.problem.detail.contains(named), "{body}: {}", error.problem.detail);
        }
        let deep = "[".repeat(100_000);
        assert!(parse::<Value>(deep.as_bytes()).is_err());
        assert!(parse::<SeatsAndPayment>(b"{\"seats\":[\"\xff\"],\"paymentToken\":\"t\"}").is_err());
    }
}
