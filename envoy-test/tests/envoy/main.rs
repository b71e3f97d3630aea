//! The modules in a real Envoy, each room with the peers that its tests need.

#![allow(
    clippy::restriction,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, lives in real time, and may print what it measured"
)]

mod audit_emitter;
mod audit_loss;
mod audit_tools;
mod audit_truncated;
mod bad_configurations;
mod bed;
mod case_files;
mod chain;
mod clients;
mod hostile_idp;
mod jwt_auth;
mod jwt_keys;
mod jwt_oidc;
mod jwt_tls;
mod many_waiting;
mod monitoring;
mod oidc_provider;
mod pii_redactor;
mod routes;
mod test_bed;
mod tls;
mod token_bucket;
mod token_bucket_fleet;
mod upstream_readings;
mod vectors;
