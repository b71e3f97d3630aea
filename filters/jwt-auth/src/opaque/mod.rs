//! Credentials that carry no claims of their own: API keys, which the configuration lists, and tokens
//! that only their issuer can read.

pub mod api_key;
pub mod consent_service;
pub mod introspection;
