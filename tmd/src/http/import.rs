//! A seating plan and prices, made into the seats of an event.

use std::collections::BTreeMap;

use tmapi::ProblemCode;
use tmapi::event::PriceLevelView;
use tmapi::seat_map::{RowView, SeatMapView, SectionView};
use tmcore::EventId;
use tmcore::money::Currency;
use tmcore::seating::{self, Row, SeatingPlan};
use tokio::sync::oneshot;

use super::Api;
use super::error::{ApiError, ApiResult};
use super::event::price_level;
use crate::app::record::{Inventory, InventorySeat, PriceLevel};

/// The highest price of a seat, minor units: every seat of the largest plan at this price is still a sum that fits.
const MAX_PRICE: i64 = 100_000_000_000;

/// Reads a plan, away from the threads that answer requests.
///
/// # Errors
/// 422 that names the place of the fault.
pub async fn read(api: &Api, plan: serde_json::Value) -> ApiResult<SeatingPlan> {
    let (reply, answer) = oneshot::channel();
    api.office.lifecycle().tasks.spawn_blocking(move || {
        let _ = reply.send(seating::parse_value(&plan));
    });
    let parsed = answer.await.map_err(ApiError::internal)?;
    parsed.map_err(|fault| invalid(format!("seatingPlan: {fault}")))
}

/// The seats with their prices, and the geometry as it is served.
///
/// # Errors
/// 422 for a category without a price, or a price without a category.
pub fn inventory(
    event: &EventId,
    plan: &SeatingPlan,
    prices: &BTreeMap<String, i64>,
    currency: Currency,
) -> ApiResult<Inventory> {
    let price_levels = price_levels(plan, prices)?;
    let views: Vec<_> = price_levels.iter().map(|level| price_level(level, currency)).collect();
    let map = seat_map(event, plan, views)?;
    let seats = plan.seats().map(|seat| InventorySeat {
        id: seat.seat.id.clone(),
        section: u32::try_from(seat.section_index).unwrap_or(u32::MAX),
        row: seat.row.label.clone(),
        number: seat.seat.number.clone(),
        level: seat.seat.category.into(),
    });
    Ok(Inventory {
        sections: map.sections.iter().map(|section| (section.name.clone(), section.seat_count)).collect(),
        seats: seats.collect(),
        body: serde_json::to_vec(&map).map_err(ApiError::internal)?.into(),
        price_levels,
    })
}

fn price_levels(plan: &SeatingPlan, prices: &BTreeMap<String, i64>) -> ApiResult<Vec<PriceLevel>> {
    let known = |name: &str| plan.categories.iter().any(|category| category.name == name);
    if let Some(unknown) = prices.keys().find(|name| !known(name)) {
        let names: Vec<_> = plan.categories.iter().map(|category| category.name.as_str()).collect();
        return Err(invalid(format!(
            "prices.{unknown}: the plan has no such category, it has {}",
            names.join(", ")
        )));
    }
    let mut levels = Vec::with_capacity(plan.categories.len());
    for (index, category) in (0..).zip(&plan.categories) {
        let seats = plan.seats().filter(|seat| seat.seat.category == index).count();
        let price = match prices.get(&category.name) {
            Some(price) if (0..=MAX_PRICE).contains(price) => *price,
            Some(_) => {
                return Err(invalid(format!("prices.{}: must be from 0 to {MAX_PRICE}", category.name)));
            }
            None if seats == 0 => 0,
            None => return Err(invalid(format!("prices.{}: {seats} seats have no price", category.name))),
        };
        let seats = u32::try_from(seats).unwrap_or(u32::MAX);
        levels.push(PriceLevel { name: category.name.clone(), color: category.color.clone(), price, seats });
    }
    Ok(levels)
}

fn seat_map(
    event: &EventId,
    plan: &SeatingPlan,
    price_levels: Vec<PriceLevelView>,
) -> ApiResult<SeatMapView> {
    let mut offset = 0;
    let mut sections = Vec::with_capacity(plan.sections.len());
    for section in &plan.sections {
        let seat_count = u32::try_from(section.seat_count()).unwrap_or(u32::MAX);
        let rows = section.rows.iter().map(row_view).collect();
        sections.push(SectionView { name: section.name.clone(), offset, seat_count, rows });
        offset += seat_count;
    }
    let areas =
        plan.areas.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(ApiError::internal)?;
    Ok(SeatMapView {
        event_id: event.clone(),
        width: plan.size.width,
        height: plan.size.height,
        seat_count: offset,
        price_levels,
        sections,
        areas,
    })
}

fn row_view(row: &Row) -> RowView {
    let accessible = (0..).zip(&row.seats).filter(|(_, seat)| seat.accessible).map(|(place, _)| place);
    RowView {
        row: row.label.clone(),
        ids: row.seats.iter().map(|seat| seat.id.clone()).collect(),
        numbers: row.seats.iter().map(|seat| seat.number.clone()).collect(),
        x: row.seats.iter().map(|seat| seat.x).collect(),
        y: row.seats.iter().map(|seat| seat.y).collect(),
        levels: row.seats.iter().map(|seat| seat.category).collect(),
        accessible: accessible.collect(),
    }
}

fn invalid(detail: String) -> ApiError {
    ApiError::new(ProblemCode::InvalidPlan, detail)
}

#[cfg(test)]
mod tests {
    use tmcore::Money;
    use tmcore::seating::demo;

    use super::*;

    #[test]
    fn a_seat_map_carries_all_of_the_plan_to_draw_it() {
        let event: EventId = "E1".parse().unwrap();
        for plan in [demo::theatre(), demo::arena()] {
            let level = |category: &seating::Category| PriceLevelView {
                name: category.name.clone(),
                color: category.color.clone(),
                price: Money { amount: 1_000, currency: Currency::EUR },
                seats: 1,
            };
            let levels = plan.categories.iter().map(level).collect();
            let sent = serde_json::to_vec(&seat_map(&event, &plan, levels).unwrap()).unwrap();
            let got: SeatMapView = serde_json::from_slice(&sent).unwrap();
            assert_eq!(got.plan(), Ok(SeatingPlan { name: "E1".to_owned(), ..plan }));
        }
    }
}
