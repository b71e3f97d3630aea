//! The format of Meshward's audit trail, as the README of this crate describes it.
//!
//! audit-emitter writes it and `meshward audit` checks it, both with this code: [`canonical`] is the
//! one spelling of a record, [`Group`] the parts of it that can be erased, [`Chain`] what ties records
//! together, [`Control`] what a chain says about itself, [`record`] how one is read and checked,
//! [`log_line`] how it stands in a log, and [`keys`] who may sign.
//!
//! A pure crate: no clock, no random source, no environment. Time and salts are arguments.

#![cfg_attr(
    test,
    allow(clippy::restriction, reason = "an overflow in a test is a failed test")
)]

pub mod canonical;
mod chain;
mod control;
mod group;
mod hash;
pub mod keys;
pub mod log_line;
pub mod record;

pub use chain::{Chain, Event, Salts, Sealed, VERSION};
pub use control::{Control, Head, Lost, Peers, Range, Selector, Statement, Target};
pub use group::{Committed, Group};
pub use hash::Hash;
