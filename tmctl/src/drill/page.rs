//! The report as a page: one file without scripts, for whoever was not there.

use std::fmt::Write as _;

use super::report::{Report, Sample};
use crate::output::Rows;

/// The drawing, in its own units.
const WIDTH: u64 = 900;
const HEIGHT: u64 = 220;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;margin:1rem 0}td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd}\
.ok{color:#00664b}.breach{color:#b33c00;font-weight:bold}svg{width:100%;height:auto;background:#f6f6f6}";

/// The page.
pub fn page(report: &Report) -> String {
    let mut html =
        String::from("<!doctype html><html lang=en><meta charset=utf-8><title>Rehearsal</title><style>");
    html.push_str(STYLE);
    let of = &report.rehearsed;
    let _ = write!(
        html,
        "</style><h1>Rehearsal of {}</h1><p>{} buyers of seed {} for {} seats; {} were sold.</p>",
        text(of.event_id.as_str()),
        of.buyers,
        of.seed,
        of.seats,
        report.sold
    );
    table(&mut html, &report.verdict_rows());
    plot(&mut html, "Seats sold", &report.samples, |sample| sample.sold.into());
    plot(&mut html, "In line", &report.samples, |sample| sample.waiting);
    plot(&mut html, "Inside", &report.samples, |sample| sample.inside);
    let tables = [
        report.wave_rows(),
        report.step_rows(),
        report.refusal_rows(),
        report.habit_rows(),
        report.fault_rows(),
    ];
    for rows in tables {
        table(&mut html, &rows);
    }
    html.push_str("</html>\n");
    html
}

fn table(html: &mut String, table: &Rows) {
    if table.rows.is_empty() {
        return;
    }
    let head: Vec<_> = table.head.iter().map(|name| format!("<th>{}</th>", text(name))).collect();
    let _ = write!(html, "<table><tr>{}</tr>", head.concat());
    for row in &table.rows {
        let cells: Vec<_> = row.iter().map(|value| format!("<td>{}</td>", cell(value))).collect();
        let _ = write!(html, "<tr>{}</tr>", cells.concat());
    }
    html.push_str("</table>");
}

fn cell(value: &str) -> String {
    match value {
        "ok" => "<span class=ok>ok</span>".to_owned(),
        "BREACH" => "<span class=breach>BREACH</span>".to_owned(),
        other => text(other),
    }
}

fn plot(html: &mut String, name: &str, samples: &[Sample], value: impl Fn(&Sample) -> u64) {
    let last = samples.last().map_or(1, |sample| sample.at_millis.max(1));
    let most = samples.iter().map(&value).max().unwrap_or(0).max(1);
    let point = |sample: &Sample| {
        format!("{},{}", sample.at_millis * WIDTH / last, HEIGHT - value(sample) * HEIGHT / most)
    };
    let points: Vec<_> = samples.iter().map(point).collect();
    let _ = write!(
        html,
        "<h2>{name}</h2><p>up to {most}, in {} s</p><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"{name}\">\
         <polyline fill=none stroke=#0072b2 stroke-width=2 points=\"{}\"/></svg>",
        last / 1_000,
        points.join(" ")
    );
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
