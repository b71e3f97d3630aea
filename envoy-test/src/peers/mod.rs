//! The servers around the proxy: an HTTP upstream, an identity provider and a collector.
//!
//! They are real servers on real sockets, and the same code runs in the tests, in the demonstration
//! and, as the command `peers`, in the containers of `docker-compose.yaml`.

mod all;
mod collector;
mod idp;
pub mod otlp;
mod rotel;
mod server;
mod upstream;

pub use all::Peers;
pub use collector::{Collector, Mood};
pub use idp::{Algorithm, ISSUER, Idp, IdpMood, Token};
pub use rotel::Rotel;
pub use upstream::{Answer, PATIENT, Received, Upstream};
