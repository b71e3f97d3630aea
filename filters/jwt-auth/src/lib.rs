//! Authentication for proxy-wasm hosts.
//!
//! [`config`] says who may do what. `decide` finds the rule and, with `verifier`, the caller:
//! [`token`] takes a token apart, [`claims`] and [`engine`] check it, [`jose`] has the algorithms,
//! [`keys`] knows when keys are fetched and `fetch` fetches them, [`introspection`] asks the issuer.
//! `effect` carries out what was decided. [`filter`] is what the host talks to.
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
pub mod api_key;
pub mod base64url;
mod cache;
mod calls;
pub mod claims;
pub mod config;
mod connection;
mod credential;
mod decide;
pub mod discovery;
mod effect;
pub mod engine;
mod fetch;
pub mod filter;
mod forward;
mod host_limits;
mod inquiry;
pub mod introspection;
pub mod jose;
pub mod keys;
pub mod reason;
mod source;
pub mod token;
mod verified;
mod verifier;

pub use filter::JwtAuth;

host::filter!(JwtAuth);
