//! `tmctl event import`: the seats of an event, from a seating plan.

use serde::Serialize;
use tmapi::ProblemCode;
use tmapi::client::Client;
use tmapi::event::{EventView, ImportSeatingPlan, PriceLevelView, SaleStatus};
use tmcore::EventId;
use tmcore::money::Currency;
use tmcore::seating::{self, PlanError, PlanFault, SeatingPlan};

use super::super::Outcome;
use super::settings::{Settings, with_advice};
use super::{plan, view};
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::organiser::Organiser;
use crate::output::{Block, Look, Rows, Show};

/// The currency of a new event for which none is named.
const USUAL_CURRENCY: Currency = Currency::EUR;
/// As many sections are listed for people.
const SHOWN_SECTIONS: usize = 40;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl event import E9 plan.json --dry-run
  tmctl event import E9 plan.json --price Front=90.00 --price \"Upper tier=45.00\" \\
      --name Gala --starts-at 2027-05-01T19:30 --hold-ttl 10m --capacity 200 --rate 600
  curl https://venue.example/plan.json | tmctl event import E9 - --price Front=90.00")]
pub struct Args {
    /// The event; it is made when there is none
    #[arg(value_name = "EVENT")]
    event: String,
    /// A seating plan as pretix writes it (JSON, at most 64 MiB); `-` reads it from stdin
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: String,
    /// The price of a level, in major units; every level with seats needs one
    #[arg(long = "price", value_name = "LEVEL=AMOUNT")]
    prices: Vec<String>,
    /// Check the plan and the prices on this host, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    settings: Settings,
}

pub async fn run(desk: &Desk, organiser: &Organiser, args: Args) -> Outcome {
    let id: EventId = argument::one(desk, Some(&args.event))?;
    let mut patch = args.settings.patch(desk.host.zone())?;
    let bytes = plan::read(&args.file)?;
    let parsed = seating::parse(&bytes);
    if args.dry_run {
        return check(desk, &id, parsed, &args);
    }
    let client = organiser.client(desk)?;
    let currency = match args.settings.currency()? {
        Some(currency) => currency,
        None => currency_of(&client, &id).await?,
    };
    patch.currency = Some(currency.code().to_owned());
    let prices = plan::prices(&args.prices, currency)?;
    if let Ok(plan) = &parsed {
        plan::levels(plan, &prices, currency)?;
    }
    let document = match &parsed {
        Err(error @ PlanError { fault: PlanFault::NotJson { .. } | PlanFault::TooLarge { .. }, .. }) => {
            return Err(refused(&args.file, error));
        }
        // Any other fault is the daemon's to judge.
        _ => serde_json::from_slice(&bytes)
            .map_err(|error| Failure::usage(format!("{} is no JSON: {error}", args.file)))?,
    };
    drop(bytes);
    let request = ImportSeatingPlan { seating_plan: document, prices, event: patch };
    let answer = client.import(&id, &request).await.doing(&format!("import {} into {id}", args.file));
    let event = answer.map_err(|failure| explained(failure, &args.file, parsed.as_ref().err()))?;
    desk.remember(|state| state.saw_event(&id));
    let next = match event.summary.sale_status {
        SaleStatus::Scheduled => format!("event open {id}"),
        _ => format!("sale status {id}"),
    };
    desk.out.show(&Imported::sent(event, parsed.ok().as_ref()))?;
    desk.out.next(&next);
    Ok(Exit::Ok)
}

fn check(desk: &Desk, id: &EventId, parsed: Result<SeatingPlan, PlanError>, args: &Args) -> Outcome {
    let plan = parsed.map_err(|error| refused(&args.file, &error))?;
    let currency = args.settings.currency()?.unwrap_or(USUAL_CURRENCY);
    let prices = plan::prices(&args.prices, currency)?;
    let levels =
        if prices.is_empty() { unpriced(&plan, currency)? } else { plan::levels(&plan, &prices, currency)? };
    let price = |level: &PriceLevelView| {
        crate::output::escape::shell_word(&format!("{}=AMOUNT", level.name)).into_owned()
    };
    let prices: Vec<_> = if args.prices.is_empty() {
        levels
            .iter()
            .filter(|level| level.seats > 0)
            .map(|level| format!(" --price {}", price(level)))
            .collect()
    } else {
        args.prices
            .iter()
            .map(|text| format!(" --price {}", crate::output::escape::shell_word(text)))
            .collect()
    };
    desk.out.show(&Imported::checked(id, &plan, levels))?;
    desk.out.note("the plan is in order; nothing was sent");
    let file = crate::output::escape::shell_word(&args.file);
    desk.out.next(&format!("event import {id} {file}{}", prices.concat()));
    Ok(Exit::Ok)
}

