//! Ids in paths. One that cannot be an id names nothing: 404, whatever it is.

use std::str::FromStr;

use axum::RequestPartsExt;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;
use tmapi::ProblemCode;

use super::Api;
use super::error::{ApiError, ApiResult};

/// The one id of a path.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

/// The query, strictly: an unknown or malformed parameter is refused by name.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: FromStr> FromRequestParts<Api> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> ApiResult<Self> {
        let Path(text) = parts.extract::<Path<String>>().await.map_err(|_| ApiError::not_found())?;
        text.parse().map(Self).map_err(|_| ApiError::not_found())
    }
}

impl<T: DeserializeOwned> FromRequestParts<Api> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> ApiResult<Self> {
        let query = axum::extract::Query::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::new(ProblemCode::InvalidParameter, error.body_text()))?;
        Ok(Self(query.0))
    }
}
