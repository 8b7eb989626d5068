//! One effect a key, whatever the client sends how often.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tmapi::ProblemCode;
use tmapi::order::OrderView;
use tmapi::problem::PROBLEM_JSON;
use tmcore::idempotency::{Fingerprint, IN_FLIGHT_RETRY_AFTER_SECONDS, IdempotencyKey};
use tmcore::order::OrderState;
use tmcore::{OrderId, UserId};
use tokio::sync::oneshot;

use super::Api;
use super::error::{ApiError, ApiResult, is_final};
use super::hardening::problem::RequestId;
use crate::app::Office;
use crate::app::checkout::CheckoutError;
use crate::app::idempotency::Claim;
use crate::app::record::{Claimed, Keep, KeyRef, Lease, OrderRecord, Purpose, StoredAnswer};
use crate::app::refusal::CommandRefusal;
use crate::drill::{self, Mutant};

/// Between two tries to end a claim.
const END_AGAIN_PAUSE: Duration = Duration::from_millis(200);
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a mutation is recognised by: its key, and what was asked.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// The client's key.
    pub key: IdempotencyKey,
    method: String,
    /// The request's path.
    pub path: String,
    purpose: Purpose,
    request: RequestId,
}

impl Keyed {
    /// The same for a request that asks for a whole purchase.
    #[must_use]
    pub fn for_booking(self) -> Self {
        Self { purpose: Purpose::Booking, ..self }
    }
}

impl FromRequestParts<Api> for Keyed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> ApiResult<Self> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let missing = || {
            ApiError::new(ProblemCode::IdempotencyKeyMissing, "this request needs an Idempotency-Key")
                .hint("send a fresh random key with each new intention, and the same key when you try again")
        };
        let value = values.next().ok_or_else(missing)?;
        let text = value.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default();
        let key = text.parse().map_err(|error: tmcore::idempotency::IdempotencyKeyError| {
            ApiError::new(ProblemCode::IdempotencyKeyInvalid, error.to_string())
        })?;
        let request = parts.extensions.get().cloned().unwrap_or_else(|| RequestId::of(&parts.headers));
        let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
        Ok(Self { key, method, path, purpose: Purpose::Step, request })
    }
}

/// What a record of an order is answered with: a status and a view.
#[derive(Clone, Debug)]
pub struct Done {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub view: OrderView,
    /// Whether this is the last word. What is still open is worked out again when asked again.
    pub last: bool,
}

/// How the work ends.
pub struct Ending<A> {
    /// The state that the work is for: the transaction that brings the order there keeps the answer.
    pub goal: OrderState,
    /// The answer to the order's record.
    pub answer: A,
}

/// Whether this is the first try with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is.
    Now,
    /// An earlier one was cut off; the order it came to, if it came that far.
    Before(Option<OrderId>),
}

impl Begun {
    /// The order that an earlier try came to.
    #[must_use]
    pub const fn order(self) -> Option<OrderId> {
        match self {
            Self::Now => None,
            Self::Before(order) => order,
        }
    }

    /// Whether an earlier try was cut off.
    #[must_use]
    pub const fn is_resumed(self) -> bool {
        matches!(self, Self::Before(_))
    }
}

/// Does the work once. `begun` tells it the order that an earlier try with the key came to, if that try was cut off.
///
/// From the claim on it goes on when the client hangs up: half a purchase helps nobody, nor does a key that nobody ends.
///
/// # Errors
/// The refusals of keys, and 429 when the buyer's budget is spent; those of the work are answers.
pub async fn once<A, W, F>(
    api: &Api,
    user: UserId,
    (keyed, body): (Keyed, &Value),
    ending: Ending<A>,
    work: W,
) -> ApiResult<Response>
where
    A: Fn(&OrderRecord) -> Done + Send + Sync + 'static,
    W: FnOnce(Claim, Begun) -> F + Send + 'static,
    F: Future<Output = Result<OrderRecord, CheckoutError>> + Send,
{
    let spent = api.limits.order(user)?;
    let fingerprint = Fingerprint::of(&keyed.method, &keyed.path, body);
    let key = KeyRef { user, key: keyed.key.clone() };
    let (reply, answer) = oneshot::channel();
    let office = Arc::clone(&api.office);
    api.office.lifecycle().spawn("mutation", async move {
        let (begun, lease) = match claim(&office, key.clone(), (fingerprint, keyed.purpose)).await {
            Ok(Found::Work { begun, lease }) => (begun, lease),
            Ok(Found::Answered(response)) => return drop(reply.send(Ok(response))),
            Err(error) => return drop(reply.send(Err(error))),
        };
        let (claim, answer) = keeping((key, lease.clone()), ending, &keyed);
        let record = work(claim.clone(), begun).await;
        if let Some(kept) = claim.keep.as_ref().and_then(Keep::kept) {
            return drop(reply.send(response(kept)));
        }
        let done = record.map(|record| answer(&record)).map_err(ApiError::from);
        let outcome = Outcome::of(done, &keyed.request);
        let ended = office.finish_key(lease.clone(), outcome.stored.clone()).await;
        // The client may be gone; what was done stands.
        let _ = reply.send(Ok(outcome.response));
        if let Err(error) = ended {
            tracing::warn!(%error, "failed to end the claim of a key, will try again");
            end_later(&office, lease, outcome.stored).await;
        }
    });
    let answer = answer.await.map_err(|_| ApiError::internal("the work ended without an answer"))?;
    answer.map(|mut response| {
        response.extensions_mut().insert(spent);
        response
    })
}

