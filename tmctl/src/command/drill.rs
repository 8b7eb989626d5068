//! `tmctl drill`: an on-sale rehearsed with a crowd, in an office of its own, with faults thrown in.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use tmapi::client::{Client, ClientOptions};
use tmapi::event::EventView;
use tmapi::sale::SaleView;
use tmapi::seat_map::SeatMapView;
use tmcore::EventId;
use tmcore::drill::{Asked, House, Member, check};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::{Outcome, show, verify};
use crate::argument;
use crate::desk::Desk;
use crate::drill::fault::{self, Barrage};
use crate::drill::report::{Rehearsed, Report, Sample};
use crate::drill::{self, Office, Scenario, Shop, Surroundings, choice, page};
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::progress::Progress;

/// Between two looks at the sale.
const LOOK: Duration = Duration::from_millis(500);
/// How long it may take until everybody has gone home and nothing is held, after nobody new was served any more.
const REST: Duration = Duration::from_secs(120);

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl drill E1                                         2,000 buyers for a copy of E1
  tmctl drill E1 --buyers 500 --seed 7 --report ./drill  with a page and every answer
  tmctl drill E1 --faults kill,pause,gateway,network     and much goes wrong
  tmctl drill E1 --full --faults all                     with PostgreSQL and Redis, and everything
  tmctl drill E1 --scenario contrib/drill.toml           each fault at its time")]
pub struct Args {
    /// The event to rehearse; it is copied, and stays as it is
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// A file (TOML) with any of the options below, and faults with a time each; an option that is given wins
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    options: Scenario,
    /// A folder for the page (drill.html), the figures (report.json) and every answer (history.jsonl)
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    report: Option<PathBuf>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let broken = |error| Failure::new(Exit::Error, format!("failed to listen for signals: {error}"));
    let mut terminated = signal(SignalKind::terminate()).map_err(broken)?;
    tokio::select! {
        // Whatever ends the rehearsal ends its office.
        _ = terminated.recv() => Err(desk.interrupted()),
        outcome = drill(desk, args) => outcome,
    }
}

async fn drill(desk: &Desk, args: Args) -> Outcome {
    let id: EventId = argument::one(desk, args.event.as_deref())?;
    let file = args.scenario.as_deref().map(Scenario::read).transpose()?.unwrap_or_default();
    let scenario = args.options.or(file);
    let original = show::fetch(desk.anonymous(), &id).await?;
    let map = desk.anonymous().seat_map(&id).await.doing(&format!("read the seats of {id}"))?;
    let size = (scenario.buyers(), map.seat_count);
    let surroundings = Surroundings::make(desk, &scenario.wishes(), scenario.has_database(), size).await?;
    let barrage = scenario.barrage(&surroundings)?;
    desk.out.note("starting an office for the rehearsal; the event itself is not touched");
    let settings = scenario.settings();
    let office = Office::open(desk, &settings, surroundings).await?;
    let event = office.put_on(&original, &map, &settings).await?;
    let (mut report, history) = rehearse(desk, (&scenario, &barrage), &office, (&event, &map)).await?;
    for (rule, sentence, breaches) in verify::verify(desk, &office.organiser).await?.judged() {
        report.add(rule, sentence, breaches);
    }
    if let Some(folder) = &args.report {
        keep(folder, &report, &history).doing(&format!("write the report to {}", folder.display()))?;
    }
    desk.out.show(&report)?;
    if let Some(folder) = &args.report {
        desk.out.hint(&format!("the page, the figures and every answer are in {}", folder.display()));
    }
    if report.is_clean() {
        desk.out.hint("every promise was kept");
        return Ok(Exit::Ok);
    }
    Err(Failure::new(Exit::Error, "the rehearsal found a promise that was not kept")
        .hint("tmctl drill with the same --seed sends the same crowd; --report DIR keeps every answer"))
}

