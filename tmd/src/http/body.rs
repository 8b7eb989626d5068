//! Request bodies, read strictly: what the daemon does not understand, it refuses by name.

mod distinct;

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
use distinct::Distinct;

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
        let raw = parse(&bytes)?;
        Ok(Self { value: shaped(raw.clone())?, raw })
    }
}

impl<T: DeserializeOwned> FromRequest<Api> for LargeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> ApiResult<Self> {
        let bytes = read(request, api.office.config.server.max_import_bytes).await?;
        shaped(parse(&bytes)?).map(Self)
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
        let body: serde_json::Map<String, Value> = shaped(parse(&bytes)?)?;
        match body.keys().next() {
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

/// A whole body.
///
/// # Errors
/// 413 when it is larger than `limit_bytes`, 400 when it is cut off.
pub async fn collect(body: axum::body::Body, limit_bytes: usize) -> ApiResult<Bytes> {
    to_bytes(body, limit_bytes).await.map_err(|error| {
        let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        if causes.any(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
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

/// JSON, whole and nothing after it, no field named twice.
///
/// # Errors
/// 400 that says where.
pub fn parse(bytes: &[u8]) -> ApiResult<Value> {
    serde_json::from_slice(bytes).map(|Distinct(value)| value).map_err(|error| malformed(error.to_string()))
}

/// The body in the shape that the route takes.
///
/// # Errors
/// 400 that names the field, and does not repeat its value.
pub fn shaped<T: DeserializeOwned>(body: Value) -> ApiResult<T> {
    // A list would do for an object whose fields it has in order.
    if !body.is_object() {
        return Err(malformed("the body must be an object".to_owned()));
    }
    serde_path_to_error::deserialize(body).map_err(|error| {
        let path = error.path().to_string();
        let cause = without_value(&error.into_inner().to_string());
        malformed(if path == "." { cause } else { format!("{path}: {cause}") })
    })
}

/// The text of an error without the value that it is about: that may be a card.
fn without_value(error: &str) -> String {
    let shortened =
        error.split_once(": ").zip(error.rsplit_once(", expected ")).map(|((kind, found), (_, wanted))| {
            let found = found.split(['`', '"', ',']).next().unwrap_or_default().trim_end();
            format!("{kind}: {found}, expected {wanted}")
        });
    shortened.filter(|_| error.starts_with("invalid ")).unwrap_or_else(|| error.to_owned())
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
            let _ = parse(&bytes).and_then(shaped::<SeatsAndPayment>);
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
            (r#"[["A"],"t"]"#, "object"),
        ] {
            let error = parse(body.as_bytes()).and_then(shaped::<SeatsAndPayment>).expect_err(body);
            assert_eq!(error.code(), ProblemCode::MalformedBody);
            assert!(error.problem.detail.contains(named), "{body}: {}", error.problem.detail);
        }
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err());
        assert!(parse(b"{\"seats\":[\"\xff\"],\"paymentToken\":\"t\"}").is_err());
    }
    #[test]
    fn a_value_that_does_not_fit_is_not_repeated() {
        for (body, said) in [
            (
                r#"{"seats":["A"],"paymentToken":4242424242424242}"#,
                "paymentToken: invalid type: integer, expected a string",
            ),
            (
                r#"{"seats":"tok_4242, expected 4242","paymentToken":"t"}"#,
                "seats: invalid type: string, expected a sequence",
            ),
            (
                r#"{"seats":[["tok_4242"]],"paymentToken":"t"}"#,
                "seats[0]: invalid type: sequence, expected a string",
            ),
        ] {
            let error = parse(body.as_bytes()).and_then(shaped::<SeatsAndPayment>).expect_err(body);
            assert_eq!(error.problem.detail, said);
        }
    }
}
