//! The policy language that the Meshward filters share.
//!
//! Everything here is a pure function of its arguments: no host call, no clock, no environment, no
//! log. `shared/host` implements [`facts::Facts`] over the proxy; the filters build their
//! configurations with [`config`], choose rules with [`matching`], and describe what they did as
//! [`decision::Decision`] and [`refusal::Refusal`] values.
//!
//! Request text is untrusted throughout. The one subtle part is [`path`], which keeps every reading
//! of a path that some server might take, so that no spelling walks around a rule.

pub mod claim;
pub mod client_address;
pub mod config;
pub mod consent;
pub mod data_subject;
pub mod decision;
pub mod endpoint;
pub mod explain;
pub mod facts;
pub mod filters;
pub mod finding;
pub mod gcra;
pub mod header_values;
pub mod hex;
mod host_address;
pub mod http;
pub mod identity;
pub mod json;
pub mod json_path;
pub mod matching;
pub mod method;
pub mod mode;
pub mod nearest;
pub mod ordered_map;
pub mod overrides;
pub mod path;
pub mod refusal;
pub mod request_value;
pub mod secret;
pub mod secret_names;
pub mod sort;
pub mod text;
pub mod timestamp;
pub mod units;
pub mod values;

pub use nearest::nearest;
