//! The databases behind the store port, by dialect and noun; what they share lies on the desk.

mod desk;
pub mod sqlite;
