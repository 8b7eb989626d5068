//! What was measured: rows, their targets, a table for people and JSON for programs.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::machine::Machine;

/// What a row has to reach.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// So many times the ceiling of the same run.
    Ratio(f64),
    /// The program's figure, at least.
    AtLeast(f64),
    /// The program's figure, at most.
    AtMost(f64),
    /// Told, and held to nothing.
    None,
}

/// One figure, and what it is held to.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was done.
    pub operation: String,
    /// Of both figures.
    pub unit: &'static str,
    /// The ceiling's figure, the median of the rounds.
    pub ceiling: Option<f64>,
    /// The program's figure, the median of the rounds.
    pub program: f64,
    /// The program's by the ceiling's, the median of the rounds.
    pub ratio: Option<f64>,
    /// In words.
    pub target: String,
    /// `None` where there is no target.
    pub met: Option<bool>,
    /// What else is to be known.
    pub note: String,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: Machine,
    /// Measured elsewhere, on this kind of machine.
    peer: Peer,
    rows: Vec<Row>,
}

/// Figures of the peer, for comparison; it is not started.
#[derive(Debug, Serialize)]
struct Peer {
    name: &'static str,
    orders_per_second: f64,
    source: &'static str,
}

/// pretix with its usual services on two cores of this kind, each order with one seat: 10 to 14 a second at 1, 4 and 16
/// clients, with one worker a core and one more. The better figure counts.
const PRETIX: Peer = Peer {
    name: "pretix 2026.8 (gunicorn, 3 workers, PostgreSQL, Redis), orders with a seat by REST",
    orders_per_second: 14.0,
    source: "recorded on two such cores with 1, 4 and 16 clients; not started by this run",
};

impl Report {
    /// With nothing in it yet.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { machine: Machine::look()?, peer: PRETIX, rows: Vec::new() })
    }

    /// Orders a second of the peer.
    pub const fn peer_orders_per_second(&self) -> f64 {
        self.peer.orders_per_second
    }

    /// Adds a figure without a ceiling of its own.
    pub fn figure(&mut self, operation: &str, unit: &'static str, program: f64, target: Target) -> &mut Row {
        self.push(operation, unit, (None, program), target)
    }

    /// Adds figures of rounds, the ceiling's and the program's of each.
    pub fn rounds(
        &mut self,
        operation: &str,
        unit: &'static str,
        rounds: &[(f64, f64)],
        target: Target,
    ) -> &mut Row {
        let ceiling = median(rounds.iter().map(|round| round.0));
        let program = median(rounds.iter().map(|round| round.1));
        let row = self.push(operation, unit, (Some(ceiling), program), target);
        row.ratio = Some(median(rounds.iter().map(|round| round.1 / round.0)));
        if let Target::Ratio(wanted) = target {
            row.met = row.ratio.map(|ratio| ratio >= wanted);
        }
        row
    }

    fn push(
        &mut self,
        operation: &str,
        unit: &'static str,
        (ceiling, program): (Option<f64>, f64),
        target: Target,
    ) -> &mut Row {
        let ratio = ceiling.map(|ceiling| program / ceiling);
        let (text, met) = match target {
            Target::Ratio(wanted) => (format!(">= {wanted} x"), ratio.map(|ratio| ratio >= wanted)),
            Target::AtLeast(wanted) => (format!(">= {}", number(wanted)), Some(program >= wanted)),
            Target::AtMost(wanted) => (format!("<= {}", number(wanted)), Some(program <= wanted)),
            Target::None => (String::new(), None),
        };
        let row = Row {
            operation: operation.to_owned(),
            unit,
            ceiling,
            program,
            ratio,
            target: text,
            met,
            note: String::new(),
        };
        eprintln!("  {}", line(&row));
        self.rows.push(row);
        self.rows.last_mut().expect("just pushed")
    }

    /// The table.
    pub fn print(&self) {
        println!(
            "\n{}\npeer: {}, {}/s; {}\n",
            self.machine, self.peer.name, self.peer.orders_per_second, self.peer.source
        );
        println!("| operation | unit | ceiling | program | ratio | target | met | note |");
        println!("|---|---|---|---|---|---|---|---|");
        for row in &self.rows {
            println!("| {} |", line(row));
        }
        let held = self.rows.iter().filter(|row| row.met.is_some()).count();
        let met = self.rows.iter().filter(|row| row.met == Some(true)).count();
        println!("\n{met} of {held} targets met");
    }

    /// The same as JSON.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(file.parent().context("a file in a folder")?)?;
        std::fs::write(file, serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    /// The same on standard output.
    pub fn print_json(&self) -> anyhow::Result<()> {
        println!("{}", serde_json::to_string_pretty(self)?);
        Ok(())
    }
}

impl Row {
    /// Says what else is to be known.
    pub fn note(&mut self, note: impl Into<String>) {
        self.note = note.into();
        eprintln!("      {}", self.note);
    }
}

fn line(row: &Row) -> String {
    let met = match row.met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    let ceiling = row.ceiling.map(number).unwrap_or_default();
    let ratio = row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let cells =
        [&row.operation, row.unit, &ceiling, &number(row.program), &ratio, &row.target, met, &row.note];
    cells.join(" | ")
}

/// A figure to three digits or whole.
fn number(figure: f64) -> String {
    if figure.abs() >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

/// The middle one.
pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
