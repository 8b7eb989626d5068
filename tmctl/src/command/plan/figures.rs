//! Figures of one's own machine, out of what the benchmark writes.

use std::num::NonZeroU64;
use std::path::Path;

use serde::Deserialize;
use tmcore::plan::{Figure, Figures, Source};

use crate::error::Failure;
use crate::exit::Exit;

#[derive(Debug, Deserialize)]
struct Report {
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    operation: String,
    unit: String,
    program: f64,
}

/// The figures in `file`; what it does not have stays as it is by default.
pub fn read(file: &Path) -> Result<Figures, Failure> {
    let failed = |reason: String| {
        let hint = "`cargo bench --workspace --bench office -- --json` writes one";
        Failure::new(Exit::Usage, format!("failed to read figures from {}: {reason}", file.display()))
            .hint(hint)
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let mut figures = Figures::default();
    let mut found = false;
    for row in &report.rows {
        if let Some((figure, value)) = figure(&row.operation, &row.unit, row.program) {
            let source = Source::Measured(format!("{}: {}", file.display(), row.operation).into());
            let value = value.ok_or_else(|| failed(format!("`{}` has no figure", row.operation)))?;
            figures.set(figure, value, source);
            found = true;
        }
    }
    if found { Ok(figures) } else { Err(failed("it has none".to_owned())) }
}

/// The figure that a row of the benchmark is, in its unit.
fn figure(operation: &str, unit: &str, program: f64) -> Option<(Figure, Option<NonZeroU64>)> {
    let told = || {
        operation.strip_prefix("a turn at the gate, told to ")?.strip_suffix(" streams, p99")?.parse().ok()
    };
    let (figure, value) = match unit {
        "MB" if operation.starts_with("memory at rest, ") => (Figure::RestMemory, program * 1e6),
        "KiB" if operation.ends_with(" idle session streams, memory each") => {
            (Figure::StreamMemory, program * 1024.0)
        }
        "ms" => (Figure::Tellings, told().map(|streams: f64| streams / program * 1e3)?),
        "requests/s" if operation.starts_with("GET availability, gzip, ") => (Figure::Reads, program),
        "requests/s" if operation.starts_with("poll of a place, ") => (Figure::Polls, program),
        "joins/s" if operation.starts_with("join, fresh guests, ") => (Figure::Joins, program),
        "purchases/s" if operation.starts_with("purchases, closed loop of ") => (Figure::Orders, program),
        _ => return None,
    };
    // Against the plan: what is needed up, what is carried down.
    Some((figure, whole(if figure.unit() == "bytes" { value.ceil() } else { value.floor() })))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, positive, and far below 2^53"
)]
fn whole(value: f64) -> Option<NonZeroU64> {
    (1.0..1e15).contains(&value).then(|| NonZeroU64::new(value as u64)).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read_source(path: &str) -> String {
        std::fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// What is known by default is what `docs/performance.md` says, where that says it.
    #[test]
    fn default_figures_are_those_of_the_performance_page() {
        // Of rows of one name the last counts: those of the shared database come after those of the file.
        let (mut seen, known) = (BTreeMap::new(), Figures::default());
        for line in read_source("docs/performance.md").lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let [_, operation, unit, _, program, ..] = cells[..] else { continue };
            let Ok(program) = program.replace(',', "").parse() else { continue };
            let Some((figure, value)) = figure(operation, unit, program) else { continue };
            seen.insert(figure as usize, (figure, value, operation.to_owned()));
        }
        for (figure, value, operation) in seen.values() {
            assert_eq!(value.map(NonZeroU64::get), Some(known.get(*figure)), "{operation}");
        }
        let from_there = |figure: &Figure| matches!(known.source(*figure), Source::Measured(text) if text.starts_with("docs/performance.md"));
        for figure in Figure::ALL.into_iter().filter(from_there) {
            assert!(seen.contains_key(&(figure as usize)), "{figure:?}");
        }
    }

    #[test]
    fn what_is_no_figure_is_none() {
        assert_eq!(figure("join, fresh guests, 64 clients", "joins/s", 0.5), Some((Figure::Joins, None)));
        assert_eq!(
            figure("join, fresh guests, 64 clients", "joins/s", f64::NAN),
            Some((Figure::Joins, None))
        );
        assert_eq!(figure("join, fresh guests, 64 clients, p99", "ms", 43.0), None);
        assert_eq!(
            figure("a turn at the gate, told to 0 streams, p99", "ms", 43.0),
            Some((Figure::Tellings, None))
        );
    }
}
