//! The only crate of Meshward that talks to a proxy-wasm host.
//!
//! - [`Host`] is every call a filter may make, each fallible; [`wasm`] implements it on the ABI
//!   with raw status codes, `fake` (feature) in memory for tests.
//! - Every host is evened out before a filter sees it: what a host cannot do is an error, and what
//!   it does in another way is done in that way. [`Capabilities`] tell what can be asked of it.
//! - [`Filter`] and [`Stream`] are what a filter implements; [`Dispatcher`] drives them from the
//!   callbacks of the ABI, and [`filter!`] makes a module of one.
//! - [`Chain`] makes one filter of several.
//! - [`route_config`] is what differs by route. [`Request`] is what `policy`'s rules ask about; [`exchange`] is what the filters of one
//!   stream tell each other; [`waiting`] is how they call out and hold requests until a response is
//!   there; [`refuse`], [`metrics`], [`throttle`] and [`shared_data`] are done here once for all of
//!   them.
//!
//! Nothing here panics, whatever the host returns. Dependencies point one way: filters to `host`
//! to `policy`.

mod adapted;
mod attributes;
mod capabilities;
pub mod chain;
mod dispatcher;
pub mod exchange;
mod fact_sources;
#[cfg(all(feature = "fake", not(target_os = "wasi")))]
pub mod fake;
mod filter;
pub mod headers;
mod interface;
pub mod key;
pub mod metrics;
mod moment;
mod per_direction;
mod plugin;
pub mod plugin_configuration;
pub mod protobuf;
pub mod refuse;
mod request;
pub mod route_config;
pub mod shared_cache;
pub mod shared_cells;
pub mod shared_data;
mod status;
pub mod throttle;
pub mod verify_signature;
pub mod waiting;
#[cfg(target_os = "wasi")]
pub mod wasm;

pub use capabilities::{Capabilities, HostKind};
pub use chain::{Chain, Composition};
pub use dispatcher::Dispatcher;
pub use fact_sources::FactSources;
pub use filter::{Filter, ResponseSizes, Startup, Stream};
pub use headers::Headers;
pub use interface::{
    Action, Buffer, CallToken, ContextId, Direction, GrpcCall, HeaderMap, Host, HttpCall,
    LocalResponse, LogLevel, MetricId, MetricKind, SharedValue,
};
pub use metrics::{Counter, Histogram, Metrics};
pub use moment::Moment;
pub use plugin::Plugin;
pub use request::{
    Request, RequestFacts, client_certificate, has_client_certificate, header_text, proxy_address,
};
pub use status::Status;
pub use throttle::Throttle;
pub use verify_signature::verify_signature;

/// Makes a proxy-wasm module of a [`Filter`], in the crate root:
/// `host::filter!(PiiRedactor: request_trailers, response_trailers);`
///
/// The callbacks for headers, bodies, the log and the end of a stream are always exported: Kong
/// calls them without looking whether they are there. Those that no host calls blindly are named,
/// without `on_`, where the filter implements them.
#[macro_export]
macro_rules! filter {
    ($filter:ty $(: $($callback:ident),+ $(,)?)?) => {
        #[cfg(target_os = "wasi")]
        #[allow(unsafe_code, reason = "the names that the host calls")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                $crate::wasm::start::<$filter>();
            }

            $crate::export_callback!(request_headers);
            $crate::export_callback!(request_body);
            $crate::export_callback!(response_headers);
            $crate::export_callback!(response_body);
            $crate::export_callback!(log);
            $crate::export_callback!(done);
            $($($crate::export_callback!($callback);)+)?
        };
    };
}
