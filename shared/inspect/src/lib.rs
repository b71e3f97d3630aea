//! What can be said without a proxy: of a configuration ([`check`]), of a request ([`explain`]), of a
//! body ([`body`]) and of a token ([`token`]), by the very code that the filters run.
//!
//! It reads no file, no environment and no clock: what it needs it is given. The `meshward` command prints
//! what it says in a terminal, the page of `shared/playground` in a browser.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "counts and places in texts that are there; an overflow ends an inspection, no proxy"
)]

pub mod body;
pub mod caller;
pub mod check;
pub mod explain;
mod members;
pub mod printable;
mod simulated;
pub mod token;

pub use members::set;
pub use simulated::proxy;
