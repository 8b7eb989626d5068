//! The code on a ticket: what a door checks without asking the server.
//!
//! 16 bytes name the ticket, 16 bytes prove it: HMAC-SHA256 over ticket, event and seat, cut to 128 bits (RFC 2104,
//! section 5). Written in base32 (RFC 4648, section 6) these are 52 upper-case characters, few enough for a QR code
//! that fits a terminal of 80 by 24.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::{EventId, SeatId, TicketId};

/// Set apart from whatever else may be signed with the same key.
const PURPOSE: &[u8] = b"ticket code v1";
const UUID_BYTES: usize = 16;
const PROOF_BYTES: usize = 16;
const CODE_BYTES: usize = UUID_BYTES + PROOF_BYTES;

/// The secret that proves tickets. It never shows itself.
#[derive(Clone)]
pub struct TicketKey([u8; 32]);

/// A ticket's code as it stands on the ticket. Holding one proves nothing before [`TicketCode::verify`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TicketCode {
    ticket: TicketId,
    proof: [u8; PROOF_BYTES],
}

/// The text is no ticket code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket code has 52 characters, letters and the digits 2 to 7")]
pub struct TicketCodeError;

impl TicketKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The proof over one ticket for one seat at one event.
    fn proof(&self, ticket: TicketId, event: &EventId, seat: &SeatId) -> Hmac<Sha256> {
        // HMAC fills a short key up with zeros to the block of its hash, so this is the key as it is.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        // Ids hold no NUL, so no two triples make the same bytes.
        for part in [PURPOSE, &[0], ticket.uuid().as_bytes(), event.as_str().as_bytes(), &[0]] {
            mac.update(part);
        }
        mac.update(seat.as_str().as_bytes());
        mac
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(…)")
    }
}

impl TicketCode {
    /// Characters of a written code.
    pub const CHARS: usize = 52;
    /// The longest text that is read as one, in bytes: a code with a blank behind each character.
    const MAX_TEXT_BYTES: usize = 2 * Self::CHARS;

    /// The code of a ticket for a seat at an event.
    #[must_use]
    pub fn issue(key: &TicketKey, ticket: TicketId, event: &EventId, seat: &SeatId) -> Self {
        let full = key.proof(ticket, event, seat).finalize().into_bytes();
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(&full[..PROOF_BYTES]);
        Self { ticket, proof }
    }

    /// Reads a code as people type it: in either case, with blanks and hyphens anywhere.
    ///
    /// # Errors
    /// [`TicketCodeError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, TicketCodeError> {
        if text.len() > Self::MAX_TEXT_BYTES {
            return Err(TicketCodeError);
        }
        let typed = text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'-');
        let typed: Vec<u8> = typed.map(|b| b.to_ascii_uppercase()).collect();
        let bytes = BASE32_NOPAD.decode(&typed).map_err(|_| TicketCodeError)?;
        let bytes: [u8; CODE_BYTES] = bytes.try_into().map_err(|_| TicketCodeError)?;
        let (mut uuid, mut proof) = ([0; UUID_BYTES], [0; PROOF_BYTES]);
        uuid.copy_from_slice(&bytes[..UUID_BYTES]);
        proof.copy_from_slice(&bytes[UUID_BYTES..]);
        Ok(Self { ticket: TicketId::from_uuid(Uuid::from_bytes(uuid)), proof })
    }

    /// The ticket that the code claims to be of.
    #[must_use]
    pub const fn ticket_id(&self) -> TicketId {
        self.ticket
    }

    /// Whether the code was issued with this key for this event and seat. Takes the same time for every wrong code.
    #[must_use]
    pub fn verify(&self, key: &TicketKey, event: &EventId, seat: &SeatId) -> bool {
        key.proof(self.ticket, event, seat).verify_truncated_left(&self.proof).is_ok()
    }
}

impl fmt::Display for TicketCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; CODE_BYTES];
        bytes[..UUID_BYTES].copy_from_slice(self.ticket.uuid().as_bytes());
        bytes[UUID_BYTES..].copy_from_slice(&self.proof);
        f.write_str(&BASE32_NOPAD.encode(&bytes))
    }
}

impl FromStr for TicketCode {
    type Err = TicketCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> EventId {
        "E1".parse().unwrap()
    }

    fn seat(text: &str) -> SeatId {
        text.parse().unwrap()
    }

    fn issue(key: [u8; 32], ticket: u128) -> TicketCode {
        let ticket = TicketId::from_uuid(Uuid::from_u128(ticket));
        TicketCode::issue(&TicketKey::new(key), ticket, &event(), &seat("A-12-7"))
    }

    proptest! {
        #[test]
        fn a_code_reads_back_and_verifies_for_its_seat_alone(key: [u8; 32], other: [u8; 32], ticket: u128) {
            prop_assume!(key != other);
            let code = issue(key, ticket);
            let text = code.to_string();
            prop_assert_eq!(text.len(), TicketCode::CHARS);
            prop_assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
            let read = TicketCode::parse(&text).unwrap();
            prop_assert_eq!(read, code);
            prop_assert_eq!(read.ticket_id().uuid().as_u128(), ticket);
            let (key, other) = (TicketKey::new(key), TicketKey::new(other));
            prop_assert!(read.verify(&key, &event(), &seat("A-12-7")));
            prop_assert!(!read.verify(&key, &event(), &seat("A-12-8")));
            prop_assert!(!read.verify(&key, &"E1A".parse().unwrap(), &seat("-12-7")));
            prop_assert!(!read.verify(&other, &event(), &seat("A-12-7")));
        }

        #[test]
        fn one_flipped_bit_never_verifies(key: [u8; 32], ticket: u128, bit in 0..8 * CODE_BYTES) {
            let text = issue(key, ticket).to_string();
            let mut bytes = BASE32_NOPAD.decode(text.as_bytes()).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = TicketCode::parse(&BASE32_NOPAD.encode(&bytes)).unwrap();
            prop_assert!(!forged.verify(&TicketKey::new(key), &event(), &seat("A-12-7")));
        }

        #[test]
        fn one_changed_character_never_verifies(key: [u8; 32], ticket: u128, at in 0..TicketCode::CHARS, to in "[A-Z2-7]") {
            let mut text = issue(key, ticket).to_string();
            prop_assume!(text[at..=at] != to);
            text.replace_range(at..=at, &to);
            let forged = TicketCode::parse(&text);
            prop_assert!(!forged.is_ok_and(|code| code.verify(&TicketKey::new(key), &event(), &seat("A-12-7"))));
        }

        #[test]
        fn a_code_is_read_the_way_people_type_it(ticket: u128, size in 1..9_usize) {
            let code = issue([7; 32], ticket);
            let text = code.to_string().to_lowercase();
            let groups: Vec<_> = text.as_bytes().chunks(size).map(String::from_utf8_lossy).collect();
            prop_assert_eq!(TicketCode::parse(&groups.join("-")), Ok(code));
            prop_assert_eq!(TicketCode::parse(&groups.join(" ")), Ok(code));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,120}") {
            let _ = TicketCode::parse(&text);
        }
    }

    #[test]
    fn the_proof_is_plain_hmac_sha256_of_purpose_ticket_event_and_seat() {
        // Computed with the hmac module of Python.
        assert_eq!(issue([7; 32], 1).to_string(), "AAAAAAAAAAAAAAAAAAAAAAAAAFENEVED7OOARIJQZ4I6GICQF2EQ");
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", TicketKey::new([65; 32])), "TicketKey(…)");
    }
}
