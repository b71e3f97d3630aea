//! What the `meshward` command does, as a library: for its tests, and for benchmarks.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "offsets into memory and counts of what is there; an overflow ends a command, no proxy"
)]

pub mod audit;
