//! The whole house: from section to section.

use tmcore::seating::Point;

use super::{checkout, events, inside, line, pick};
use crate::action::Command;
use crate::house::House;
use crate::keymap::Intent;
use crate::model::{Model, Screen};

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    match intent {
        Intent::Back => {
            model.screen = Screen::Events;
            return Vec::new();
        }
        Intent::Join => return events::join(model),
        Intent::Leave => return line::ask_to_leave(model),
        Intent::Checkout => return checkout::open(model),
        Intent::Best | Intent::Undo | Intent::Filter | Intent::Party(_) => return pick::on(model, intent),
        _ => {}
    }
    let size = model.look.size;
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let (Some(house), walk) = (&visit.house, &mut visit.walk) else { return Vec::new() };
    match intent {
        Intent::Up | Intent::Down | Intent::Left | Intent::Right => {
            if let Some(block) = beside(house, walk.block, intent) {
                walk.enter(house, block, size);
            }
        }
        Intent::NextSection | Intent::PreviousSection => {
            inside::step(visit, size, intent == Intent::NextSection);
        }
        Intent::First | Intent::Last | Intent::PageUp | Intent::PageDown => {
            inside::jump(visit, size, intent);
        }
        Intent::Sort => walk.order = walk.order.next(),
        Intent::Enter | Intent::ZoomIn => {
            walk.enter(house, walk.block, size);
            model.screen = Screen::Section;
        }
        _ => {}
    }
    Vec::new()
}

/// The nearest section in a direction: as far as it is, and twice as far as it is beside the way.
fn beside(house: &House, block: usize, direction: Intent) -> Option<usize> {
    let middle = |block: usize| house.blocks.get(block).map(|block| block.shape.bounds.middle());
    let here = middle(block)?;
    let cost = |there: Point| {
        let (dx, dy) = (i64::from(there.x) - i64::from(here.x), i64::from(there.y) - i64::from(here.y));
        let (along, across) = match direction {
            Intent::Up => (-dy, dx.abs()),
            Intent::Down => (dy, dx.abs()),
            Intent::Left => (-dx, dy.abs()),
            _ => (dx, dy.abs()),
        };
        (along > 0 && across <= along * 3).then_some(along + across * 2)
    };
    let others = (0..house.blocks.len()).filter(|other| *other != block);
    others.filter_map(|other| Some((cost(middle(other)?)?, other))).min().map(|(_, other)| other)
}
