//! `tmctl reconcile`: our payments and the provider's, laid side by side, and the books.

use serde::Serialize;
use tmapi::client::Client;
use tmapi::payment::{LedgerView, PaymentStatus, PaymentView, ProviderOperationView};
use tmcore::payment::PaymentState;
use tmcore::reconcile::{
    CLOCK_SLACK_SECONDS, Difference, OurLine, Reconciler, Reconciliation, Standing, Subject, TheirLine,
};
use tmcore::{OrderId, Timestamp};

use super::Outcome;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::organiser::Organiser;
use crate::output::{Block, Look, Rows, Show};
use crate::progress::Progress;

const DOING: &str = "compare the payments";

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl reconcile                 exit code 0: no differences; 12: some
  tmctl reconcile -o json | jq .differences
  tmctl reconcile -o id | tmctl order -    the orders that are concerned")]
pub struct Args {
    /// Print JSON; short for --output json
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    organiser: Organiser,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let client = args.organiser.client(desk)?;
    let report = compare(desk, &client).await?;
    let exit = if report.is_clean() { Exit::Ok } else { Exit::Different };
    let out = if args.json { desk.out.as_json() } else { desk.out.clone() };
    let first = report.differences.first().and_then(|one| one.order_id);
    out.show(&report)?;
    match first {
        _ if exit == Exit::Ok => desk.out.hint("both lists agree, and the books are in balance"),
        Some(order) => desk.out.hint(&format!(
            "the daemon's log has more under {order}; a payment that is open longer than a minute is one to look at"
        )),
        None => desk.out.hint("the books are out of balance: the rows of ledger_entries tell"),
    }
    Ok(exit)
}

/// Reads both lists and the books.
pub(super) async fn compare(desk: &Desk, client: &Client) -> Result<Report, Failure> {
    let progress = Progress::new(desk);
    let mut reconciler = Reconciler::default();
    let (mut ours, mut theirs) = (0_u64, 0_u64);
    let (mut cursor, mut began): (Option<String>, Option<Timestamp>) = (None, None);
    loop {
        progress.say(&format!("{ours} of our payments read"));
        let page = client.payments(cursor.as_deref()).await.doing(DOING)?;
        began.get_or_insert(page.as_of);
        ours += page.items.len() as u64;
        for line in page.items.iter().filter_map(|payment| our_line(payment, page.as_of)) {
            reconciler.ours(line);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let began = began.unwrap_or(Timestamp::from_millis(0));
    loop {
        progress.say(&format!("{ours} of our payments read, {theirs} of the provider's compared"));
        let page = client.provider_operations(cursor.as_deref()).await.doing(DOING)?;
        theirs += page.items.len() as u64;
        for line in page.items.iter().filter_map(|record| their_line(record, began)) {
            reconciler.theirs(line);
        }
        if page.next_cursor.is_none() {
            break;
        }
        cursor = page.next_cursor;
    }
    progress.say("reading the books");
    let ledger = client.ledger().await.doing(DOING)?;
    Ok(Report::new(&reconciler.finish(), (ours, theirs), ledger))
}

fn our_line(payment: &PaymentView, as_of: Timestamp) -> Option<OurLine> {
    let age_seconds = as_of.millis_since(payment.created_at) / 1000;
    let standing = match payment.status {
        PaymentStatus::Intent | PaymentStatus::Sent | PaymentStatus::Unknown => {
            Standing::of(&PaymentState::Unknown, age_seconds)
        }
        PaymentStatus::Ok => Standing::Ok,
        PaymentStatus::Declined => Standing::Declined,
        PaymentStatus::NeverHappened => Standing::NeverHappened,
    };
    let subject = Subject {
        key: payment.provider_key.parse().ok()?,
        order: payment.order_id,
        operation: payment.operation,
        amount: payment.amount,
    };
    Some(OurLine { subject, standing })
}

fn their_line(record: &ProviderOperationView, began: Timestamp) -> Option<TheirLine> {
    let subject = Subject {
        key: record.provider_key.parse().ok()?,
        order: record.order_id,
        operation: record.operation,
        amount: record.amount,
    };
    Some(TheirLine {
        subject,
        done: record.done,
        is_settled: record.at.plus_seconds(CLOCK_SLACK_SECONDS) < began,
    })
}

/// What came of it, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    payments: u64,
    provider_operations: u64,
    matched: u64,
    open: u64,
    differences: Vec<Shown>,
    ledger: LedgerView,
}

/// A difference, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    kind: &'static str,
    order_id: Option<OrderId>,
    operation: Option<&'static str>,
    ours: Option<String>,
    theirs: Option<String>,
    provider_key: Option<String>,
}

