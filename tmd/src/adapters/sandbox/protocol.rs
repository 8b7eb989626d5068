//! What the sandbox's process and its client say to each other: JSON in camelCase.

use serde::{Deserialize, Serialize, Serializer};
use tmcore::payment::{PaymentToken, ProviderKey, ProviderReference};
use tmcore::{Money, OrderId};

use crate::ports::gateway::{ProviderOperation, ProviderRecord, ProviderRequest};

/// The body of `POST /v1/operations`. It holds the token in clear, so it is written to the wire and nowhere else.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SubmitBody {
    key: ProviderKey,
    order: OrderId,
    operation: OperationBody,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
enum OperationBody {
    Authorize {
        #[serde(serialize_with = "expose")]
        token: PaymentToken,
        amount: Money,
    },
    Capture {
        authorization: ProviderReference,
        amount: Money,
    },
    Void {
        authorization: ProviderReference,
    },
    Refund {
        authorization: ProviderReference,
        amount: Money,
    },
}

fn expose<S: Serializer>(token: &PaymentToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

/// The answer to a look-up and to a cancellation. `record: null` is a statement: a body without it does not read, so
/// that no stray `{}` or 404 is ever taken for "not seen".
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyBody {
    pub(crate) key: ProviderKey,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) record: Option<ProviderRecord>,
}

/// The answer to `GET /v1/operations`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageBody {
    pub(crate) records: Vec<ProviderRecord>,
}

/// Which page of the log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PageQuery {
    pub(crate) after: u64,
    pub(crate) limit: u32,
}

impl From<&ProviderRequest> for SubmitBody {
    fn from(request: &ProviderRequest) -> Self {
        let operation = match request.operation.clone() {
            ProviderOperation::Authorize { token, amount } => OperationBody::Authorize { token, amount },
            ProviderOperation::Capture { authorization, amount } => {
                OperationBody::Capture { authorization, amount }
            }
            ProviderOperation::Void { authorization } => OperationBody::Void { authorization },
            ProviderOperation::Refund { authorization, amount } => {
                OperationBody::Refund { authorization, amount }
            }
        };
        Self { key: request.key, order: request.order, operation }
    }
}

impl From<SubmitBody> for ProviderRequest {
    fn from(body: SubmitBody) -> Self {
        let operation = match body.operation {
            OperationBody::Authorize { token, amount } => ProviderOperation::Authorize { token, amount },
            OperationBody::Capture { authorization, amount } => {
                ProviderOperation::Capture { authorization, amount }
            }
            OperationBody::Void { authorization } => ProviderOperation::Void { authorization },
            OperationBody::Refund { authorization, amount } => {
                ProviderOperation::Refund { authorization, amount }
            }
        };
        Self { key: body.key, order: body.order, operation }
    }
}
