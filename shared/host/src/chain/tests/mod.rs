//! Chains of small filters, beside the same filters as separate plugins.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod clocks;
mod properties;
mod scripted;
mod separate;
mod whole;
