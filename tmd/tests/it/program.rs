//! The program itself as an operator starts it, which may refuse to start.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tmapi::client::{Client, SaleAction};
use tmapi::event::{EventPatch, ImportSeatingPlan, WaitingRoomMode};
use tmcore::EventId;
use tmd::health;

use crate::harness::{client, event_id, eventually, plan};
use crate::restart::free_address;

/// A daemon that is ready. Dropped, it is gone as if killed.
pub struct Program {
    child: Child,
    pub url: String,
    data: PathBuf,
}

fn command(data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmd"));
    command.env_clear().env("HOME", data).arg("--data-dir").arg(data).stdout(Stdio::null());
    command.envs(settings.iter().copied());
    command.stderr(File::create(data.join("log")).unwrap());
    command
}

/// What it said.
fn log(data: &Path) -> String {
    std::fs::read_to_string(data.join("log")).unwrap()
}

/// Runs one of its commands to the end.
pub fn run(data: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> (ExitStatus, String) {
    let status = command(data, settings).args(arguments).status().unwrap();
    (status, log(data))
}

impl Program {
    /// Starts it with more arguments.
    ///
    /// # Errors
    /// What it said when it ended instead.
    pub async fn start(data: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Result<Self, String> {
        let (listen, admin) = (free_address(), free_address());
        let mut command = command(data, settings);
        command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
        let url = health::local_url(listen);
        let mut program =
            Self { child: command.args(arguments).spawn().unwrap(), url, data: data.to_owned() };
        let mut ended = None;
        eventually("it is ready or ends", async || {
            ended = program.child.try_wait().unwrap();
            ended.is_some() || health::probe(&program.url).await.is_ok()
        })
        .await;
        if ended.is_some() { Err(log(data)) } else { Ok(program) }
    }

    pub fn client(&self) -> Client {
        client(&self.url, None)
    }

    /// Puts an event with ten seats on sale.
    pub async fn put_on(&self, event: &str, waiting_room: WaitingRoomMode) -> EventId {
        let token = std::fs::read_to_string(self.data.join("organiser.token")).unwrap();
        let (organiser, event) = (client(&self.url, Some(token)), event_id(event));
        let settings = EventPatch {
            starts_at: Some("2030-01-01T20:00:00Z".parse().unwrap()),
            waiting_room: Some(waiting_room),
            ..EventPatch::default()
        };
        let prices = [("Standard".to_owned(), 1_000)].into_iter().collect();
        let import = ImportSeatingPlan { seating_plan: plan(1, 10), prices, event: settings };
        organiser.import(&event, &import).await.unwrap();
        organiser.sale_action(&event, SaleAction::Open).await.unwrap();
        event
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
