//! What the network told.

use std::sync::Arc;

use tmapi::ProblemCode;
use tmapi::client::SeatGap;
use tmapi::event::SaleStatus;
use tmapi::order::{OrderStatus, OrderView};
use tmapi::session::{SessionStatus, SessionView};
use tmcore::{EventId, Timestamp};

use super::{checkout, events, pick};
use crate::action::{Command, Fetch, Follow, News, PlaceNews, SeatNews, Trouble, Wire};
use crate::house::House;
use crate::model::catalogue::Loading;
use crate::model::over::Mood;
use crate::model::place::Place;
use crate::model::stock::Stock;
use crate::model::visit::{Link, Visit};
use crate::model::{Model, Screen};

pub(super) fn told(model: &mut Model, news: News) -> Vec<Command> {
    match news {
        // Somebody looks for other words by now.
        News::Events(words, _) if words != model.catalogue.asked.words => Vec::new(),
        News::Events(_, Ok(page)) => {
            model.catalogue.hear(page);
            Vec::new()
        }
        News::Events(_, Err(trouble)) => {
            model.catalogue.state = Loading::Failed(trouble.text);
            Vec::new()
        }
        News::Event(id, answer) => event(model, &id, answer),
        News::House(id, answer) => house(model, &id, answer),
        News::Seats(id, news) => seats(model, &id, news),
        News::Place(id, news) => place(model, &id, news),
        News::Begun(id, order) => {
            if at(model, &id).is_some() {
                checkout::begun(model, *order);
            }
            Vec::new()
        }
        News::Order(id, answer) => {
            if at(model, &id).is_some() {
                checkout::answered(model, answer)
            } else {
                Vec::new()
            }
        }
        News::OrderSeen(id, answer) => {
            if at(model, &id).is_some() {
                checkout::seen(model, answer)
            } else {
                Vec::new()
            }
        }
        News::CutOff(0) => Vec::new(),
        News::CutOff(count) => {
            let text = format!("cut off the last time: {count}, which :resume finishes");
            model.say(Mood::Warn, text);
            Vec::new()
        }
        News::Resumed(answer) => resumed(model, answer),
        News::Tickets(answer) => {
            match answer {
                Ok(tickets) => model.tickets.all = tickets,
                Err(trouble) => complain(model, trouble),
            }
            Vec::new()
        }
        News::Sale(id, answer) => sale(model, &id, answer),
        News::SaleChanged(id, answer) => sale_changed(model, id, answer),
        News::Saved(answer) => {
            match answer {
                Ok(name) => model.say(Mood::Good, format!("saved as {name}")),
                Err(trouble) => complain(model, trouble),
            }
            Vec::new()
        }
    }
}

fn complain(model: &mut Model, trouble: Trouble) {
    let hint = trouble.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    let text = model.name(&format!("{}{hint}", trouble.text));
    model.say(Mood::Bad, text);
}

/// The visit to an event, if one is there still.
fn at<'m>(model: &'m mut Model, event: &EventId) -> Option<&'m mut Visit> {
    model.visit.as_mut().filter(|visit| visit.event.event_id == *event)
}

fn event(
    model: &mut Model,
    id: &EventId,
    answer: Result<Box<tmapi::event::EventView>, Trouble>,
) -> Vec<Command> {
    let is_wanted = model.catalogue.wanted.take_if(|wanted| wanted == id).is_some();
    let view = match answer {
        Ok(view) => view,
        Err(trouble) => {
            // Asked in passing: that the daemon does not answer is told by the streams.
            if is_wanted {
                complain(model, trouble);
            }
            return Vec::new();
        }
    };
    if is_wanted {
        return events::enter(model, view.summary, false);
    }
    let Some(visit) = at(model, id) else { return Vec::new() };
    let was = visit.event.sale_status;
    let is = view.summary.sale_status;
    visit.event = view.summary;
    visit.basket.limit = Some(view.settings.seats_per_order);
    let said = match is {
        SaleStatus::Closed => "the sale is over: what is held can still be paid",
        SaleStatus::Paused => "the organiser holds the sale",
        SaleStatus::Open => "the sale goes on",
        SaleStatus::Scheduled => return Vec::new(),
    };
    if was == is {
        return Vec::new();
    }
    model.say(Mood::Warn, said);
    vec![Command::Bell]
}

/// What was cut off is finished: the orders say how.
fn resumed(model: &mut Model, answer: Result<Vec<OrderView>, Trouble>) -> Vec<Command> {
    let orders = match answer {
        Ok(orders) => orders,
        Err(trouble) => {
            complain(model, trouble);
            return Vec::new();
        }
    };
    if orders.is_empty() {
        model.say(Mood::Plain, "nothing was cut off");
    }
    let mut commands = Vec::new();
    for order in orders {
        let status = format!("{:?}", order.status).to_uppercase();
        model.say(Mood::Good, format!("{} is {status}", order.order_id));
        if order.status == OrderStatus::Finalized {
            commands.push(Command::Fetch(Fetch::Tickets));
        }
        if at(model, &order.event_id.clone()).is_some() {
            commands.extend(checkout::seen(model, Ok(Box::new(order))));
        }
    }
    commands
}

fn house(model: &mut Model, event: &EventId, answer: Result<Arc<House>, Trouble>) -> Vec<Command> {
    let size = model.look.size;
    let Some(visit) = at(model, event) else { return Vec::new() };
    match answer {
        Ok(house) => {
            visit.walk.survey(&house, size);
            visit.house = Some(house);
            // What the stream told before the house was known was of no use.
            return vec![Command::Fetch(Fetch::Availability(event.clone()))];
        }
        Err(trouble) => complain(model, trouble),
    }
    Vec::new()
}

