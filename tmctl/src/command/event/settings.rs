//! What may be set of an event, on the command line.

use std::time::Duration;

use clap::ValueEnum;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tmapi::ProblemCode;
use tmapi::event::{EventPatch, WaitingRoomMode};
use tmcore::Timestamp;
use tmcore::money::Currency;

use crate::argument::parse_duration;
use crate::error::Failure;

/// What may be set of an event; what is left out keeps its value, or the daemon's default on a new event.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings of the event; left out, they stay as they are")]
pub struct Settings {
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// When it begins: 2027-05-01T19:30 where you are, or RFC 3339
    #[arg(long, value_name = "TIME")]
    starts_at: Option<String>,
    /// When its sale begins; never set, `event open` begins it
    #[arg(long, value_name = "TIME")]
    sale_starts_at: Option<String>,
    /// The venue's name
    #[arg(long, value_name = "NAME")]
    venue: Option<String>,
    /// The venue's town
    #[arg(long)]
    city: Option<String>,
    /// Who performs; may be given several times
    #[arg(long = "performer", value_name = "NAME")]
    performers: Vec<String>,
    /// The currency of its prices, such as EUR; fixed once there are seats [default: EUR]
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    #[command(flatten)]
    sale: SaleSettings,
}

/// How it is sold.
#[derive(clap::Args, Clone, Debug, Default)]
struct SaleSettings {
    /// Whether buyers stand in line
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    waiting_room: Option<Switch>,
    /// How many buyers may be inside at once
    #[arg(long, value_name = "N")]
    capacity: Option<u32>,
    /// How many buyers are let in a minute at the most
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// How long an order may take before its seats go back
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    hold_ttl: Option<Duration>,
    /// How many seats an order may have
    #[arg(long, value_name = "N")]
    seats_per_order: Option<u32>,
    /// How many seats a buyer may have over all orders
    #[arg(long, value_name = "N")]
    seats_per_buyer: Option<u32>,
    /// After how long without a sign of life a place in line lapses
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lapse: Option<Duration>,
    /// How long a buyer who was let in may take to begin an order
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    active: Option<Duration>,
    /// How long before the sale begins its lobby opens
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lobby: Option<Duration>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Settings {
    /// What is to be changed. Times without a zone are meant where the user is.
    pub fn patch(&self, zone: &TimeZone) -> Result<EventPatch, Failure> {
        let time = |text: &Option<String>| text.as_deref().map(|text| read_time(text, zone)).transpose();
        let sale = &self.sale;
        Ok(EventPatch {
            name: self.name.clone(),
            starts_at: time(&self.starts_at)?,
            sale_starts_at: time(&self.sale_starts_at)?,
            venue: self.venue.clone(),
            city: self.city.clone(),
            performers: Some(self.performers.clone()).filter(|names| !names.is_empty()),
            waiting_room: sale.waiting_room.map(|switch| match switch {
                Switch::On => WaitingRoomMode::On,
                Switch::Off => WaitingRoomMode::Off,
            }),
            currency: self.currency()?.map(|currency| currency.code().to_owned()),
            hold_ttl_seconds: seconds("hold-ttl", sale.hold_ttl)?,
            capacity: sale.capacity,
            admissions_per_minute: sale.rate,
            seats_per_order: sale.seats_per_order,
            seats_per_buyer: sale.seats_per_buyer,
            lapse_seconds: seconds("lapse", sale.lapse)?,
            active_seconds: seconds("active", sale.active)?,
            lobby_seconds: seconds("lobby", sale.lobby)?,
        })
    }

    /// The currency, where one is named.
    pub fn currency(&self) -> Result<Option<Currency>, Failure> {
        let Some(code) = &self.currency else { return Ok(None) };
        let read = code.to_uppercase().parse();
        read.map(Some).map_err(|_| {
            Failure::usage(format!("`{code}` is no currency")).hint("ISO 4217 names them: EUR, GBP, JPY")
        })
    }
}

/// Whole seconds, as the daemon takes them.
fn seconds(flag: &str, time: Option<Duration>) -> Result<Option<u32>, Failure> {
    let Some(time) = time else { return Ok(None) };
    match u32::try_from(time.as_secs()) {
        Ok(seconds) if time.subsec_nanos() == 0 => Ok(Some(seconds)),
        _ => Err(Failure::usage(format!(
            "--{flag} takes whole seconds, and no more than {} of them",
            u32::MAX
        ))),
    }
}

fn read_time(text: &str, zone: &TimeZone) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let local: Result<DateTime, _> = text.parse();
    let time = local.and_then(|local| local.to_zoned(zone.clone()));
    time.map(|time| Timestamp::from_millis(time.timestamp().as_millisecond())).map_err(|_| {
        Failure::usage(format!("`{text}` is no time"))
            .hint("write 2027-05-01T19:30 where you are, or 2027-05-01T19:30:00Z")
    })
}

/// What to do about settings that the daemon refused.
pub fn with_advice(failure: Failure) -> Failure {
    if failure.code == Some(ProblemCode::InvalidEvent) && failure.message.contains("startsAt") {
        return failure.hint("--starts-at says when it begins, such as 2027-05-01T19:30");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_meant_where_the_user_is_unless_they_say_otherwise() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let read = |text| read_time(text, &berlin).map(|time| time.to_string()).map_err(|f| f.exit);
        for text in
            ["2027-05-01T19:30", "2027-05-01 19:30:00", "2027-05-01T17:30:00Z", "2027-05-01T18:30:00+01:00"]
        {
            assert_eq!(read(text).as_deref(), Ok("2027-05-01T17:30:00Z"), "{text}");
        }
        assert_eq!(read("2027-05-01").as_deref(), Ok("2027-04-30T22:00:00Z"));
        assert_eq!(read("tomorrow"), Err(crate::exit::Exit::Usage));
    }

    #[test]
    fn only_whole_seconds_are_taken() {
        assert_eq!(seconds("x", Some(Duration::from_secs(600))).unwrap(), Some(600));
        assert!(seconds("x", Some(Duration::from_millis(1500))).is_err());
        assert!(seconds("x", Some(Duration::from_secs(1 << 33))).is_err());
    }
}
