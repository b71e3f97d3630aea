//! The filter in a host in memory.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod chain;
mod delivery;
mod fuzz;
mod outcomes;
mod support;
