//! `meshward audit`: what an auditor and an operator do with the records of audit-emitter.
//!
//! [`pipeline`] reads files of any size with all processors, [`item`] checks each record by itself,
//! [`trail`] puts them together and [`verdict`] says what follows. [`command`] is what people call.

pub mod command;
pub mod envelope;
pub mod hex;
pub mod intervals;
pub mod issue;
pub mod item;
pub mod keyring;
pub mod ledger;
pub mod pipeline;
pub mod report;
pub mod rewrite;
pub mod sample;
pub mod scan;
pub mod segment;
pub mod source;
pub mod subject;
pub mod time;
pub mod trail;
pub mod verdict;

pub use command::run;
