//! A proxy-wasm host in the process: the real `.wasm` of a filter on an interpreter, with the
//! answers of [`host::fake`].
//!
//! [`Program`] is a compiled module, [`Vm`] an instance of it that a [`host::fake::Proxy`] drives
//! like a native filter. Every status goes to the guest as the number that the host would give,
//! every pointer is checked, memory for answers comes from the guest, and a trap is a value
//! ([`host::fake::FakeHost::trap`]) after which the guest is not called any more.
//!
//! A module that imports a function which the played host lacks is not loaded, as there
//! ([`imports`]). Queues, gRPC streams and TCP callbacks are not played: their functions exist and
//! answer that they are not implemented.

mod abi;
pub mod cost;
pub mod features;
pub mod hot;
pub mod imports;
mod memory;
mod plugin;
mod program;
pub mod signatures;
mod wasi;

pub use plugin::Vm;
pub use program::{LoadError, Program};
