//! What tests of several modules need: houses, events, models.

pub mod sample;
