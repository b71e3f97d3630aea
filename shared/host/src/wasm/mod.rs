//! The proxy-wasm ABI 0.2.1 as the guest sees it.
//!
//! [`abi`] declares the imports with raw status codes, [`WasmHost`] makes them [`crate::Host`], and
//! the exports hand the host's callbacks to the plugin that [`start`] has set up. The only unsafe
//! code of the project is here.

#![allow(
    unsafe_code,
    reason = "foreign functions and memory that the host writes"
)]

mod abi;
mod allocator;
mod calls;
pub mod exports;
mod memory;

pub use calls::WasmHost;

use std::cell::RefCell;

use crate::plugin::Plugin;
use crate::{Dispatcher, Filter};

/// Sets up the plugin of this module; [`crate::filter!`] calls it when the VM starts.
pub fn start<F: Filter>() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker's own constructor function, which a reactor module must call once and
    // first.
    unsafe { __wasm_call_ctors() };
    PLUGIN.with(|plugin| *plugin.borrow_mut() = Some(Box::new(Dispatcher::<F, _>::new(WasmHost))));
}

/// Runs `callback` on the plugin. Before [`start`], and when a host calls back in the middle of a
/// host call, the result is `otherwise`.
fn with_plugin<T>(otherwise: T, callback: impl FnOnce(&mut dyn Plugin) -> T) -> T {
    PLUGIN.with(|plugin| match plugin.try_borrow_mut() {
        Ok(mut plugin) => match plugin.as_mut() {
            Some(plugin) => callback(plugin.as_mut()),
            None => otherwise,
        },
        Err(_) => otherwise,
    })
}

thread_local! {
    static PLUGIN: RefCell<Option<Box<dyn Plugin>>> = const { RefCell::new(None) };
}
