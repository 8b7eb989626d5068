//! `tmctl tickets`: tickets and their QR codes.

use serde::Serialize;
use tmapi::ticket::TicketView;
use tmcore::{OrderId, TicketId};

use super::Outcome;
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::mutation::{client_for_order, learn};
use crate::output::{Block, Look, Rows, Show, qr};

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl tickets                   of the order last finalized
  tmctl tickets ord_01kaz... --qr -o table > tickets.txt
  tmctl tickets -o json")]
pub struct Args {
    /// An order or a ticket; left out, TM_ORDER or the order last begun
    #[arg(value_name = "ORDER|TICKET")]
    id: Option<String>,
    /// Draw the QR codes also where stdout is no terminal; takes `-o table` there
    #[arg(long)]
    qr: bool,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let draw = args.qr || desk.out.is_for_people();
    let tickets = match args.id.as_deref() {
        Some(id) if id.starts_with(TicketId::PREFIX) => vec![ticket(desk, argument::parse(id)?).await?],
        id => of_orders(desk, id).await?,
    };
    desk.out.show(&Tickets { tickets, draw })?;
    Ok(Exit::Ok)
}

async fn ticket(desk: &Desk, id: TicketId) -> Result<TicketView, Failure> {
    let event = desk.profile.state()?.event_of(&id.to_string()).cloned();
    desk.client_for(event.as_ref())?.ticket(id).await.doing(&format!("show {id}"))
}

async fn of_orders(desk: &Desk, argument: Option<&str>) -> Result<Vec<TicketView>, Failure> {
    let mut tickets = Vec::new();
    for id in argument::many::<OrderId>(desk, argument)? {
        let order =
            client_for_order(desk, id)?.order(id).await.doing(&format!("show the tickets of {id}"))?;
        learn(desk, &order);
        if order.tickets.is_empty() {
            let status = super::order::said(order.status);
            return Err(Failure::new(Exit::Conflict, format!("{id} is {status}: it has no tickets"))
                .hint(desk.out.command(&format!("status {id}"))));
        }
        tickets.extend(order.tickets);
    }
    Ok(tickets)
}

/// Tickets, with or without their codes drawn.
pub struct Tickets {
    pub tickets: Vec<TicketView>,
    pub draw: bool,
}

impl Serialize for Tickets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tickets.serialize(serializer)
    }
}

impl Show for Tickets {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let row = |ticket: &TicketView| {
            vec![
                ticket.ticket_id.to_string(),
                ticket.event_id.to_string(),
                ticket.seat_id.to_string(),
                ticket.section.clone(),
                ticket.row.clone(),
                ticket.number.clone(),
                ticket.code.clone(),
            ]
        };
        let head: &[&str] = &["ticket", "event", "seat", "section", "row", "number", "code"];
        let rows: Vec<_> = self.tickets.iter().map(row).collect();
        if !self.draw {
            return vec![Block::Rows(Rows { head, rows, flexible: Some(3) })];
        }
        // The code stands under its drawing, where there is room for it.
        let short = rows.into_iter().map(|row| row.into_iter().take(6).collect()).collect();
        let mut blocks = vec![Block::Rows(Rows { head: &head[..6], rows: short, flexible: Some(3) })];
        for ticket in &self.tickets {
            blocks.push(Block::Drawing(drawing(ticket, look.painted)));
        }
        blocks
    }

    fn ids(&self) -> Vec<String> {
        self.tickets.iter().map(|ticket| ticket.ticket_id.to_string()).collect()
    }
}

fn drawing(ticket: &TicketView, painted: bool) -> String {
    let escape = crate::output::escape::escape;
    let code = qr::half_blocks(&ticket.code, painted).unwrap_or_default();
    let seat = format!("{}, row {}, seat {}", ticket.section, ticket.row, ticket.number);
    format!("{code}{}\n{}\n", escape(&seat), escape(&ticket.code))
}
