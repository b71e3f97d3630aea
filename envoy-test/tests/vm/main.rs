//! The modules in the in-process host.

#![allow(clippy::restriction, reason = "a test that cannot go on has failed")]

mod capabilities;
mod cost;
mod features;
mod filters;
mod in_process_host;
mod mistakes;
mod portability;
