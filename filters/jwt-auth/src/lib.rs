//! Authentication for proxy-wasm hosts.
//!
//! [`config`] says who may do what. `credential` finds and removes credentials; [`token`] parses and
//! checks signed tokens with the algorithms of [`jose`] and the key sets of [`keys`]; [`opaque`]
//! looks up API keys and asks issuers about tokens. `verify` combines them into callers, `decide`
//! applies the rules, `enforce` carries the decision out. [`filter`] is the host's side.
//! The README describes the configuration.

#![cfg_attr(
    test,
    allow(clippy::restriction, reason = "an overflow in a test is a failed test")
)]

mod calls;
pub mod config;
mod credential;
mod decide;
mod enforce;
mod failures;
pub mod filter;
mod host_limits;
pub mod jose;
pub mod keys;
pub mod opaque;
pub mod reason;
pub mod token;
mod verify;

pub use filter::JwtAuth;

#[cfg(feature = "module")]
host::filter!(JwtAuth: request_trailers);
