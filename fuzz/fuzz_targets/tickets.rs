//! No ticket code is good but the one that was issued.
#![no_main]

use arbitrary::Arbitrary;
use fuzz::{Edit, edited};
use libfuzzer_sys::fuzz_target;
use tmcore::ticket::{TicketCode, TicketKey};
use tmcore::{EventId, SeatId, TicketId};
use uuid::Uuid;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    ticket: u128,
    event: &'a str,
    seat: &'a str,
    edits: Vec<Edit>,
    typed: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let key = TicketKey::new([7; 32]);
    let (event, seat): (EventId, SeatId) = ("E1".parse().unwrap(), "A-12-7".parse().unwrap());
    let code = TicketCode::issue(&key, TicketId::from_uuid(Uuid::from_u128(input.ticket)), &event, &seat);
    let written = code.to_string();
    for typed in [edited(&written, &input.edits), input.typed.to_owned()] {
        let Ok(read) = TicketCode::parse(&typed) else { continue };
        // What people type beside the characters themselves is blanks and hyphens.
        let bare: String = typed.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-').collect();
        assert_eq!(read.to_string(), bare.to_ascii_uppercase(), "a code with two texts");
        let issued = TicketCode::issue(&key, read.ticket_id(), &event, &seat);
        assert_eq!(read.verify(&key, &event, &seat), read == issued, "{typed}");
        assert!(!read.verify(&TicketKey::new([8; 32]), &event, &seat));
    }
    // Nor is it good for another seat or event.
    let (Ok(other_event), Ok(other_seat)) = (input.event.parse::<EventId>(), input.seat.parse::<SeatId>())
    else {
        return;
    };
    let is_its_own = other_event == event && other_seat == seat;
    assert_eq!(code.verify(&key, &other_event, &other_seat), is_its_own, "{other_event} {other_seat}");
});
