//! `tmctl drill`: an on-sale rehearsed with a crowd, in an office of its own, with faults thrown in.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use tmapi::client::{Client, ClientOptions};
use tmapi::event::EventView;
use tmapi::sale::SaleView;
use tmapi::seat_map::SeatMapView;
use tmcore::EventId;
use tmcore::drill::{Asked, Crowd, House, Member, check};
use tmcore::verify::Rule;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::{Outcome, show, verify};
use crate::argument;
use crate::desk::Desk;
use crate::drill::fault::{self, Fault};
use crate::drill::report::{Rehearsed, Report, Sample};
use crate::drill::{self, Office, Settings, Shop, auditor, choice, inspector, onlooker, page};
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::progress::Progress;

/// Between two looks at the sale.
const LOOK: Duration = Duration::from_millis(500);

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl drill E1                                         2,000 buyers for a copy of E1
  tmctl drill E1 --buyers 500 --seed 7 --report ./drill  with a page and every answer
  tmctl drill E1 --faults kill,pause,gateway,network     and everything goes wrong")]
pub struct Args {
    /// The event to rehearse; it is copied, and stays as it is
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// How many come
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    buyers: u32,
    /// What the crowd is drawn from: the same seed is the same crowd
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Within which time they come; half of them in the first sixth
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = argument::parse_duration)]
    rush: Duration,
    /// Of a hundred, how many order without waiting to be let in
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=100))]
    bots: u64,
    /// How long seats are held, in place of the event's own time
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = argument::parse_duration)]
    hold_ttl: Duration,
    /// How many may be inside at once, in place of the event's own number
    #[arg(long, value_name = "N")]
    capacity: Option<u32>,
    /// How many are let in a minute, in place of the event's own number
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// How long the payment provider takes for everything
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = argument::parse_duration)]
    provider_latency: Duration,
    /// What goes wrong meanwhile
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    faults: Vec<Fault>,
    /// A setting of the rehearsal's daemon, such as store.batch_items=64; `tmd config print` shows them all
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// When nobody new is served any more
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = argument::parse_duration)]
    at_most: Duration,
    /// How long it may take from then until everybody has gone home and no seat is held
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = argument::parse_duration)]
    rest: Duration,
    /// A folder for the page (drill.html), the figures (report.json) and every answer (history.jsonl)
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    report: Option<PathBuf>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.');
    let parts = text.split_once('=').filter(|(name, _)| is_name(name));
    let (name, value) =
        parts.ok_or_else(|| "expected the name of a setting, `=`, and its value".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Args {
    /// What is to go wrong has to be there.
    fn check(&self) -> Result<(), Failure> {
        for (fault, name, setting) in
            [(Fault::Postgres, "postgres", "store.url"), (Fault::Redis, "redis", "redis.url")]
        {
            if self.faults.contains(&fault) && !self.set.iter().any(|(set, _)| set == setting) {
                return Err(Failure::usage(format!("--faults {name} needs a server of the rehearsal's own"))
                    .hint(format!("name it with --set {setting}=URL")));
            }
        }
        Ok(())
    }

    fn settings(&self) -> Settings {
        Settings {
            hold_ttl_seconds: u32::try_from(self.hold_ttl.as_secs()).unwrap_or(u32::MAX).max(1),
            capacity: self.capacity,
            admissions_per_minute: self.rate,
            provider_latency: self.provider_latency,
            daemon: self.set.clone(),
        }
    }

    fn crowd(&self, event: &EventView) -> Crowd {
        Crowd {
            buyers: self.buyers,
            seed: self.seed,
            rush_millis: u64::try_from(self.rush.as_millis()).unwrap_or(u64::MAX),
            bots_percent: self.bots,
            seats: event.summary.seats.all(),
            per_order: event.settings.seats_per_order,
        }
    }
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
    args.check()?;
    let original = show::fetch(desk.anonymous(), &id).await?;
    let map = desk.anonymous().seat_map(&id).await.doing(&format!("read the seats of {id}"))?;
    desk.out.note("starting an office for the rehearsal; the event itself is not touched");
    let settings = args.settings();
    let office = Office::open(desk, &settings).await?;
    let event = office.put_on(&original, &map, &settings).await?;
    let (mut report, history, mut found) = rehearse(desk, &args, &office, (&event, &map)).await?;
    for (rule, sentence, breaches) in verify::verify(desk, &office.organiser()?).await?.judged() {
        let before = found.remove(&rule).unwrap_or_default();
        report.add(rule.name(), sentence, [before, breaches].concat());
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
    args: &Args,
    office: &Office,
    (event, map): (&EventView, &SeatMapView),
) -> Result<(Report, Vec<Asked>, BTreeMap<Rule, Vec<String>>), Failure> {
    let members = args.crowd(event).members();
    let house = House {
        has_waiting_room: drill::has_waiting_room(event),
        capacity: event.settings.capacity.into(),
        hold_ttl_millis: u64::from(event.settings.hold_ttl_seconds) * 1_000,
    };
    let options =
        ClientOptions { max_retries: 2, timeout: Duration::from_secs(15), ..ClientOptions::default() };
    let guest = Client::new(&office.wires.street.url(), options)?;
    let shop =
        Shop::new(guest, event.summary.event_id.clone(), choice::House::of(map), house.has_waiting_room);
    let shop = std::sync::Arc::new(shop);
    let crowd = send(&shop, &members);
    let organiser = office.organiser()?;
    let (watched, thrown, found, unseen) = tokio::join!(
        watch(desk, args, office, &shop, crowd),
        fault::throw(office, &shop, &args.faults, args.seed ^ 0xFA17),
        auditor::audit(&shop, &organiser),
        onlooker::watch(&shop, args.seed ^ 0x5EE5),
    );
    let Watched { samples, restless } = watched?;
    let refused = inspector::inspect(&shop, event.settings.seats_per_order, args.seed).await;
    let history = shop.history.all();
    let rehearsed = Rehearsed {
        event_id: shop.event.clone(),
        seed: args.seed,
        buyers: args.buyers,
        seats: event.summary.seats.all(),
        capacity: event.settings.capacity,
        hold_ttl_seconds: event.settings.hold_ttl_seconds,
    };
    let mut report = Report::new(rehearsed, &members, &history, samples);
    report.faults = thrown;
    report.add("at-rest", "everybody went home, and no seat was left held", restless);
    report.add("free-is-free", "what was shown as free in the end could be had", refused);
    report.add("seen", "whoever watched the seats saw all of it", unseen);
    report.judge(&check(&history, house));
    Ok((report, history, found))
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
    args: &Args,
    office: &Office,
    shop: &Shop,
    mut crowd: JoinSet<()>,
) -> Result<Watched, Failure> {
    let _at_rest = AtRest(shop);
    let organiser = office.organiser()?;
    let progress = Progress::new(desk);
    let mut samples = vec![Sample::default()];
    let mut reserved = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        while crowd.try_join_next().is_some() {}
        let on_their_way = crowd.len();
        let time = Duration::from_millis(shop.watch.millis());
        if time > args.at_most {
            shop.close();
        }
        if time > args.at_most + args.rest {
            let restless = format!("{on_their_way} buyers are on their way, {reserved} seats are held");
            return Ok(Watched { samples, restless: vec![restless] });
        }
        // The daemon may be away: then there is nothing to be seen.
        let Ok(sale) = organiser.sale(&shop.event).await else { continue };
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