impl From<&Difference> for Shown {
    fn from(difference: &Difference) -> Self {
        let subject = difference.subject();
        let standing = |standing| match standing {
            Standing::Open | Standing::Overdue => "open",
            Standing::Ok => "ok",
            Standing::Declined => "declined",
            Standing::NeverHappened => "never happened",
        };
        let done = |done| if done { "ok" } else { "declined" };
        let text = |what: &str, about: Subject| format!("{what}, {}", about.amount);
        Self {
            kind: difference.kind.as_str(),
            order_id: subject.map(|subject| subject.order),
            operation: subject.map(|subject| subject.operation.as_str()),
            ours: difference.ours.map(|line| text(standing(line.standing), line.subject)),
            theirs: difference.theirs.map(|line| text(done(line.done), line.subject)),
            provider_key: subject.map(|subject| subject.key.to_string()),
        }
    }
}

impl Report {
    fn new(found: &Reconciliation, (payments, provider_operations): (u64, u64), ledger: LedgerView) -> Self {
        let differences = found.differences.iter().map(Shown::from).collect();
        let (matched, open) = (found.matched, found.open);
        Self { payments, provider_operations, matched, open, differences, ledger }
    }

    /// How many payments were compared: ours.
    pub(super) const fn payments(&self) -> u64 {
        self.payments
    }

    /// What differs: in which order, and how.
    pub(super) fn breaches(&self) -> impl Iterator<Item = (String, String)> {
        self.differences.iter().map(|one| {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let operation = one.operation.unwrap_or_default();
            let about = one.order_id.map(|order| order.to_string()).unwrap_or_default();
            let (ours, theirs) = (text(&one.ours), text(&one.theirs));
            (about, format!("{operation}, {}: {ours} here, {theirs} at the provider", one.kind))
        })
    }

    /// Currencies in which the books as a whole do not sum to zero.
    pub(super) fn unbalanced(&self) -> impl Iterator<Item = (String, String)> {
        let wrong = self.ledger.balances.iter().filter(|balance| balance.sum.amount != 0);
        wrong.map(|balance| {
            (balance.sum.currency.code().to_owned(), format!("the office's books sum to {}", balance.sum))
        })
    }

    fn is_clean(&self) -> bool {
        let balanced = self.ledger.balances.iter().all(|balance| balance.sum.amount == 0);
        self.differences.is_empty() && self.ledger.unbalanced.is_empty() && balanced
    }
}

impl Show for Report {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let mut fields = vec![
            ("as of", look.time(self.ledger.as_of)),
            ("payments", self.payments.to_string()),
            ("provider's operations", self.provider_operations.to_string()),
            ("matched", self.matched.to_string()),
            ("open", self.open.to_string()),
            ("differences", self.differences.len().to_string()),
            ("orders out of balance", self.ledger.unbalanced.len().to_string()),
        ];
        for balance in &self.ledger.balances {
            fields.push(("books sum to", balance.sum.to_string()));
            fields.push(("at the provider", balance.provider.to_string()));
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let row = |one: &Shown| {
            vec![
                one.kind.to_owned(),
                one.order_id.map(|order| order.to_string()).unwrap_or_default(),
                one.operation.unwrap_or_default().to_lowercase(),
                text(&one.ours),
                text(&one.theirs),
            ]
        };
        let differences = Rows {
            head: &["difference", "order", "operation", "ours", "provider's"],
            rows: self.differences.iter().map(row).collect(),
            flexible: None,
        };
        let unbalanced = self.ledger.unbalanced.iter().map(|order| {
            vec![
                order.order_id.to_string(),
                order.status.to_lowercase(),
                order.total.to_string(),
                order.booked.to_string(),
                order.paid.to_string(),
            ]
        });
        let unbalanced = Rows {
            head: &["out of balance", "status", "total", "booked", "captured less refunded"],
            rows: unbalanced.collect(),
            flexible: None,
        };
        vec![Block::Fields(fields), Block::Rows(differences), Block::Rows(unbalanced)]
    }

    fn ids(&self) -> Vec<String> {
        let differing = self.differences.iter().filter_map(|one| one.order_id);
        let all = differing.chain(self.ledger.unbalanced.iter().map(|order| order.order_id));
        let mut ids: Vec<_> = all.map(|order| order.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
