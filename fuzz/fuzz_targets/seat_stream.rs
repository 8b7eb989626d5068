//! Deltas applied to a snapshot come to what they say, or a gap is noticed; beside it stands the same in the simplest
//! way.
#![no_main]

use arbitrary::Arbitrary;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use libfuzzer_sys::fuzz_target;
use tmapi::availability::{AvailabilityView, SeatDelta};
use tmapi::client::{SeatGap, SeatState, SeatStates};
use tmapi::event::SeatTotals;
use tmcore::Timestamp;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    seq: u8,
    seat_count: u32,
    bytes: &'a [u8],
    deltas: Vec<(u8, u8, Vec<[Number; 3]>)>,
    text: &'a str,
}

/// Small as a rule, and sometimes as large as it gets.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Number {
    Small(u8),
    Any(u32),
}

impl Number {
    fn get(self) -> u32 {
        match self {
            Self::Small(number) => number.into(),
            Self::Any(number) => number,
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    written(input.text);
    for count in [input.seat_count, input.seat_count % 300] {
        let view = view(input.seq, count, BASE64_STANDARD.encode(input.bytes));
        let Ok(mut states) = SeatStates::unpack(&view) else {
            assert!(input.bytes.len() < (count as usize).div_ceil(4), "a snapshot that is whole is refused");
            continue;
        };
        let mut known: Vec<u8> =
            (0..count as usize).map(|seat| input.bytes[seat / 4] >> (2 * (seat % 4)) & 3).collect();
        assert_eq!(bits(&states), known);
        let mut seq = u64::from(input.seq);
        for (from, to, changes) in &input.deltas {
            let changes: Vec<[u32; 3]> = changes.iter().map(|change| change.map(Number::get)).collect();
            let (from, to) = (u64::from(*from), u64::from(*to));
            let applied = states.apply(&delta(from, to, &changes));
            let expected = apply(&mut known, seq, (from, to), &changes);
            assert_eq!(applied, expected);
            if applied.is_err() {
                break;
            }
            seq = seq.max(to);
            assert_eq!((states.seq(), bits(&states)), (seq, known.clone()));
            assert_eq!(states.get(count as usize), SeatState::Blocked);
        }
    }
});

/// What is read from a stream reads the same after it was written.
fn written(text: &str) {
    if let Ok(read) = serde_json::from_str::<SeatDelta>(text) {
        assert_eq!(serde_json::from_str::<SeatDelta>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        let mut states = SeatStates::unpack(&view(0, 8, BASE64_STANDARD.encode([0, 0]))).unwrap();
        let _ = states.apply(&read);
        assert_eq!(states.as_slice().len(), 8);
    }
}

fn apply(known: &mut [u8], seq: u64, (from, to): (u64, u64), changes: &[[u32; 3]]) -> Result<(), SeatGap> {
    if to < seq {
        return Ok(());
    }
    if from > seq {
        return Err(SeatGap);
    }
    for [first, count, bits] in changes {
        let end = u64::from(*first) + u64::from(*count);
        if end > known.len() as u64 || *bits > 255 {
            return Err(SeatGap);
        }
        known[*first as usize..end as usize].fill((bits & 3) as u8);
    }
    Ok(())
}

fn bits(states: &SeatStates) -> Vec<u8> {
    let bits = |state: &SeatState| match state {
        SeatState::Available => 0,
        SeatState::Reserved => 1,
        SeatState::Sold => 2,
        SeatState::Blocked => 3,
    };
    states.as_slice().iter().map(bits).collect()
}

fn view(seq: u8, seat_count: u32, status: String) -> AvailabilityView {
    AvailabilityView {
        event_id: "E1".parse().unwrap(),
        seq: seq.into(),
        as_of: Timestamp::from_millis(0),
        seat_count,
        totals: SeatTotals::default(),
        status,
        sections: Vec::new(),
    }
}

fn delta(from: u64, seq: u64, changes: &[[u32; 3]]) -> SeatDelta {
    SeatDelta {
        event_id: "E1".parse().unwrap(),
        from,
        seq,
        as_of: Timestamp::from_millis(0),
        changes: changes.to_vec(),
        totals: SeatTotals::default(),
        sections: Vec::new(),
    }
}
