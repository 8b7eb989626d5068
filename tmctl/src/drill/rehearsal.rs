//! A rehearsal from the first who comes until everything is at rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tmapi::client::{Client, ClientOptions};
use tmapi::event::EventView;
use tmapi::sale::SaleView;
use tmapi::seat_map::SeatMapView;
use tmcore::drill::{Asked, House, Member, check};
use tmcore::verify::Rule;
use tokio::task::JoinSet;

use super::fault::{self, Barrage};
use super::report::{Rehearsed, Report, Sample, WaveReport};
use super::{Office, Scenario, Shop, auditor, choice, has_waiting_room, inspector, onlooker, visit};
use crate::desk::Desk;
use crate::error::Failure;
use crate::progress::Progress;

/// Between two looks at the sale.
const LOOK: Duration = Duration::from_millis(500);
/// Requests of the crowd at once. Each takes three descriptors of this process, and some systems give it no more than 20,000.
const MAX_IN_FLIGHT: usize = 4_000;

/// What is rehearsed: how, with what going wrong, where.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    pub scenario: &'a Scenario,
    pub barrage: &'a Barrage,
    pub office: &'a Office,
    pub event: &'a EventView,
    pub map: &'a SeatMapView,
}

/// What came of it. The office's own rows are yet to be verified; `found` is what was wrong with them meanwhile.
#[derive(Debug)]
pub struct Rehearsal {
    pub report: Report,
    pub history: Vec<Asked>,
    pub found: BTreeMap<Rule, Vec<String>>,
}

impl Rehearsal {
    /// Sends the crowd, and waits until everybody has gone home.
    pub async fn hold(desk: &Desk, stage: Stage<'_>) -> Result<Self, Failure> {
        let Stage { scenario, barrage, office, event, map } = stage;
        let members = scenario.members(event)?;
        let shop = Arc::new(open(&stage)?);
        let crowd = send(&shop, &members);
        let (watched, thrown, found, unseen) = tokio::join!(
            watch(desk, &stage, &shop, crowd),
            fault::throw(office, &shop, barrage, scenario.fault_seed()),
            auditor::audit(&shop, &office.organiser),
            onlooker::watch(&shop, scenario.seed() ^ 0x5EE5),
        );
        let Watched { samples, mut restless } = watched?;
        // The last fault may have come after the last buyer.
        restless.extend(until_calm(&stage, &shop).await);
        let refused = inspector::inspect(&shop, event.settings.seats_per_order, scenario.seed()).await;
        let history = shop.history.all();
        let rehearsed = Rehearsed {
            event_id: shop.event.clone(),
            seed: scenario.seed(),
            buyers: u32::try_from(members.len()).unwrap_or(u32::MAX),
            seats: map.seat_count,
            capacity: event.settings.capacity,
            hold_ttl_seconds: event.settings.hold_ttl_seconds,
        };
        let mut report = Report::new(rehearsed, &members, &history, samples);
        report.faults = thrown;
        report.add("at-rest", "everybody went home, and no seat was left held", restless);
        report.add("free-is-free", "what was shown as free in the end could be had", refused);
        report.add("seen", "whoever watched the seats saw all of it", unseen);
        let believed = office.wires.messenger.believed();
        report.add("signed", "nothing was believed but what the provider signed", believed);
        report.judge(&check(&history, house(event)));
        judge_waves(&mut report, (scenario, event), &history);
        Ok(Self { report, history, found })
    }
}

fn house(event: &EventView) -> House {
    House {
        has_waiting_room: has_waiting_room(event),
        capacity: event.settings.capacity.into(),
        hold_ttl_millis: u64::from(event.settings.hold_ttl_seconds) * 1_000,
    }
}

/// The sale, as the crowd comes to it by the street.
fn open(stage: &Stage<'_>) -> Result<Shop, Failure> {
    // Who is in a storm does not wait as long as they are asked to.
    let max_retries = if stage.scenario.has_storms() { 0 } else { 2 };
    let options = ClientOptions {
        max_retries,
        timeout: Duration::from_secs(15),
        max_in_flight: Some(MAX_IN_FLIGHT),
        ..ClientOptions::default()
    };
    let guest = Client::new(&stage.office.wires.street.url(), options)?;
    let (event, has_waiting_room) = (stage.event.summary.event_id.clone(), has_waiting_room(stage.event));
    Ok(Shop::new(guest, event, choice::House::of(stage.map), has_waiting_room))
}

