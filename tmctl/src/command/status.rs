//! `tmctl status`: where a place in line or an order stands.

use serde::Serialize;
use tmapi::client::Client;
use tmapi::order::OrderStatus;
use tmapi::session::{SessionStatus, SessionView};
use tmcore::{OrderId, SessionId};

use super::Outcome;
use super::order::Order;
use super::wait::estimate;
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::mutation::{client_for_order, learn};
use crate::output::{Block, Look, Show};

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl status                    of the order last begun, else of the place last taken
  tmctl status wrs_01kaz...       of a place in line
  tmctl status ord_01kaz... -o json")]
pub struct Args {
    /// An order or a place in line; left out, the last of them
    #[arg(value_name = "ORDER|SESSION")]
    id: Option<String>,
}

/// What a status is asked of.
enum Subject {
    Order(OrderId),
    Session(SessionId),
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    for subject in subjects(desk, args.id.as_deref())? {
        match subject {
            Subject::Order(order) => order_status(desk, order).await?,
            Subject::Session(session) => session_status(desk, session).await?,
        }
    }
    Ok(Exit::Ok)
}

fn subjects(desk: &Desk, id: Option<&str>) -> Result<Vec<Subject>, Failure> {
    match id {
        Some("-") => {
            let ids: Vec<argument::Word> = argument::many(desk, id)?;
            ids.iter().map(|id| subject(id.as_ref())).collect()
        }
        None | Some("@last") => {
            let last = desk.profile.state()?.last;
            if let Some(session) =
                desk.host.env("TM_SESSION").filter(|_| id.is_none() && last.order.is_none())
            {
                return Ok(vec![Subject::Session(argument::parse(session)?)]);
            }
            match (last.order, last.session) {
                (Some(order), _) => Ok(vec![Subject::Order(order)]),
                (None, Some(session)) => Ok(vec![Subject::Session(session)]),
                (None, None) => Err(Failure::usage("status of what? nothing was begun yet")
                    .hint("`tmctl events`, then `tmctl join`")),
            }
        }
        Some(id) => Ok(vec![subject(id)?]),
    }
}

fn subject(id: &str) -> Result<Subject, Failure> {
    if id.starts_with(SessionId::PREFIX) {
        argument::parse(id).map(Subject::Session)
    } else {
        argument::parse(id).map(Subject::Order)
    }
}

async fn order_status(desk: &Desk, id: OrderId) -> Result<(), Failure> {
    let order = client_for_order(desk, id)?.order(id).await.doing(&format!("show {id}"))?;
    learn(desk, &order);
    let next = match order.status {
        OrderStatus::Pending => format!("confirm {id} --best 2 --payment-token tok_ok"),
        OrderStatus::Authorized => format!("finalize {id}"),
        OrderStatus::Authorizing | OrderStatus::Capturing => "resume".to_owned(),
        OrderStatus::Finalized => format!("tickets {id}"),
        _ => format!("show {}", order.event_id),
    };
    desk.out.show(&Order(order))?;
    desk.out.next(&next);
    Ok(())
}

async fn session_status(desk: &Desk, id: SessionId) -> Result<(), Failure> {
    let view = client_for_session(desk, id)?.session(id).await.doing(&format!("show {id}"))?;
    desk.remember(|state| state.saw_session(id, &view.event_id));
    let next = match view.status {
        SessionStatus::Waiting => format!("wait {id}"),
        SessionStatus::Active => format!("order {}", view.event_id),
        SessionStatus::Ordering => "status".to_owned(),
        _ => format!("join {}", view.event_id),
    };
    desk.out.show(&Session { view, access_token: None })?;
    desk.out.next(&next);
    Ok(())
}

/// The client for a place in line that was spoken of before.
pub fn client_for_session(desk: &Desk, session: SessionId) -> Result<Client, Failure> {
    let event = desk.profile.state()?.event_of(&session.to_string()).cloned();
    desk.client_for(event.as_ref())
}

/// A place in line, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    #[serde(flatten)]
    pub view: SessionView,
    /// Only right after a join that made a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
}

impl Show for Session {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let view = &self.view;
        let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let mut fields = vec![
            ("session", view.session_id.to_string()),
            ("event", view.event_id.to_string()),
            ("status", said(view).to_owned()),
            ("place", number(view.position)),
            ("ahead", number(view.ahead)),
            ("waiting", view.waiting.to_string()),
            ("estimate", view.estimate.map(estimate).unwrap_or_default()),
            ("joined", look.time(view.joined_at)),
            ("order until", view.expires_at.map(|at| look.deadline(at)).unwrap_or_default()),
            ("order", view.order_id.map(|order| order.to_string()).unwrap_or_default()),
        ];
        fields.retain(|(_, value)| !value.is_empty());
        vec![Block::Fields(fields)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.view.session_id.to_string()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_SESSION", self.view.session_id.to_string())]
    }
}

const fn said(view: &SessionView) -> &'static str {
    match view.status {
        SessionStatus::Waiting if view.lobby => "waiting in the lobby",
        SessionStatus::Waiting if view.paused => "waiting, held by the organiser",
        SessionStatus::Waiting => "waiting",
        SessionStatus::Active => "active",
        SessionStatus::Ordering => "ordering",
        SessionStatus::Done => "done",
        SessionStatus::Left => "left",
        SessionStatus::Abandoned => "abandoned",
        SessionStatus::Expired => "expired",
    }
}