/// A plan may be checked before anybody has thought about prices.
fn unpriced(plan: &SeatingPlan, currency: Currency) -> Result<Vec<PriceLevelView>, Failure> {
    let free = plan.categories.iter().map(|category| (category.name.clone(), 0)).collect();
    plan::levels(plan, &free, currency)
}

/// The currency an event has already.
async fn currency_of(client: &Client, id: &EventId) -> Result<Currency, Failure> {
    match client.sale(id).await {
        Ok(sale) => Ok(sale.revenue.currency),
        Err(error) if error.status() == Some(404) => Ok(USUAL_CURRENCY),
        Err(error) => Err(Failure::from(error).doing(&format!("look up the currency of {id}"))),
    }
}

fn refused(file: &str, error: &PlanError) -> Failure {
    Failure::usage(format!("the seating plan in {file} has a fault: {error}"))
        .hint("nothing was sent; mend it there, and `--dry-run` checks it again")
}

/// What the daemon refused, and where that is in the file: the daemon sees the values, not the lines.
fn explained(failure: Failure, file: &str, fault: Option<&PlanError>) -> Failure {
    match (failure.code, fault) {
        (Some(ProblemCode::InvalidPlan), Some(fault)) => {
            failure.hint(format!("nothing was changed; in {file} it is {fault}"))
        }
        (Some(ProblemCode::EventState), _) => {
            failure.hint("seats are imported before the sale, and only once")
        }
        _ => with_advice(failure),
    }
}

/// What an import comes to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    event_id: EventId,
    dry_run: bool,
    seats: usize,
    sections: Vec<Section>,
    price_levels: Vec<PriceLevelView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventView>,
}

#[derive(Serialize)]
struct Section {
    name: String,
    rows: usize,
    seats: usize,
}

impl Imported {
    fn checked(id: &EventId, plan: &SeatingPlan, price_levels: Vec<PriceLevelView>) -> Self {
        let section = |section: &seating::Section| Section {
            name: section.name.clone(),
            rows: section.rows.len(),
            seats: section.rows.iter().map(|row| row.seats.len()).sum(),
        };
        Self {
            event_id: id.clone(),
            dry_run: true,
            seats: plan.seat_count(),
            sections: plan.sections.iter().map(section).collect(),
            price_levels,
            event: None,
        }
    }

    /// A newer daemon may take a plan that this version cannot read: then the sections are not known here.
    fn sent(event: EventView, plan: Option<&SeatingPlan>) -> Self {
        let id = event.summary.event_id.clone();
        let levels = event.price_levels.clone();
        let seats = levels.iter().map(|level| level.seats as usize).sum();
        let sections = plan.map(|plan| Self::checked(&id, plan, Vec::new()).sections).unwrap_or_default();
        Self { event_id: id, dry_run: false, seats, sections, price_levels: levels, event: Some(event) }
    }
}

impl Show for Imported {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let mut fields = match &self.event {
            Some(event) => view::fields(event, look),
            None => vec![("event", self.event_id.to_string()), ("seats", self.seats.to_string())],
        };
        fields.push(("sections", self.sections.len().to_string()));
        fields.push(("price levels", self.price_levels.len().to_string()));
        let row = |section: &Section| {
            vec![section.name.clone(), section.rows.to_string(), section.seats.to_string()]
        };
        let shown = if look.zone.is_some() { SHOWN_SECTIONS } else { usize::MAX };
        let mut rows: Vec<_> = self.sections.iter().take(shown).map(row).collect();
        if self.sections.len() > shown {
            rows.push(vec![
                format!("and {} more", self.sections.len() - shown),
                String::new(),
                String::new(),
            ]);
        }
        let sections = Rows { head: &["section", "rows", "seats"], rows, flexible: Some(0) };
        vec![Block::Fields(fields), Block::Rows(sections), view::price_rows(&self.price_levels)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.event_id.to_string()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_EVENT", self.event_id.to_string())]
    }
}
