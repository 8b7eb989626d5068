//! Who is who: access tokens of buyers, and the organiser's.
//!
//! A buyer's token is a PASETO v4.public (source: <https://github.com/paseto-standard/paseto-spec>): signed, not
//! secret, so any process of the office can check it. The organiser's is a random text in the data folder.

use std::time::Duration;

use moka::sync::Cache;
use pasetors::claims::{Claims, ClaimsValidationRules};
use pasetors::keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey};
use pasetors::token::UntrustedToken;
use pasetors::version4::V4;
use pasetors::{Public, public};
use subtle::ConstantTimeEq;
use tmcore::webhook::{MessageHead, NotBelieved, WebhookSecret};
use tmcore::{Timestamp, UserId};

/// How long a token is good.
const TOKEN_TTL_SECONDS: u32 = 7 * 86_400;
/// A token is good from this long before it was issued: a clock that is set back locks nobody out.
const CLOCK_LEEWAY_SECONDS: u32 = 86_400;
/// How long a checked token is remembered: checking a signature costs more than the rest of a poll.
const REMEMBER: Duration = Duration::from_secs(60);
const REMEMBER_TOKENS: u64 = 100_000;

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A buyer.
    User(UserId),
    /// Who runs the sale.
    Organiser,
}

/// A credential that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access token is malformed, forged or expired")]
pub struct BadCredential;

/// The office's keys could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the office's signing key is malformed: {0}")]
pub struct BadKey(String);

/// Issues and checks credentials.
#[derive(Debug)]
pub struct Access {
    keys: AsymmetricKeyPair<V4>,
    organiser: String,
    provider: WebhookSecret,
    known: Cache<String, UserId>,
}

impl Access {
    /// With the Ed25519 key pair (64 bytes: seed and public key), the organiser's token, and the secret that the payment
    /// provider signs its callbacks with.
    ///
    /// # Errors
    /// [`BadKey`] when the bytes are no key pair.
    pub fn new(key_pair: &[u8; 64], organiser: String, provider: WebhookSecret) -> Result<Self, BadKey> {
        let secret = AsymmetricSecretKey::<V4>::from(key_pair).map_err(|error| BadKey(error.to_string()))?;
        let public =
            AsymmetricPublicKey::<V4>::try_from(&secret).map_err(|error| BadKey(error.to_string()))?;
        let known = Cache::builder().max_capacity(REMEMBER_TOKENS).time_to_live(REMEMBER).build();
        Ok(Self { keys: AsymmetricKeyPair { secret, public }, organiser, provider, known })
    }

    /// A token for a buyer, good for a week from `now`.
    ///
    /// # Errors
    /// [`BadKey`] when signing fails, which it does not with a good key.
    pub fn issue(&self, user: UserId, now: Timestamp) -> Result<String, BadKey> {
        let bad = |error: pasetors::errors::Error| BadKey(error.to_string());
        let mut claims = Claims::new().map_err(bad)?;
        claims.subject(&user.to_string()).map_err(bad)?;
        let since = Timestamp::from_millis(now.as_millis() - i64::from(CLOCK_LEEWAY_SECONDS) * 1_000);
        claims.issued_at(&since.to_string()).map_err(bad)?;
        claims.not_before(&since.to_string()).map_err(bad)?;
        claims.expiration(&now.plus_seconds(TOKEN_TTL_SECONDS).to_string()).map_err(bad)?;
        public::sign(&self.keys.secret, &claims, None, None).map_err(bad)
    }

    /// A token for a buyer who will show it at once: it is known already.
    ///
    /// # Errors
    /// As [`Access::issue`].
    pub fn welcome(&self, user: UserId, now: Timestamp) -> Result<String, BadKey> {
        let token = self.issue(user, now)?;
        self.known.insert(token.clone(), user);
        Ok(token)
    }

    /// Whose the credential is.
    ///
    /// # Errors
    /// [`BadCredential`] for anything the office did not issue or that has expired.
    pub fn check(&self, credential: &str) -> Result<Principal, BadCredential> {
        if bool::from(credential.as_bytes().ct_eq(self.organiser.as_bytes())) {
            return Ok(Principal::Organiser);
        }
        if let Some(user) = self.known.get(credential) {
            return Ok(Principal::User(user));
        }
        let user = self.verify(credential).ok_or(BadCredential)?;
        self.known.insert(credential.to_owned(), user);
        Ok(Principal::User(user))
    }

    /// Whether a callback is the payment provider's, and of now.
    ///
    /// # Errors
    /// [`NotBelieved`].
    pub fn check_callback(
        &self,
        head: MessageHead<'_>,
        signatures: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), NotBelieved> {
        self.provider.verify(head, signatures, body, now)
    }

    fn verify(&self, credential: &str) -> Option<UserId> {
        let untrusted = UntrustedToken::<Public, V4>::try_from(credential).ok()?;
        let rules = ClaimsValidationRules::new();
        let trusted = public::verify(&self.keys.public, &untrusted, &rules, None, None).ok()?;
        trusted.payload_claims()?.get_claim("sub")?.as_str()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use pasetors::keys::Generate;

    use super::*;

    fn access() -> Access {
        let keys = AsymmetricKeyPair::<V4>::generate().expect("a key pair");
        let bytes = keys.secret.as_bytes().try_into().expect("64 bytes");
        Access::new(bytes, "org_secret".to_owned(), WebhookSecret::from_bytes(&[1; 32])).expect("good keys")
    }

    fn user() -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(7))
    }

    #[test]
    fn a_token_names_its_buyer_and_every_changed_bit_is_refused() {
        let access = access();
        let now = crate::clock::Clock::now(&crate::clock::SystemClock::new());
        let token = access.issue(user(), now).expect("a token");
        assert_eq!(access.check(&token), Ok(Principal::User(user())));
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            // The last character of base64 carries bits that decode to nothing.
            if place + 1 < token.len() {
                assert!(access.check(&changed).is_err(), "bit {place}");
            }
        }
    }

    #[test]
    fn whoever_is_welcomed_is_known_and_nobody_else() {
        let access = access();
        let now = crate::clock::Clock::now(&crate::clock::SystemClock::new());
        let token = access.welcome(user(), now).expect("a token");
        assert_eq!(access.check(&token), Ok(Principal::User(user())));
        assert_eq!(access.verify(&token), Some(user()));
        assert_eq!(access.check(&token[1..]), Err(BadCredential));
    }

    #[test]
    fn an_expired_or_foreign_token_is_refused() {
        let access = access();
        let long_ago = Timestamp::from_millis(1_000_000);
        let expired = access.issue(user(), long_ago).expect("a token");
        assert_eq!(access.check(&expired), Err(BadCredential));
        let now = crate::clock::Clock::now(&crate::clock::SystemClock::new());
        let foreign = self::access().issue(user(), now).expect("a token");
        assert_eq!(access.check(&foreign), Err(BadCredential));
        assert_eq!(access.check("org_secret"), Ok(Principal::Organiser));
        assert_eq!(access.check("org_secreT"), Err(BadCredential));
    }
}
