//! Whose request it is. A credential that does not verify is refused even where none is needed.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use tmapi::ProblemCode;
use tmcore::UserId;

use super::Api;
use super::error::{ApiError, ApiResult};
use crate::app::access::Principal;

/// A buyer with a token.
#[derive(Clone, Copy, Debug)]
pub struct Buyer(pub UserId);

/// A buyer with a token, or nobody in particular yet.
#[derive(Clone, Copy, Debug)]
pub struct Anybody(pub Option<UserId>);

/// Who runs the sale.
#[derive(Clone, Copy, Debug)]
pub struct Organiser;

impl Organiser {
    /// Whose keys an organiser's are: no buyer is named so.
    #[must_use]
    pub const fn principal(self) -> UserId {
        UserId::from_uuid(uuid::Uuid::nil())
    }
}

impl FromRequestParts<Api> for Buyer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> ApiResult<Self> {
        match principal(parts, api)? {
            Some(Principal::User(user)) => Ok(Self(user)),
            Some(Principal::Organiser) => Err(forbidden("the organiser's token does not buy")),
            None => Err(unauthenticated("an access token is needed")),
        }
    }
}

impl FromRequestParts<Api> for Anybody {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> ApiResult<Self> {
        match principal(parts, api)? {
            Some(Principal::User(user)) => Ok(Self(Some(user))),
            Some(Principal::Organiser) => Err(forbidden("the organiser's token does not buy")),
            None => Ok(Self(None)),
        }
    }
}

impl FromRequestParts<Api> for Organiser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> ApiResult<Self> {
        match principal(parts, api)? {
            Some(Principal::Organiser) => Ok(Self),
            Some(Principal::User(_)) => Err(forbidden("only the organiser may do this")),
            None => Err(unauthenticated("the organiser's token is needed")),
        }
    }
}

fn principal(parts: &Parts, api: &Api) -> ApiResult<Option<Principal>> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(header) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(unauthenticated("more than one Authorization: whose request is it?"));
    }
    let text = header.to_str().unwrap_or_default();
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        return Err(unauthenticated("expected Authorization: Bearer <access token>"));
    };
    match api.office.access.check(token.trim()) {
        Ok(principal) => Ok(Some(principal)),
        Err(error) => Err(unauthenticated(&error.to_string())),
    }
}

fn unauthenticated(detail: &str) -> ApiError {
    ApiError::new(ProblemCode::Unauthenticated, detail).hint(
        "a join or an order without a credential answers an accessToken; send it as Authorization: Bearer",
    )
}

fn forbidden(detail: &str) -> ApiError {
    ApiError::new(ProblemCode::Forbidden, detail)
}
