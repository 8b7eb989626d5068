//! `tmctl verify`: what has to hold, looked at row by row, and the life of one thing.

use std::collections::BTreeMap;

use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use tmapi::client::Client;
use tmapi::verify::HistoryView;
use tmcore::Timestamp;
use tmcore::verify::life::Subject;
use tmcore::verify::{Breach, Report, Rule};

use super::{Outcome, reconcile};
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::organiser::Organiser;
use crate::output::{Block, Look, Rows, Show};
use crate::progress::Progress;

const DOING: &str = "verify the office";
const EXPLAINING: &str = "read the history";

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl verify                         exit code 0: everything holds; 1: something does not
  tmctl verify -o json | jq '.rules[] | select(.breaches > 0)'
  tmctl verify --explain order ord_01h455vb4pex5vsknk084sn02q
  tmctl verify --explain seat E1 A-12-7
  tmctl verify --explain user usr_01h455vb4pex5vsknk084sn02q")]
pub struct Args {
    /// Tell the life of one thing instead: order ID, user ID, or seat EVENT ID
    #[arg(long, num_args = 2..=3, value_names = ["WHAT", "ID"], value_parser = NonEmptyStringValueParser::new())]
    explain: Option<Vec<String>>,
    #[command(flatten)]
    organiser: Organiser,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let client = args.organiser.client(desk)?;
    if let Some(words) = &args.explain {
        return explain(desk, &client, words).await;
    }
    let verified = verify(desk, &client).await?;
    desk.out.show(&verified)?;
    let broken = verified.rules.iter().find(|rule| rule.breaches > 0);
    match broken.and_then(|rule| rule.first.first()) {
        _ if verified.holds => desk.out.hint("everything that was looked at is as it has to be"),
        Some(breach) if breach.about.starts_with("ord_") => {
            desk.out.next(&format!("verify --explain order {}", breach.about));
        }
        _ => desk.out.hint("docs/verify.md says what each rule looks at, and what to do"),
    }
    Ok(if verified.holds { Exit::Ok } else { Exit::Error })
}

/// Reads every page, and then both lists of payments. What is remembered of a page is what came of it.
pub(super) async fn verify(desk: &Desk, client: &Client) -> Result<Verified, Failure> {
    let progress = Progress::new(desk);
    let mut report = Report::default();
    let (mut cursor, mut pages): (Option<String>, BTreeMap<String, u64>) = (None, BTreeMap::new());
    let mut began = None;
    loop {
        let page = client.verify(cursor.as_deref()).await.doing(DOING)?;
        began.get_or_insert(page.as_of);
        let count = pages.entry(page.part.clone()).or_default();
        *count += 1;
        progress.say(&format!("{}: page {count}", page.part));
        report.merge(page.report);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let lists = reconcile::compare(desk, client).await?;
    report.looked(Rule::ProviderAgrees, lists.payments());
    for (about, said) in lists.breaches() {
        report.breach(Rule::ProviderAgrees, &about, said);
    }
    for (about, said) in lists.unbalanced() {
        report.breach(Rule::BooksBalance, &about, said);
    }
    Ok(Verified::new(report, began.unwrap_or(Timestamp::from_millis(0))))
}

/// What came of every rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verified {
    as_of: Timestamp,
    holds: bool,
    /// Orders with steps that are older than hashes.
    unhashed_orders: u64,
    rules: Vec<RuleShown>,
}

/// A rule and what came of it.
#[derive(Serialize)]
struct RuleShown {
    rule: Rule,
    sentence: &'static str,
    looked: u64,
    breaches: u64,
    first: Vec<Breach>,
}

impl Verified {
    fn new(mut report: Report, as_of: Timestamp) -> Self {
        let holds = report.holds();
        let rules = Rule::ALL.into_iter().map(|rule| {
            let found = report.findings.remove(&rule).unwrap_or_default();
            let (looked, breaches, first) = (found.looked, found.breaches, found.first);
            RuleShown { rule, sentence: rule.sentence(), looked, breaches, first }
        });
        Self { as_of, holds, rules: rules.collect(), unhashed_orders: report.unhashed }
    }

    /// What each rule says, and what of it was found broken.
    pub(super) fn judged(&self) -> impl Iterator<Item = (Rule, &'static str, Vec<String>)> {
        self.rules.iter().map(|one| {
            let breaches = one.first.iter().map(|breach| format!("{}: {}", breach.about, breach.said));
            (one.rule, one.sentence, breaches.collect())
        })
    }
}

impl Show for Verified {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let rule = |one: &RuleShown| {
            let holds = match (one.breaches, one.looked) {
                (0, 0) => "nothing to look at",
                (0, _) => "holds",
                _ => "BROKEN",
            };
            let (looked, breaches) = (one.looked.to_string(), one.breaches.to_string());
            vec![one.rule.name().to_owned(), looked, breaches, holds.to_owned(), one.sentence.to_owned()]
        };
        let rules = Rows {
            head: &["rule", "looked at", "breaches", "", "says"],
            rows: self.rules.iter().map(rule).collect(),
            flexible: Some(4),
        };
        let breaches = self.rules.iter().flat_map(|rule| {
            let row = |breach: &Breach| {
                vec![rule.rule.name().to_owned(), breach.about.clone(), breach.said.clone()]
            };
            rule.first.iter().map(row)
        });
        let breaches =
            Rows { head: &["broken", "where", "what"], rows: breaches.collect(), flexible: Some(2) };
        let mut blocks = vec![Block::Rows(rules), Block::Rows(breaches)];
        if self.unhashed_orders > 0 {
            let older = format!("{} (from before the program kept hashes)", self.unhashed_orders);
            blocks.push(Block::Fields(vec![("orders with unhashed steps", older)]));
        }
        blocks
    }

    fn ids(&self) -> Vec<String> {
        let all = self.rules.iter().flat_map(|rule| &rule.first);
        let mut ids: Vec<_> = all.map(|breach| breach.about.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

async fn explain(desk: &Desk, client: &Client, words: &[String]) -> Outcome {
    let life = client.history(&subject(words)?).await.doing(EXPLAINING)?;
    desk.out.show(&Life(life))?;
    Ok(Exit::Ok)
}

fn subject(words: &[String]) -> Result<Subject, Failure> {
    let bad = |error: tmcore::id::IdError| Failure::usage(error.to_string());
    match words {
        [what, id] if what == "order" => Ok(Subject::Order(id.parse().map_err(bad)?)),
        [what, id] if what == "user" => Ok(Subject::User(id.parse().map_err(bad)?)),
        [what, event, seat] if what == "seat" => {
            Ok(Subject::Seat(event.parse().map_err(bad)?, seat.parse().map_err(bad)?))
        }
        _ => Err(Failure::usage("--explain takes `order ID`, `user ID` or `seat EVENT ID`")),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Life(HistoryView);

impl Show for Life {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let row = |happening: &tmcore::verify::life::Happening| {
            let at = if look.zone.is_some() { look.time(happening.at) } else { happening.at.to_string() };
            vec![at, happening.about.clone(), happening.said.clone()]
        };
        let rows = Rows {
            head: &["when", "to what", "what"],
            rows: self.0.happenings.iter().map(row).collect(),
            flexible: Some(2),
        };
        let mut blocks = vec![Block::Rows(rows)];
        if let Some(stands) = &self.0.stands {
            blocks.push(Block::Fields(vec![("now", stands.clone())]));
        }
        blocks
    }

    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.0.happenings.iter().map(|one| one.about.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
