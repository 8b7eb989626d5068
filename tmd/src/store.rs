//! The databases behind the store port, by dialect and noun.

pub mod sqlite;
