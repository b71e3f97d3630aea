//! The servers around the proxy: an HTTP upstream, identity providers and a collector.
//!
//! They are real servers on real sockets, and the same code runs in the tests, in the demonstration
//! and, as the command `peers`, in the containers of `docker-compose.yaml`.

mod all;
mod collector;
mod idp;
mod idp_mood;
mod oidc;
pub mod otlp;
mod rate_limit;
mod rotel;
mod server;
mod signing;
mod token;
mod upstream;

pub use all::Peers;
pub use collector::{Collector, Mood};
pub use idp::{Endpoint, ISSUER, Idp, Introspected};
pub use idp_mood::IdpMood;
pub use oidc::{AccessToken, OidcClient, OidcCounts, OidcProvider};
pub use rate_limit::{RateLimit, Redis};
pub use rotel::Rotel;
pub use signing::Algorithm;
pub use token::Token;
pub use upstream::{PATIENT, Received, Upstream, UpstreamResponse};
