//! The office of a rehearsal: a daemon and a payment provider that know nothing of the real ones, and the event copied in.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tmapi::client::{Client, ClientOptions, SaleAction};
use tmapi::event::{EventPatch, EventView, ImportSeatingPlan, WaitingRoomMode};
use tmapi::seat_map::SeatMapView;
use tmcore::seating::to_pretix_json;
use tokio::sync::Mutex;

use super::messenger::Messenger;
use super::servers::Servers;
use super::surroundings::Surroundings;
use super::wire::Wire;
use super::wires::{Wires, tap};
use crate::child::OwnTmd;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::host::Host;

/// What of the sale is not the event's own.
#[derive(Clone, Debug)]
pub struct Settings {
    pub hold_ttl_seconds: u32,
    pub capacity: Option<u32>,
    pub admissions_per_minute: Option<u32>,
    /// How long the payment provider takes for everything.
    pub provider_latency: Duration,
    /// Whether a PostgreSQL and a Redis are started for it.
    pub has_servers: bool,
    /// Settings of the daemon, by their names in its configuration.
    pub daemon: Vec<(String, String)>,
}

/// Everything of it is gone when this is.
#[derive(Debug)]
pub struct Office {
    pub daemon: Mutex<OwnTmd>,
    pub gateway: Mutex<OwnTmd>,
    /// Behind the daemon, where they are the rehearsal's own.
    pub servers: Option<Servers>,
    pub surroundings: Surroundings,
    pub wires: Wires,
    /// Does not come by the street.
    pub organiser: Client,
    _folder: TempDir,
}

impl Office {
    /// Starts all its processes.
    pub async fn open(desk: &Desk, settings: &Settings, surroundings: Surroundings) -> Result<Self, Failure> {
        let broken = |error: std::io::Error| {
            Failure::new(Exit::Error, format!("failed to set the rehearsal up: {error}"))
        };
        Host::raise_descriptors();
        let folder = TempDir::with_prefix("tmctl-drill-").map_err(broken)?;
        let secret = folder.path().join("callback.secret");
        let mut gateway = OwnTmd::new(&desk.host, &folder.path().join("gateway"))?.with(&["gateway"]);
        let line = Wire::to(gateway.address, settings.provider_latency).await.map_err(broken)?;
        let home = folder.path().join("office");
        let mut daemon = OwnTmd::new(&desk.host, &home)?
            .with(&["--gateway-url", &line.url()])
            .set("gateway.callback_secret_file", &secret.display())
            .set("log.filter", &"warn");
        let mut data = home.join("data");
        if let Some(disk) = &surroundings.disk {
            daemon = daemon.on(disk);
            data = disk.path().join("data");
        }
        if let Some(clock) = &surroundings.clock {
            daemon = daemon.under(clock.environment());
        }
        let servers = if settings.has_servers { Some(Servers::start(desk).await?) } else { None };
        let mut own = servers.as_ref().map(|servers| servers.settings.clone()).unwrap_or_default();
        own.extend(settings.daemon.iter().cloned());
        let (postgres, redis) = tap(&mut own).await.map_err(broken)?;
        for (name, value) in &own {
            daemon = daemon.set(name, value);
        }
        let messenger = Messenger::to(&daemon.url(), secret.clone()).await?;
        gateway = gateway
            .with(&["--callback-url", &messenger.url()])
            .set("gateway.callback_secret_file", &secret.display())
            .set("log.filter", &"warn");
        let street = Wire::to(daemon.address, Duration::ZERO).await.map_err(broken)?;
        gateway.start().await.doing("start the payment provider of the rehearsal")?;
        daemon.start().await.doing("start the office of the rehearsal")?;
        let token = Some(read(&data.join("organiser.token"))?);
        let organiser = Client::new(&daemon.url(), ClientOptions { token, ..ClientOptions::default() })?;
        let (daemon, gateway) = (Mutex::new(daemon), Mutex::new(gateway));
        let wires = Wires { street, line, messenger, postgres, redis };
        Ok(Self { daemon, gateway, servers, surroundings, wires, organiser, _folder: folder })
    }

    /// Copies the event in, with all its seats to be had, and opens its sale.
    pub async fn put_on(
        &self,
        event: &EventView,
        map: &SeatMapView,
        settings: &Settings,
    ) -> Result<EventView, Failure> {
        let organiser = &self.organiser;
        let id = &event.summary.event_id;
        let plan = map.plan().map_err(|error| Failure::new(Exit::Error, error.to_string()))?;
        let prices = map.price_levels.iter().map(|level| (level.name.clone(), level.price.amount)).collect();
        let request = ImportSeatingPlan {
            seating_plan: to_pretix_json(&plan),
            prices,
            event: patch(event, map, settings),
        };
        organiser.import(id, &request).await.doing("copy the event into the rehearsal")?;
        organiser.sale_action(id, SaleAction::Open).await.doing("open the sale of the rehearsal")
    }
}

/// The event's rules, but for those that the rehearsal sets.
fn patch(event: &EventView, map: &SeatMapView, settings: &Settings) -> EventPatch {
    let (summary, rules) = (&event.summary, &event.settings);
    EventPatch {
        name: Some(summary.name.clone()),
        starts_at: Some(summary.starts_at),
        venue: Some(summary.venue.name.clone()),
        city: Some(summary.venue.city.clone()).filter(|city| !city.is_empty()),
        waiting_room: Some(summary.waiting_room),
        currency: map.price_levels.first().map(|level| level.price.currency.code().to_owned()),
        hold_ttl_seconds: Some(settings.hold_ttl_seconds),
        capacity: Some(settings.capacity.unwrap_or(rules.capacity)),
        admissions_per_minute: Some(settings.admissions_per_minute.unwrap_or(rules.admissions_per_minute)),
        seats_per_order: Some(rules.seats_per_order),
        seats_per_buyer: Some(rules.seats_per_buyer),
        lapse_seconds: Some(rules.lapse_seconds),
        // Who is let in and does not come is not waited for longer than who holds seats.
        active_seconds: Some(rules.active_seconds.min(settings.hold_ttl_seconds.max(2))),
        ..EventPatch::default()
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file);
    text.map(|text| text.trim().to_owned())
        .map_err(|error| Failure::new(Exit::Error, format!("failed to read {}: {error}", file.display())))
}

/// Whether buyers have to be let in.
pub const fn has_waiting_room(event: &EventView) -> bool {
    matches!(event.summary.waiting_room, WaitingRoomMode::On)
}