fn seats(model: &mut Model, event: &EventId, news: SeatNews) -> Vec<Command> {
    let now = model.look.now;
    let Some(visit) = at(model, event) else { return Vec::new() };
    let fits = match news {
        SeatNews::Wire(wire) => {
            visit.live.link = linked(&visit.live.link, wire, now);
            return Vec::new();
        }
        SeatNews::Failed(trouble) => {
            complain(model, trouble);
            return Vec::new();
        }
        SeatNews::Snapshot(view) => visit.house.as_ref().map_or(Ok(()), |house| {
            visit.live.stock = Some(Stock::new(house, &view)?);
            Ok(())
        }),
        SeatNews::Delta(delta) => match (&visit.house, &mut visit.live.stock) {
            (Some(house), Some(stock)) => stock.apply(house, &delta),
            _ => Ok(()),
        },
    };
    pick::notice_losses(model);
    match fits {
        Ok(()) => Vec::new(),
        Err(SeatGap) => vec![Command::Fetch(Fetch::Availability(event.clone()))],
    }
}

fn linked(was: &Link, wire: Wire, now: Timestamp) -> Link {
    match wire {
        Wire::Live => Link::Live,
        Wire::Stale(_) if matches!(was, Link::Stale(_)) => was.clone(),
        Wire::Stale(silent_for) => {
            let silent_for = i64::try_from(silent_for.as_millis()).unwrap_or(i64::MAX);
            Link::Stale(Timestamp::from_millis(now.as_millis().saturating_sub(silent_for)))
        }
        Wire::Reconnecting(after) => {
            let seconds = u32::try_from(after.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
            Link::Reconnecting(now.plus_seconds(seconds))
        }
        Wire::Lost(why) => Link::Lost(why),
    }
}

fn place(model: &mut Model, event: &EventId, news: PlaceNews) -> Vec<Command> {
    let now = model.look.now;
    let Some(visit) = at(model, event) else { return Vec::new() };
    match news {
        PlaceNews::Now(session) => return heard(model, event, *session),
        PlaceNews::Wire(wire) => {
            if let Some(place) = &mut visit.place {
                place.link = linked(&place.link, wire, now);
            }
        }
        PlaceNews::Refused(trouble) => {
            if visit.place.is_none() && model.screen == Screen::Line {
                model.screen = Screen::Venue;
            }
            complain(model, trouble);
        }
        PlaceNews::Left(Ok(())) => {
            visit.place = None;
            model.screen = Screen::Events;
            model.say(Mood::Plain, "you left the line");
        }
        // It is nobody's, or somebody else's, any more: there is nothing to give up.
        PlaceNews::Left(Err(trouble))
            if matches!(trouble.code, Some(ProblemCode::NotFound | ProblemCode::Unauthenticated)) =>
        {
            visit.place = None;
            complain(model, trouble);
        }
        PlaceNews::Left(Err(trouble)) => complain(model, trouble),
    }
    Vec::new()
}

fn heard(model: &mut Model, event: &EventId, session: SessionView) -> Vec<Command> {
    let now = model.look.now;
    let Some(visit) = at(model, event) else { return Vec::new() };
    let status = session.status;
    let id = session.session_id;
    let mut commands = Vec::new();
    let is_let_in = match &mut visit.place {
        Some(place) if place.session.session_id == id && !matches!(place.link, Link::Lost(_)) => {
            place.hear(session, now)
        }
        _ => {
            visit.place = Some(Place::new(session, now));
            if !status.is_terminal() {
                commands.push(Command::Follow(Follow::Place(event.clone(), id)));
            }
            status == SessionStatus::Active
        }
    };
    if is_let_in {
        commands.push(Command::Bell);
        model.say(Mood::Good, "you are in: pick your seats");
        if model.screen == Screen::Line {
            model.screen = Screen::Venue;
        }
    }
    let over = match status {
        SessionStatus::Abandoned => {
            Some("your place lapsed: nothing was heard of you for too long. J stands in line again")
        }
        SessionStatus::Expired => {
            Some("your turn lapsed: no order was begun in time. J stands in line again")
        }
        _ => None,
    };
    if let Some(over) = over {
        model.say(Mood::Bad, over);
        commands.push(Command::Bell);
    }
    commands
}

fn sale(
    model: &mut Model,
    event: &EventId,
    answer: Result<Box<tmapi::sale::SaleView>, Trouble>,
) -> Vec<Command> {
    let console = model.console.as_mut().filter(|console| console.event == *event);
    match (console, answer) {
        (Some(console), Ok(sale)) => console.hear(*sale),
        (Some(console), Err(trouble)) => {
            console.failures += 1;
            let hint = trouble.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            console.trouble = Some(format!("{}{hint}", trouble.text));
        }
        (None, _) => {}
    }
    Vec::new()
}

fn sale_changed(
    model: &mut Model,
    event: EventId,
    answer: Result<Box<tmapi::event::EventView>, Trouble>,
) -> Vec<Command> {
    match answer {
        Ok(view) => {
            let status = format!("{:?}", view.summary.sale_status).to_lowercase();
            model.say(
                Mood::Good,
                format!("done: the sale is {status}, {} may be inside", view.settings.capacity),
            );
        }
        Err(trouble) => {
            if let Some(console) = &mut model.console {
                console.failures += 1;
            }
            complain(model, trouble);
        }
    }
    vec![Command::Fetch(Fetch::Sale(event))]
}
