//! Authentication for proxy-wasm hosts.
//!
//! [`token`] takes a token apart, [`claims`] and [`signature`] check it, [`jwks`] and [`keys`] hold
//! what it is checked with, [`config`] says who may do what, and [`filter`] puts them together.
//! The README describes the configuration.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "an overflow in a test is a failed test"
    )
)]

mod answer;
mod authenticate;
pub mod claims;
pub mod config;
mod credential;
pub mod filter;
mod forward;
pub mod jwks;
pub mod keys;
pub mod reason;
pub mod signature;
pub mod token;
pub mod vectors;

pub use filter::JwtAuth;

host::filter!(JwtAuth: request_headers);
