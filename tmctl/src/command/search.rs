//! `tmctl search`: events by word and date.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tmapi::client::SearchQuery;
use tmcore::Timestamp;

use super::Outcome;
use super::events::Events;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl search quartet
  tmctl search --start 2027-05-01 --end 2027-06-01
  tmctl search berlin --page 2 --page-size 20 -o json")]
pub struct Args {
    /// Words of the event, its venue or its performers
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Events that begin then or later: a day, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Events that begin before then
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// The most hits to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    page_size: u32,
    /// Which page of hits, from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    page: u32,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let zone = desk.host.zone();
    let time = |text: &Option<String>| text.as_deref().map(|text| read_time(text, zone)).transpose();
    let keyword = args.words.join(" ");
    let query = SearchQuery {
        keyword: Some(keyword).filter(|words| !words.is_empty()),
        start: time(&args.start)?,
        end: time(&args.end)?,
        page_size: Some(args.page_size),
        page: Some(args.page),
    };
    let found = desk.anonymous().search(&query).await.doing("search")?;
    let first = found.items.first().map(|event| event.event_id.clone());
    let shown = found.items.len();
    desk.out.show(&Events(found.items))?;
    let before = u64::from(found.page.saturating_sub(1)) * u64::from(found.page_size);
    match first {
        None => desk.out.note("nothing found"),
        Some(_) if before + (shown as u64) < found.total => {
            desk.out.hint(&format!("{} found; --page {} shows more", found.total, found.page + 1));
        }
        Some(_) => {}
    }
    if let Some(first) = first {
        desk.out.next(&format!("show {first}"));
    }
    Ok(Exit::Ok)
}

/// A day begins at midnight where the user is.
fn read_time(text: &str, zone: &TimeZone) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let day: Result<Date, _> = text.parse();
    let midnight = day.and_then(|day| day.to_zoned(zone.clone()));
    midnight.map(|time| Timestamp::from_millis(time.timestamp().as_millisecond())).map_err(|_| {
        Failure::usage(format!("`{text}` is no time")).hint("write 2027-05-01 or 2027-05-01T19:30:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_where_the_user_is() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(read_time("2027-05-01", &berlin).unwrap().to_string(), "2027-04-30T22:00:00Z");
        assert_eq!(read_time("2027-05-01T19:30:00Z", &berlin).unwrap().to_string(), "2027-05-01T19:30:00Z");
        assert!(read_time("tomorrow", &berlin).is_err());
    }
}
