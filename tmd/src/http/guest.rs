//! Buyers without a credential: each becomes a guest, and is told the token that makes them the same one again.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tmcore::UserId;

use super::Api;
use super::error::{ApiError, ApiResult};
use super::idempotency::Keyed;

/// The buyer, or a new guest with a token.
///
/// # Errors
/// When no token can be made, which is a fault of ours.
pub fn known_or_new(api: &Api, user: Option<UserId>) -> ApiResult<(UserId, Option<String>)> {
    match user {
        Some(user) => Ok((user, None)),
        None => with_token(api, UserId::from_uuid(api.office.world().entropy.uuid_v7())),
    }
}

/// The buyer, or the guest of this request, with a token: who sends the same request under the same key is the same
/// guest, so that trying again never orders or pays twice. The name is a keyed hash, so nobody can find a guest without
/// knowing the key and all that was asked.
///
/// # Errors
/// When no token can be made, which is a fault of ours.
pub fn known_or_named(
    api: &Api,
    user: Option<UserId>,
    keyed: &Keyed,
    body: &Value,
) -> ApiResult<(UserId, Option<String>)> {
    if let Some(user) = user {
        return Ok((user, None));
    }
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(api.guest_key.as_slice()).map_err(ApiError::internal)?;
    for part in [keyed.path.as_str(), keyed.key.as_str(), &body.to_string()] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let hash = mac.finalize().into_bytes();
    let bytes: [u8; 16] = hash[..16].try_into().map_err(ApiError::internal)?;
    with_token(api, UserId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
}

fn with_token(api: &Api, user: UserId) -> ApiResult<(UserId, Option<String>)> {
    let token =
        api.office.access.welcome(user, api.office.world().clock.now()).map_err(ApiError::internal)?;
    Ok((user, Some(token)))
}
