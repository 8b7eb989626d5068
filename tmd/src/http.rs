//! The HTTP side of the daemon.

pub mod accept;
pub mod admin;
pub mod hardening;
