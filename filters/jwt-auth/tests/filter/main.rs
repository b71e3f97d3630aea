//! The filter in a host in memory.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod checklist;
mod flow;
mod fuzz;
mod hosts;
