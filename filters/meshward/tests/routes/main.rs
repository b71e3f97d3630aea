//! What differs by route: in each filter alone, and in the bundle.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod bed;
mod chosen;
mod folded;
mod said;
