//! The report as a page: one file without scripts, for whoever was not there.

use std::fmt::Write as _;

use super::report::{Report, Sample};

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
    table(
        &mut html,
        &["", "promise", "what"],
        report.verdict.iter().map(|judged| {
            let (class, word) = if judged.holds { ("ok", "ok") } else { ("breach", "BREACH") };
            let what = if judged.holds { judged.sentence.clone() } else { judged.breaches.join("; ") };
            vec![format!("<span class={class}>{word}</span>"), text(&judged.check), text(&what)]
        }),
    );
    plot(&mut html, "Seats sold", &report.samples, |sample| sample.sold.into());
    plot(&mut html, "In line", &report.samples, |sample| sample.waiting);
    plot(&mut html, "Inside", &report.samples, |sample| sample.inside);
    table(
        &mut html,
        &["step", "done", "refused", "unknown", "p50", "p99", "p99.9", "max"],
        report.steps.iter().map(|one| {
            let numbers = [one.done, one.refused, one.unknown].map(|number| number.to_string());
            let times = [one.took.p50, one.took.p99, one.took.p999, one.took.max]
                .map(|millis| format!("{millis} ms"));
            [vec![one.step.as_str().to_owned()], numbers.into(), times.into()].concat()
        }),
    );
    table(
        &mut html,
        &["refused", "times"],
        report.refusals.iter().map(|(what, count)| vec![text(what), count.to_string()]),
    );
    table(
        &mut html,
        &["habit", "came", "bought"],
        report
            .habits
            .iter()
            .map(|one| vec![one.habit.to_owned(), one.came.to_string(), one.bought.to_string()]),
    );
    table(
        &mut html,
        &["at, s", "fault"],
        report.faults.iter().map(|one| vec![(one.at_millis / 1_000).to_string(), text(&one.what)]),
    );
    html.push_str("</html>\n");
    html
}

/// Cells are HTML already.
fn table(html: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let cells = |kind: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<_> = cells.map(|cell| format!("<{kind}>{cell}</{kind}>")).collect();
        format!("<tr>{}</tr>", cells.concat())
    };
    html.push_str("<table>");
    html.push_str(&cells("th", &mut head.iter().map(ToString::to_string)));
    for row in rows {
        html.push_str(&cells("td", &mut row.into_iter()));
    }
    html.push_str("</table>");
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
