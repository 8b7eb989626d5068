//! Standing in line.

use ratatui::layout::Rect;
use tmapi::session::{SessionStatus, SessionView};

use super::pen::Pen;
use crate::layout;
use crate::measure::{index, share};
use crate::model::Model;
use crate::model::place::Place;
use crate::palette::Role;
use crate::text;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let body = layout::body(model.look.size);
    let area = Rect { x: 2, y: body.y + 1, width: body.width.saturating_sub(4), height: body.height - 1 };
    let Some(visit) = &model.visit else { return };
    let when = text::time(visit.event.starts_at, &model.look.zone);
    let venue = pen.name(&visit.event.venue.name);
    pen.text(area, 0, &pen.name(&visit.event.name), Role::Title);
    pen.text(area, 1, &format!("{when}, {venue}"), Role::Faint);
    match &visit.place {
        None => pen.text(area, 3, "asking for a place in line ...", Role::Plain),
        Some(place) => standing(model, place, area, pen),
    }
}

fn standing(model: &Model, place: &Place, area: Rect, pen: &mut Pen<'_>) {
    let session = &place.session;
    let (headline, role) = headline(model, session);
    pen.text(area, 3, &headline, role);
    if session.status != SessionStatus::Waiting {
        return;
    }
    let ahead = session.ahead.unwrap_or(0);
    if let Some(position) = session.position {
        pen.pair(area, 5, ("place", &format!("{position} of {}", session.waiting)), Role::Title);
        pen.pair(area, 6, ("ahead", &ahead.to_string()), Role::Title);
    }
    let rate = place.moved_a_minute(model.look.now);
    let rate = rate.map_or_else(|| "not known yet".to_owned(), |rate| format!("{rate} a minute"));
    pen.pair(area, 7, ("let in", &rate), Role::Plain);
    let estimate = session.estimate.map_or_else(
        || "not known yet".to_owned(),
        |estimate| match estimate.high_seconds {
            Some(high) => {
                format!("{} to {}", text::duration(estimate.low_seconds.into()), text::duration(high.into()))
            }
            None => format!("more than {}", text::duration(estimate.low_seconds.into())),
        },
    );
    pen.pair(area, 8, ("estimate", &estimate), Role::Plain);
    let most = place.samples.iter().map(|(_, ahead)| *ahead).max().unwrap_or(0).max(1);
    let width = area.width.min(60);
    let gone = u32::try_from(most.saturating_sub(ahead)).unwrap_or(u32::MAX);
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    pen.text(area, 10, &pen.paint.bar(gone, all, width), Role::Bar);
    sparkline(place, most, Rect { y: area.y + 12, height: 3, width, ..area }, pen);
    pen.text(
        area,
        16,
        "This place is kept while the program runs; v shows the seats meanwhile.",
        Role::Faint,
    );
}

fn headline(model: &Model, session: &SessionView) -> (String, Role) {
    match session.status {
        SessionStatus::Waiting if session.lobby => {
            ("In the lobby: places are drawn by lot when the sale begins".to_owned(), Role::Warn)
        }
        SessionStatus::Waiting if session.paused => ("The organiser holds the line".to_owned(), Role::Warn),
        SessionStatus::Waiting => ("In line".to_owned(), Role::Plain),
        SessionStatus::Active => {
            let left = session.expires_at.map(|at| text::countdown(text::seconds_until(model.look.now, at)));
            let left = left.map(|left| format!(", {left} left to begin an order")).unwrap_or_default();
            (format!("You are in{left}: Enter goes to the seats"), Role::Good)
        }
        SessionStatus::Ordering => ("You are in, and an order is open: Enter goes on".to_owned(), Role::Good),
        SessionStatus::Done => {
            ("Done: the order came to its end. Enter stands in line again".to_owned(), Role::Plain)
        }
        SessionStatus::Left => ("You left. Enter stands in line again".to_owned(), Role::Plain),
        SessionStatus::Abandoned => {
            ("The place lapsed: nothing was heard of you. Enter stands in line again".to_owned(), Role::Bad)
        }
        SessionStatus::Expired => {
            ("Your turn lapsed without an order. Enter stands in line again".to_owned(), Role::Bad)
        }
    }
}

/// How many were ahead, from then to now: three lines high.
fn sparkline(place: &Place, most: u64, area: Rect, pen: &mut Pen<'_>) {
    let samples: Vec<_> = place.samples.iter().map(|(_, ahead)| *ahead).collect();
    bars(&samples, most, area, pen);
}

/// A curve of numbers, the newest at its right end, as high as the area.
pub(super) fn bars(samples: &[u64], most: u64, area: Rect, pen: &mut Pen<'_>) {
    const STEPS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 9] = [' ', '.', '.', ':', ':', '|', '|', '#', '#'];
    let steps = if pen.paint.ascii { ASCII } else { STEPS };
    let newest = samples.iter().rev().take(usize::from(area.width)).rev();
    let whole = u32::try_from(most).unwrap_or(u32::MAX);
    for (column, sample) in (0..).zip(newest) {
        let part = u32::try_from(*sample).unwrap_or(u32::MAX);
        let eighths = share(part, whole, u32::from(area.height) * 8).max(u32::from(*sample > 0));
        for line in 0..area.height {
            let below = u32::from(area.height - 1 - line) * 8;
            let step = eighths.saturating_sub(below).min(8);
            let glyph = steps.get(index(step)).copied().unwrap_or(' ');
            pen.cell(area, (column, line), glyph, pen.paint.style(Role::Bar));
        }
    }
}
