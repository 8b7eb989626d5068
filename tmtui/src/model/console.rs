//! How a sale is going, as its organiser watches it.

use std::collections::VecDeque;

use tmapi::sale::SaleView;
use tmcore::{EventId, Timestamp};

/// How many earlier moments are kept: ten minutes.
const MOST_SAMPLES: usize = 300;

/// The organiser's console.
#[derive(Clone, Debug)]
pub struct Console {
    /// The event.
    pub event: EventId,
    /// Its name.
    pub name: String,
    /// As the daemon told it last.
    pub sale: Option<SaleView>,
    /// What it was before.
    pub samples: VecDeque<Sample>,
    /// Why the last question had no answer.
    pub trouble: Option<String>,
    /// When it was asked last.
    pub asked: Timestamp,
    /// How often a question or a command failed.
    pub failures: u32,
}

/// A moment of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// Seats sold by then.
    pub sold: u64,
    /// Buyers in line.
    pub waiting: u64,
    /// Admitted in the minute before.
    pub admitted: u64,
}

impl Console {
    /// Before anything is known.
    pub fn new(event: EventId, name: String) -> Self {
        let asked = Timestamp::from_millis(0);
        Self { event, name, sale: None, samples: VecDeque::new(), trouble: None, asked, failures: 0 }
    }

    /// Takes over what was told.
    pub fn hear(&mut self, sale: SaleView) {
        if self.samples.len() == MOST_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            at: sale.as_of,
            sold: sale.seats.sold.into(),
            waiting: sale.waiting,
            admitted: sale.admitted_last_minute,
        });
        self.trouble = None;
        self.sale = Some(sale);
    }
}
