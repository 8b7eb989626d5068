//! Running a sale, with the organiser's token: named, or read from the daemon's data folder on this host.

use std::path::PathBuf;

use tmapi::client::{Client, SaleAction};
use tmapi::event::{EventPatch, EventView};
use tmapi::sale::SaleView;
use tmcore::EventId;

use super::office::Office;
use crate::action::Trouble;

/// Every organiser's token begins so.
const PREFIX: &str = "org_";
/// The token's file in the daemon's data folder.
const FILE: &str = "organiser.token";

impl Office {
    /// How a sale is going.
    pub async fn sale(&self, event: &EventId) -> Result<SaleView, Trouble> {
        Ok(self.organiser()?.sale(event).await?)
    }

    /// Opens, pauses, resumes or closes a sale.
    pub async fn run(&self, event: &EventId, action: SaleAction) -> Result<EventView, Trouble> {
        Ok(self.organiser()?.sale_action(event, action).await?)
    }

    /// Lets so many in at once.
    pub async fn set_capacity(&self, event: &EventId, capacity: u32) -> Result<EventView, Trouble> {
        let patch = EventPatch { capacity: Some(capacity), ..EventPatch::default() };
        Ok(self.organiser()?.patch_event(event, &patch).await?)
    }

    fn organiser(&self) -> Result<Client, Trouble> {
        let missing = || Trouble {
            hint: Some(
                "set TM_ORGANISER_TOKEN; it is in organiser.token of the daemon's data folder".to_owned(),
            ),
            ..Trouble::new("this needs the organiser's token")
        };
        let token = self.organiser_token().ok_or_else(missing)?;
        self.client_with(Some(&token))
    }

    fn organiser_token(&self) -> Option<String> {
        let is_organisers = |token: &String| token.starts_with(PREFIX);
        let named = self.host.env("TM_ORGANISER_TOKEN").map(str::to_owned);
        let explicit = || self.profile.explicit_token.clone().filter(is_organisers);
        let kept = || self.profile.context_token.clone().filter(is_organisers);
        named.or_else(explicit).or_else(kept).or_else(|| self.token_of_this_host())
    }

    /// The data folder's token goes to a daemon on this host only.
    fn token_of_this_host(&self) -> Option<String> {
        if !tmctl::is_here(self.address()) {
            return None;
        }
        let path = |name: &str| self.host.env(name).map(PathBuf::from);
        let xdg = || path("XDG_DATA_HOME").filter(|folder| folder.is_absolute()).map(|data| data.join("tmd"));
        let home = || Some(path("HOME")?.join(".local/share/tmd"));
        let folder = path("TMD_SERVER_DATA_DIR").or_else(xdg).or_else(home)?;
        let text = std::fs::read_to_string(folder.join(FILE)).ok()?;
        Some(text.trim().to_owned()).filter(|token| !token.is_empty())
    }
}
