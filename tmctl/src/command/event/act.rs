//! `tmctl event open|pause|resume|close`.

use tmapi::client::SaleAction;
use tmcore::EventId;

use super::super::Outcome;
use super::view::{Event, likely};
use crate::argument;
use crate::desk::Desk;
use crate::exit::Exit;
use crate::organiser::Organiser;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The event; `-` reads several from stdin; left out, the one last spoken of
    #[arg(value_name = "EVENT")]
    event: Option<String>,
}

pub async fn run(desk: &Desk, organiser: &Organiser, args: Args, action: SaleAction) -> Outcome {
    let events = argument::many::<EventId>(desk, args.event.as_deref())?;
    let client = organiser.client(desk)?;
    for id in events {
        let answer = client.sale_action(&id, action).await;
        let event = likely(desk, &id, answer, &format!("{} {id}", action.verb())).await?;
        desk.remember(|state| state.saw_event(&id));
        desk.out.show(&Event(event))?;
        desk.out.next(&match action {
            SaleAction::Open | SaleAction::Resume => format!("sale status {id} --watch"),
            SaleAction::Pause => format!("event resume {id}"),
            SaleAction::Close => format!("sale status {id}"),
        });
    }
    Ok(Exit::Ok)
}
