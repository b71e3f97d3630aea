//! What a configuration and a verified trail prove of the requirements of standards.
//!
//! The requirements are data: `controls/measures.toml` has what the filters can do, each with a
//! predicate on the configuration, a query on the trail, the test that shows it and how to set it;
//! one file for each standard has its requirements, with the measures that meet them and what no
//! gateway can do. [`predicate`] is the language of both, [`control`] reads the files, [`effective`]
//! says what comes of a configuration, [`evidence`] looks for records, [`assessment`] puts it together, and [`oscal`] writes it for machines.
//!
//! A native crate: nothing of it runs in a proxy.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "counts of what is there; an overflow ends a command, no proxy"
)]

pub mod assessment;
pub mod control;
pub mod effective;
pub mod evidence;
pub mod inventory;
pub mod openapi;
pub mod oscal;
pub mod predicate;
pub mod table;
