//! The daemon, with the tokens that are kept for it: one method a question, for the screens and for the prompts alike.

use tmapi::availability::AvailabilityView;
use tmapi::client::{Client, ClientError, ClientOptions, SearchQuery};
use tmapi::event::EventView;
use tmapi::order::OrderView;
use tmapi::session::SessionView;
use tmapi::ticket::TicketView;
use tmcore::{EventId, OrderId, SessionId};
use tmctl::profile::Profile;

use crate::action::{EventsPage, Trouble};
use crate::host::Host;
use crate::house::House;

/// Events a page has.
const PAGE: u32 = 100;
/// How often a question is repeated where that is harmless.
const RETRIES: u32 = 4;

/// The daemon.
pub struct Office {
    pub(super) anonymous: Client,
    pub(super) profile: Profile,
    pub(super) host: Host,
}

impl Office {
    /// # Errors
    /// [`ClientError`] when the address is none.
    pub fn new(profile: Profile, host: Host) -> Result<Self, ClientError> {
        let options = ClientOptions {
            max_retries: RETRIES,
            user_agent: concat!("tmtui/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..ClientOptions::default()
        };
        let anonymous = Client::new(&profile.url, options)?;
        Ok(Self { anonymous, profile, host })
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        self.anonymous.base_url()
    }

    /// The token for an event: the one asked for, else the guest's for it, else the context's.
    pub(super) fn token(&self, event: &EventId) -> Result<Option<String>, Trouble> {
        if let Some(token) = &self.profile.explicit_token {
            return Ok(Some(token.clone()));
        }
        let state = self.profile.state()?;
        Ok(state.guest_token(event).map(str::to_owned).or_else(|| self.profile.context_token.clone()))
    }

    /// The client that speaks for the buyer of an event.
    pub fn client(&self, event: &EventId) -> Result<Client, Trouble> {
        self.client_with(self.token(event)?.as_deref())
    }

    pub(super) fn client_with(&self, token: Option<&str>) -> Result<Client, Trouble> {
        match token {
            Some(token) => Ok(self.anonymous.with_token(token)?),
            None => Ok(self.anonymous.clone()),
        }
    }

    /// The events that have these words, all without: the page that begins there, else the first.
    pub async fn events(&self, words: &str, from: Option<&str>) -> Result<EventsPage, Trouble> {
        let is_first = from.is_none();
        if words.is_empty() {
            let page = self.anonymous.events(from, Some(PAGE)).await?;
            return Ok(EventsPage { is_first, events: page.items, next: page.next_cursor });
        }
        let number: u32 = from.and_then(|from| from.parse().ok()).unwrap_or(1);
        let query = SearchQuery {
            keyword: Some(words.to_owned()),
            page_size: Some(PAGE),
            page: Some(number),
            ..SearchQuery::default()
        };
        let found = self.anonymous.search(&query).await?;
        let is_last = u64::from(number) * u64::from(PAGE) >= found.total;
        let next = (!is_last).then(|| (number + 1).to_string());
        Ok(EventsPage { is_first, events: found.items, next })
    }

    pub async fn event(&self, event: &EventId) -> Result<EventView, Trouble> {
        Ok(self.anonymous.event(event).await?)
    }

    /// The seats of an event, laid out.
    pub async fn house(&self, event: &EventId) -> Result<House, Trouble> {
        let map = self.anonymous.seat_map(event).await?;
        House::new(map).map_err(|error| Trouble::new(error.to_string()))
    }

    pub async fn availability(&self, event: &EventId) -> Result<AvailabilityView, Trouble> {
        Ok(self.anonymous.availability(event).await?)
    }

    /// Stands in line. A guest's token that the daemon does not know any more is forgotten, and a new guest made.
    pub async fn join(&self, event: &EventId) -> Result<SessionView, Trouble> {
        let token = self.token(event)?;
        let mut answer = self.client_with(token.as_deref())?.join(event).await;
        if self.is_own_guest(event)? && answer.as_ref().is_err_and(|error| error.status() == Some(401)) {
            self.keep(|state| state.forget_guest(event))?;
            answer = self.client(event)?.join(event).await;
        }
        let joined = answer?;
        self.keep(|state| {
            if let Some(token) = &joined.access_token {
                state.keep_guest(event, token.clone());
            }
            state.saw_session(joined.session.session_id, event);
        })?;
        Ok(joined.session)
    }

    /// Whether it is a guest of this host's who speaks at an event.
    pub(super) fn is_own_guest(&self, event: &EventId) -> Result<bool, Trouble> {
        let state = self.profile.state()?;
        let guest = state.guest_token(event);
        Ok(guest.is_some() && self.token(event)?.as_deref() == guest)
    }

    pub(super) fn keep(&self, change: impl FnOnce(&mut tmctl::profile::State)) -> Result<(), Trouble> {
        Ok(self.profile.update(change)?)
    }

    pub async fn leave(&self, event: &EventId, session: SessionId) -> Result<(), Trouble> {
        Ok(self.client(event)?.leave(session).await?)
    }

    pub async fn session(&self, event: &EventId, session: SessionId) -> Result<SessionView, Trouble> {
        Ok(self.client(event)?.session(session).await?)
    }

    pub async fn order(&self, event: &EventId, order: OrderId) -> Result<OrderView, Trouble> {
        Ok(self.client(event)?.order(order).await?)
    }

    /// The tickets last bought, by this program or the command line.
    pub async fn tickets(&self) -> Result<Vec<TicketView>, Trouble> {
        let state = self.profile.state()?;
        let mut tickets = Vec::new();
        for ticket in &state.last.tickets {
            let event = state.event_of(&ticket.to_string());
            let client = match event {
                Some(event) => self.client(event)?,
                None => self.anonymous.clone(),
            };
            tickets.push(client.ticket(*ticket).await?);
        }
        Ok(tickets)
    }
}