/// A claim whose answer is kept by the transaction that reaches the goal, and that answer. So is the refusal that comes
/// most in a rush, of taken seats; but a booking has then something to clear away before it ends.
fn keeping<A>(
    (key, lease): (KeyRef, Lease),
    Ending { goal, answer }: Ending<A>,
    keyed: &Keyed,
) -> (Claim, Arc<A>)
where
    A: Fn(&OrderRecord) -> Done + Send + Sync + 'static,
{
    let answer = Arc::new(answer);
    let at_the_goal = Arc::clone(&answer);
    let (purpose, request) = (keyed.purpose, keyed.request.clone());
    let keep = move |outcome: Result<&OrderRecord, &CommandRefusal>| match outcome {
        Ok(record) => {
            let done = (record.order.state == goal).then(|| at_the_goal(record))?;
            serde_json::to_vec(&done.view).ok().map(|body| stored(done.status, body))
        }
        Err(refusal @ CommandRefusal::SeatsTaken(_)) if purpose == Purpose::Step => {
            Some(stored_refusal(ApiError::from(refusal.clone()), &request))
        }
        Err(_) => None,
    };
    (Claim::keeping(key, lease, Arc::new(keep)), answer)
}

fn stored_refusal(error: ApiError, request: &RequestId) -> StoredAnswer {
    let mut problem = error.problem;
    request.as_str().clone_into(&mut problem.request_id);
    let body = serde_json::to_vec(&problem).unwrap_or_default().into();
    StoredAnswer { status: problem.status, body }
}

fn stored(status: StatusCode, body: Vec<u8>) -> StoredAnswer {
    StoredAnswer { status: status.as_u16(), body: body.into() }
}

/// Ends a claim that the store could not end at once, so that its key is not in flight for a whole lease after the store
/// has recovered. Tries for half of the lease: nobody else has the key by then.
async fn end_later(office: &Office, lease: Lease, stored: Option<StoredAnswer>) {
    let time = Duration::from_secs(office.config.checkout.idempotency_lease_seconds.into()) / 2;
    let attempt = || async { office.finish_key(lease.clone(), stored.clone()).await.is_ok() };
    if !office.lifecycle().try_on(END_AGAIN_PAUSE, time, attempt).await {
        tracing::warn!("failed to end the claim of a key; its lease will");
    }
}

/// What a claim leads to.
enum Found {
    /// Do the work, from where an earlier try got to.
    Work { begun: Begun, lease: Lease },
    /// It is done.
    Answered(Response),
}

async fn claim(
    office: &Office,
    key: KeyRef,
    (fingerprint, purpose): (Fingerprint, Purpose),
) -> ApiResult<Found> {
    match office.claim_key(key, fingerprint, purpose).await? {
        Claimed::Fresh(lease) => Ok(Found::Work { begun: Begun::Now, lease }),
        Claimed::Resume(_, lease) if drill::mutant(Mutant::ResumeFromScratch) => {
            Ok(Found::Work { begun: Begun::Now, lease })
        }
        Claimed::Resume(order, lease) => Ok(Found::Work { begun: Begun::Before(order), lease }),
        Claimed::Replay(answer) => replay(&answer).map(Found::Answered),
        Claimed::Reused => {
            Err(ApiError::new(ProblemCode::IdempotencyKeyReused, "this key was used with another request"))
        }
        Claimed::InFlight => Err(ApiError::new(
            ProblemCode::IdempotencyInFlight,
            "the first request with this key is in flight",
        )
        .retry_after(IN_FLIGHT_RETRY_AFTER_SECONDS)),
    }
}

/// An answer, and what of it is kept under the key.
struct Outcome {
    response: Response,
    stored: Option<StoredAnswer>,
}

impl Outcome {
    fn of(outcome: ApiResult<Done>, request: &RequestId) -> Self {
        match outcome {
            Ok(done) => match serde_json::to_vec(&done.view) {
                Ok(body) => Self::kept(stored(done.status, body), done.last),
                Err(error) => Self { response: ApiError::internal(error).into_response(), stored: None },
            },
            Err(error) if is_final(error.code()) => Self::kept(stored_refusal(error, request), true),
            Err(error) => Self { response: error.into_response(), stored: None },
        }
    }

    fn kept(answer: StoredAnswer, last: bool) -> Self {
        let response = response(&answer).unwrap_or_else(IntoResponse::into_response);
        let is_kept = last || drill::mutant(Mutant::KeptBeforeFinal);
        Self { response, stored: is_kept.then_some(answer) }
    }
}

fn replay(answer: &StoredAnswer) -> ApiResult<Response> {
    let mut response = response(answer)?;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn response(answer: &StoredAnswer) -> ApiResult<Response> {
    let status = StatusCode::from_u16(answer.status).map_err(ApiError::internal)?;
    let kind = if status.as_u16() >= 400 { PROBLEM_JSON } else { "application/json" };
    let mut response = (status, answer.body.to_vec()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}
