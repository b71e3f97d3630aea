//! The callbacks of ABI 0.2.1. Those that no filter uses (TCP streams, queues) are not exported:
//! hosts skip what is not there.
//!
//! The callbacks of a stream are exported by [`crate::filter!`].

use super::with_plugin;
use crate::{Action, ResponseSizes};

#[unsafe(no_mangle)]
const extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    with_plugin((), |plugin| plugin.context_create(context, root));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(root: u32, _configuration_size: usize) -> u32 {
    with_plugin(0, |plugin| u32::from(plugin.vm_start(root)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
    with_plugin(0, |plugin| u32::from(plugin.configure(root, size)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    with_plugin((), |plugin| plugin.tick(root));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    context: u32,
    token: u32,
    headers: usize,
    body: usize,
    _trailers: usize,
) {
    with_plugin((), |plugin| {
        plugin.http_call_response(context, token, ResponseSizes { headers, body });
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(context: u32, token: u32, size: usize) {
    with_plugin((), |plugin| plugin.grpc_receive(context, token, Ok(size)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(context: u32, token: u32, status: u32) {
    with_plugin((), |plugin| {
        plugin.grpc_receive(context, token, Err(status));
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    with_plugin((), |plugin| plugin.delete(context));
}

/// Exported as `proxy_on_request_headers`.
#[must_use]
pub fn request_headers(context: u32, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.request_headers(context, end_of_stream != 0))
}

/// Exported as `proxy_on_request_body`.
#[must_use]
pub fn request_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.request_body(context, size, end_of_stream != 0))
}

/// Exported as `proxy_on_request_trailers`.
#[must_use]
pub fn request_trailers(context: u32) -> u32 {
    action(|plugin| plugin.request_trailers(context))
}

/// Exported as `proxy_on_response_headers`.
#[must_use]
pub fn response_headers(context: u32, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.response_headers(context, end_of_stream != 0))
}

/// Exported as `proxy_on_response_body`.
#[must_use]
pub fn response_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.response_body(context, size, end_of_stream != 0))
}

/// Exported as `proxy_on_response_trailers`.
#[must_use]
pub fn response_trailers(context: u32) -> u32 {
    action(|plugin| plugin.response_trailers(context))
}

/// Exported as `proxy_on_done`.
#[must_use]
pub fn done(context: u32) -> u32 {
    with_plugin(1, |plugin| u32::from(plugin.done(context)))
}

/// Exported as `proxy_on_log`.
pub fn log(context: u32) {
    with_plugin((), |plugin| plugin.log(context));
}

/// A message that comes in the middle of a host call, or before there is a plugin, stays where it
/// is: passing it on would be passing it unchecked.
fn action(callback: impl FnOnce(&mut dyn crate::plugin::Plugin) -> Action) -> u32 {
    with_plugin(Action::Pause, callback) as u32
}

/// Exports one callback of a stream; [`crate::filter!`] calls it.
#[doc(hidden)]
#[macro_export]
macro_rules! export_callback {
    (request_headers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_headers(context: u32, _count: usize, end: u32) -> u32 {
            $crate::wasm::exports::request_headers(context, end)
        }
    };
    (request_body) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_body(context: u32, size: usize, end: u32) -> u32 {
            $crate::wasm::exports::request_body(context, size, end)
        }
    };
    (request_trailers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_trailers(context: u32, _count: usize) -> u32 {
            $crate::wasm::exports::request_trailers(context)
        }
    };
    (response_headers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_headers(context: u32, _count: usize, end: u32) -> u32 {
            $crate::wasm::exports::response_headers(context, end)
        }
    };
    (response_body) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_body(context: u32, size: usize, end: u32) -> u32 {
            $crate::wasm::exports::response_body(context, size, end)
        }
    };
    (response_trailers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_trailers(context: u32, _count: usize) -> u32 {
            $crate::wasm::exports::response_trailers(context)
        }
    };
    (done) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_done(context: u32) -> u32 {
            $crate::wasm::exports::done(context)
        }
    };
    (log) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_log(context: u32) {
            $crate::wasm::exports::log(context);
        }
    };
}
