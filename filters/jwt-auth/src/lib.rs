//! Authentication for proxy-wasm hosts.
//!
//! [`config`] says who may do what. `decide` finds the rule and, with `verifier`, the caller:
//! [`token`] takes a token apart, [`claims`] and [`signature_backend`] check it, [`jose`] has the
//! algorithms, [`keys`] fetches key sets and takes keys from them, [`introspection`] asks the issuer.
//! `enforce` carries out what was decided. [`filter`] is what the host talks to.
//! The README describes the configuration.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "an overflow in a test is a failed test"
    )
)]

pub mod api_key;
pub mod base64url;
mod cache;
mod calls;
mod challenge;
pub mod claims;
pub mod config;
mod connection;
mod credential;
mod credential_source;
mod decide;
mod enforce;
pub mod filter;
mod forward;
mod host_limits;
pub mod introspection;
pub mod jose;
pub mod keys;
pub mod reason;
pub mod signature_backend;
pub mod token;
mod verification;
mod verified;
mod verifier;

pub use filter::JwtAuth;

#[cfg(feature = "module")]
host::filter!(JwtAuth);
