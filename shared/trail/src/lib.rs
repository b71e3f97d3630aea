//! Reads, verifies, reports on and rewrites the audit trails that audit-emitter writes.
//!
//! [`pipeline`] reads files of any size with all processors, [`item`] checks each record by itself,
//! [`chains`] puts them together, [`verdict`] draws the conclusion and [`report`] counts what the
//! records say. [`purge`], [`ledger`] and [`rewrite`] carry out what an operator orders. The format itself is in
//! the `audit` crate; what people type and see is in the `meshward` command.
//!
//! A native crate: it reads files, uses threads and asks the clock. Nothing of it runs in a proxy.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "offsets into memory and counts of what is there; an overflow ends a command, no proxy"
)]

pub mod chains;
pub mod coverage;
pub mod disclosed;
pub mod envelope;
pub mod hex;
pub mod holds;
pub mod intervals;
pub mod issue;
pub mod item;
pub mod keyring;
pub mod ledger;
pub mod pipeline;
pub mod pseudonym_keys;
pub mod purge;
pub mod replacement;
pub mod report;
pub mod rewrite;
pub mod scan;
pub mod segment;
pub mod source;
pub mod subject;
pub mod synthetic;
pub mod time;
pub mod verdict;
