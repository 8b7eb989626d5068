//! Choosing seats by words: sections, rows, and seats by their ids, or the best there are.

use tmapi::client::SeatState;
use tmcore::seating::Wish;
use tmcore::{EventId, SeatId};

use super::ask::{Answer, ask, say};
use crate::action::Trouble;
use crate::house::House;
use crate::model::stock::Stock;
use crate::net::Office;
use crate::text::escape;

/// A house and its seats, as of the last time somebody asked.
pub struct Room {
    pub house: House,
    event: EventId,
    stock: Stock,
}

impl Room {
    pub async fn enter(office: &Office, event: &EventId) -> Result<Self, Trouble> {
        let house = office.house(event).await?;
        let stock = stock(office, event, &house).await?;
        Ok(Self { house, event: event.clone(), stock })
    }

    pub async fn refresh(&mut self, office: &Office) -> Result<(), Trouble> {
        self.stock = stock(office, &self.event, &self.house).await?;
        Ok(())
    }

    pub fn tell_sections(&self) -> anyhow::Result<()> {
        for (number, section) in (1..).zip(&self.house.plan.sections) {
            let block = number - 1;
            let free = self.stock.block(block, None).free;
            let level =
                self.stock.cheapest(&self.house, block).and_then(|level| self.house.levels.get(level));
            let price = level.map(|level| format!(", from {}", level.price)).unwrap_or_default();
            say(&format!("{number}. {}: {free} free{price}.", escape(&section.name)))?;
        }
        Ok(())
    }

    /// Seats somebody wants; nothing when they had enough.
    pub async fn choose(&self) -> anyhow::Result<Option<Vec<usize>>> {
        self.tell_sections()?;
        loop {
            let Answer::Text(answer) = ask("Section number, `best N`, seat ids, or q: ").await? else {
                return Ok(None);
            };
            if let Ok(number) = answer.parse::<usize>() {
                self.tell_rows(number)?;
                continue;
            }
            let seats = match answer.strip_prefix("best") {
                Some(count) => self.best(count.trim()),
                None => self.by_id(&answer),
            };
            match seats {
                Ok(seats) if !seats.is_empty() => return Ok(Some(seats)),
                Ok(_) => {}
                Err(why) => say(&why)?,
            }
        }
    }

    fn tell_rows(&self, number: usize) -> anyhow::Result<()> {
        let block =
            number.checked_sub(1).and_then(|block| Some((block, self.house.plan.sections.get(block)?)));
        let Some((block, section)) = block else { return say("There is no such section.") };
        let rows = self.house.blocks.get(block).map(|block| block.shape.rows.as_slice()).unwrap_or_default();
        for (row, seats) in section.rows.iter().zip(rows) {
            let free = seats.clone().filter(|seat| self.stock.is_free(*seat));
            let ids: Vec<_> = free.filter_map(|seat| self.house.seat_id(seat)).map(SeatId::as_str).collect();
            if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
                let text = format!("Row {}: {} free, {first} to {last}.", row.label, ids.len());
                say(&escape(&text))?;
            }
        }
        Ok(())
    }

    fn best(&self, count: &str) -> Result<Vec<usize>, String> {
        let count = if count.is_empty() { Ok(2) } else { count.parse() };
        let count = count.map_err(|_| "Expected a number after best.".to_owned())?;
        let wish = Wish { count, ..Wish::default() };
        let best = self.house.best(|seat| self.stock.is_free(seat), &wish);
        best.ok_or_else(|| format!("No {count} seats together are free."))
    }

    fn by_id(&self, text: &str) -> Result<Vec<usize>, String> {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let seat = |word: &str| {
            let id = word.parse::<SeatId>().ok();
            let seat = id
                .and_then(|id| self.house.find(&id))
                .ok_or_else(|| format!("There is no seat {}.", escape(word)))?;
            match self.stock.state(seat) {
                SeatState::Available => Ok(seat),
                _ => Err(format!("{} is not free.", self.called(seat))),
            }
        };
        words.map(seat).collect()
    }

    /// A seat in words.
    pub fn called(&self, seat: usize) -> String {
        self.house.named(seat).map_or_else(String::new, |named| {
            let text = format!(
                "{}, row {}, seat {} ({})",
                named.section, named.row, named.seat.number, named.seat.id
            );
            escape(&text).into_owned()
        })
    }

    pub fn tell_seats(&self, seats: &[usize]) -> anyhow::Result<()> {
        for seat in seats {
            let price = self.house.price(*seat).map(|price| price.to_string()).unwrap_or_default();
            say(&format!("{}: {price}.", self.called(*seat)))?;
        }
        Ok(())
    }

    pub fn ids(&self, seats: &[usize]) -> Vec<SeatId> {
        seats.iter().filter_map(|seat| self.house.seat_id(*seat).cloned()).collect()
    }

    pub fn alternative(&self, lost: usize, basket: &[usize]) -> Option<usize> {
        self.house.alternative(|seat| self.stock.is_free(seat), lost, basket)
    }
}

async fn stock(office: &Office, event: &EventId, house: &House) -> Result<Stock, Trouble> {
    let view = office.availability(event).await?;
    Stock::new(house, &view).map_err(|error| Trouble::new(error.to_string()))
}