async fn rehearse(
    desk: &Desk,
    (scenario, barrage): (&Scenario, &Barrage),
    office: &Office,
    (event, map): (&EventView, &SeatMapView),
) -> Result<(Report, Vec<Asked>), Failure> {
    let members = scenario.crowd(event).members();
    let house =
        House { has_waiting_room: drill::has_waiting_room(event), capacity: event.settings.capacity.into() };
    let options =
        ClientOptions { max_retries: 2, timeout: Duration::from_secs(15), ..ClientOptions::default() };
    let guest = Client::new(&office.wires.street.url(), options)?;
    let shop =
        Shop::new(guest, event.summary.event_id.clone(), choice::House::of(map), house.has_waiting_room);
    let shop = std::sync::Arc::new(shop);
    let crowd = send(&shop, &members);
    let (watched, thrown) = tokio::join!(
        watch(desk, scenario.at_most(), office, &shop, crowd),
        fault::throw(office, &shop, barrage, scenario.fault_seed())
    );
    let Watched { samples, mut restless } = watched?;
    // The last fault may have come after the last buyer.
    restless.extend(until_calm(office, &shop).await);
    let history = shop.history.all();
    let rehearsed = Rehearsed {
        event_id: shop.event.clone(),
        seed: scenario.seed(),
        buyers: scenario.buyers(),
        seats: event.summary.seats.all(),
        capacity: event.settings.capacity,
        hold_ttl_seconds: event.settings.hold_ttl_seconds,
    };
    let mut report = Report::new(rehearsed, &members, &history, samples);
    report.faults = thrown;
    report.add("at-rest", "everybody went home, and no seat was left held", restless);
    report.add(
        "signed",
        "nothing was believed but what the provider signed",
        office.wires.messenger.believed(),
    );
    report.judge(&check(&history, house));
    Ok((report, history))
}

/// Waits until the office answers and holds nothing; says what it is like when it does not come to that.
async fn until_calm(office: &Office, shop: &Shop) -> Option<String> {
    let calm = async {
        while !matches!(office.organiser.sale(&shop.event).await, Ok(sale) if sale.seats.reserved == 0) {
            tokio::time::sleep(LOOK).await;
        }
    };
    let in_time = tokio::time::timeout(REST, calm).await;
    in_time.err().map(|_| "the office did not come to rest after the last fault".to_owned())
}

fn send(shop: &std::sync::Arc<Shop>, members: &[Member]) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for &member in members {
        let shop = std::sync::Arc::clone(shop);
        let all = u32::try_from(members.len()).unwrap_or(u32::MAX);
        crowd.spawn(async move { drill::visit(&shop, member, all).await });
    }
    crowd
}

/// What was seen of a sale, and what did not come to rest.
struct Watched {
    samples: Vec<Sample>,
    restless: Vec<String>,
}

/// Looks at the sale until everybody has gone home and nothing is held any more.
async fn watch(
    desk: &Desk,
    at_most: Duration,
    office: &Office,
    shop: &Shop,
    mut crowd: JoinSet<()>,
) -> Result<Watched, Failure> {
    let progress = Progress::new(desk);
    let mut samples = vec![Sample::default()];
    let mut reserved = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        while crowd.try_join_next().is_some() {}
        let on_their_way = crowd.len();
        let time = Duration::from_millis(shop.watch.millis());
        if time > at_most {
            shop.close();
        }
        if time > at_most + REST {
            let restless = format!("{on_their_way} buyers are on their way, {reserved} seats are held");
            return Ok(Watched { samples, restless: vec![restless] });
        }
        // The daemon may be away: then there is nothing to be seen.
        let Ok(sale) = office.organiser.sale(&shop.event).await else { continue };
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

fn keep(folder: &std::path::Path, report: &Report, history: &[Asked]) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::new(Exit::Error, error.to_string());
    fs::create_dir_all(folder).map_err(broken)?;
    fs::write(folder.join("drill.html"), page::page(report)).map_err(broken)?;
    let figures = serde_json::to_vec_pretty(report).map_err(|error| broken(error.into()))?;
    fs::write(folder.join("report.json"), figures).map_err(broken)?;
    let mut lines = BufWriter::new(File::create(folder.join("history.jsonl")).map_err(broken)?);
    drill::write_history(history, &mut lines).map_err(broken)
}
