//! The databases behind the store port, by dialect and noun; what they share lies on the desk, and in `row`.

mod desk;
pub mod postgres;
mod row;
mod search;
pub mod sqlite;
mod verify;
