//! The organiser's commands, the demo and the doctor, against a real tmd.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that unwraps says where it failed")]

mod demo;
mod doctor;
mod drill;
mod help;
mod money;
mod mutant;
mod office;
mod plan;
mod sale;
mod verify;