/// How the sale did at every level of load, and by its goals.
fn judge_waves(report: &mut Report, (scenario, event): (&Scenario, &EventView), history: &[Asked]) {
    let waves = scenario.waves();
    let comers = scenario.comers(event);
    report.waves = waves
        .iter()
        .zip(comers)
        .map(|(wave, came)| WaveReport {
            wave: *wave,
            came,
            finalized_per_minute: wave.goodput_per_minute(history),
        })
        .collect();
    let calm = report.faults.iter().map(|thrown| thrown.over_millis).max().unwrap_or_default();
    for reached in scenario.goals().iter().flat_map(|goals| goals.judge(history, &waves, calm)) {
        report.add(reached.goal, &reached.sentence, reached.missed);
    }
}

/// Waits until the office answers and holds nothing; says what it is like when it does not come to that.
async fn until_calm(stage: &Stage<'_>, shop: &Shop) -> Option<String> {
    let organiser = &stage.office.organiser;
    let calm = async {
        while !matches!(organiser.sale(&shop.event).await, Ok(sale) if sale.seats.reserved == 0) {
            tokio::time::sleep(LOOK).await;
        }
    };
    let in_time = tokio::time::timeout(stage.scenario.rest(), calm).await;
    in_time.err().map(|_| "the office did not come to rest after the last fault".to_owned())
}

fn send(shop: &Arc<Shop>, members: &[Member]) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for &member in members {
        let shop = Arc::clone(shop);
        let all = u32::try_from(members.len()).unwrap_or(u32::MAX);
        crowd.spawn(async move { visit(&shop, member, all).await });
    }
    crowd
}

/// However the watch ends, nobody goes on who waits for its end.
struct AtRest<'a>(&'a Shop);

impl Drop for AtRest<'_> {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// What was seen of a sale, and what did not come to rest.
struct Watched {
    samples: Vec<Sample>,
    restless: Vec<String>,
}

/// Looks at the sale until everybody has gone home and nothing is held any more.
async fn watch(
    desk: &Desk,
    stage: &Stage<'_>,
    shop: &Shop,
    mut crowd: JoinSet<()>,
) -> Result<Watched, Failure> {
    let _at_rest = AtRest(shop);
    let (at_most, rest) = (stage.scenario.at_most(), stage.scenario.rest());
    let progress = Progress::new(desk);
    let mut samples = vec![Sample::default()];
    let mut reserved = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        while crowd.try_join_next().is_some() {}
        let on_their_way = crowd.len();
        let millis = shop.watch.millis();
        shop.storm(stage.scenario.is_stormy(millis));
        let time = Duration::from_millis(millis);
        if time > at_most {
            shop.close();
        }
        if time > at_most + rest {
            let restless = format!("{on_their_way} buyers are on their way, {reserved} seats are held");
            return Ok(Watched { samples, restless: vec![restless] });
        }
        // The daemon may be away: then there is nothing to be seen.
        let Ok(sale) = stage.office.organiser.sale(&shop.event).await else { continue };
        samples.push(sample(&sale, shop.watch.millis()));
        progress.advance(&told(&sale, on_their_way), sale.seats.sold.into(), sale.seats.all().into());
        reserved = sale.seats.reserved;
        if sale.seats.available == 0 && reserved == 0 {
            shop.close();
        }
        if on_their_way == 0 && reserved == 0 {
            shop.close();
            return Ok(Watched { samples, restless: Vec::new() });
        }
    }
}

const fn sample(sale: &SaleView, at_millis: u64) -> Sample {
    Sample { at_millis, sold: sale.seats.sold, waiting: sale.waiting, inside: sale.active + sale.ordering }
}

fn told(sale: &SaleView, on_their_way: usize) -> String {
    let (sold, all) = (sale.seats.sold, sale.seats.all());
    let inside = sale.active + sale.ordering;
    format!("{sold} of {all} sold, {} in line, {inside} inside, {on_their_way} on their way", sale.waiting)
}
