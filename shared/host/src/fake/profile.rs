//! Which host is played, and what it lacks.

use super::Failure;
use crate::Status;

/// The host that a [`super::FakeHost`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Envoy, as versions 1.36 to 1.40 behave.
    Envoy,
    /// APISIX, that is wasm-nginx-module: whatever it does not implement returns 12.
    Apisix,
    /// Kong up to 3.10, that is ngx_wasm_module: whatever it does not implement traps.
    Kong,
}

impl Profile {
    /// All profiles, for tests that run under each.
    pub const ALL: [Self; 3] = [Self::Envoy, Self::Apisix, Self::Kong];

    /// The name in test output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Apisix => "apisix",
            Self::Kong => "kong",
        }
    }

    /// What this host returns from a call that it does not implement.
    #[must_use]
    pub fn missing(self, call: &str) -> Option<Failure> {
        let others = match self {
            Self::Envoy => return None,
            Self::Apisix => MISSING_ON_APISIX,
            Self::Kong => MISSING_ON_KONG,
        };
        let is_missing = MISSING_ON_NGINX.contains(&call) || others.contains(&call);
        is_missing.then(|| match self {
            Self::Kong => Failure::Trap(format!("{call}: not yet implemented by the host")),
            _ => Failure::Status(Status::Unimplemented),
        })
    }

    /// Header maps can be read and written through the whole request. On Envoy they are there only
    /// from their callback until the message goes on, and once more for the log.
    pub(super) const fn keeps_headers(self) -> bool {
        !matches!(self, Self::Envoy)
    }

    /// It is nginx around a module for WebAssembly.
    pub(super) const fn is_nginx(self) -> bool {
        !matches!(self, Self::Envoy)
    }

    /// The callbacks that this host calls without looking whether the module exports them: where
    /// one is missing, the worker ends with a segmentation fault.
    #[must_use]
    pub const fn calls_blindly(self) -> &'static [&'static str] {
        match self {
            Self::Envoy | Self::Apisix => &[],
            Self::Kong => &[
                "proxy_on_request_body",
                "proxy_on_response_headers",
                "proxy_on_response_body",
                "proxy_on_done",
                "proxy_on_log",
            ],
        }
    }

    /// Whether the host has callbacks for trailers.
    pub(super) const fn has_trailers(self) -> bool {
        matches!(self, Self::Envoy)
    }
}

/// What nginx hosts do not offer: gRPC, and what is left of the queues of the ABI.
const MISSING_ON_NGINX: &[&str] = &[
    "proxy_done",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_resolve_shared_queue",
];

/// What APISIX lacks beyond that.
const MISSING_ON_APISIX: &[&str] = &[
    "proxy_call_foreign_function",
    "proxy_dequeue_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_metric",
    "proxy_get_shared_data",
    "proxy_register_shared_queue",
    "proxy_set_buffer_bytes",
    "proxy_set_header_map_pairs",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// What Kong lacks beyond that.
const MISSING_ON_KONG: &[&str] = &["proxy_close_stream", "proxy_get_log_level"];
