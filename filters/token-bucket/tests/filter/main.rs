//! The filter in a host in memory.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod bed;
mod features;
mod fuzz;
mod hosts;
mod keys;
mod per_client;
mod refunds;
mod service;
