//! What the host at hand can do, found out once at configure time.

use crate::{HeaderMap, Host};

/// The family of the host, as far as the filters must know it.
///
/// Hosts do not tell their name, and one of them traps on calls for which the others return an
/// error, so nothing is tried out that could trap: the kind is read from two harmless calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKind {
    /// Envoy and what is built on it (Istio, Higress, Envoy Gateway).
    Envoy,
    /// APISIX (wasm-nginx-module): no tick, no shared data, no metrics, no log phase, one call at a
    /// time for each request, bodies and queries can only be read.
    Apisix,
    /// Another host that implements the ABI's clock: Kong (ngx_wasm_module). Taken to have no gRPC,
    /// to trap on an unknown foreign function, and to remove no request headers.
    Other,
}

/// What can be asked of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    kind: HostKind,
    /// The filters of a stream are in one VM and need no host to tell each other.
    is_in_chain: bool,
}

impl Capabilities {
    pub(crate) const ENVOY: Self = Self {
        kind: HostKind::Envoy,
        is_in_chain: false,
    };

    /// Looks at the host. Safe at any time.
    #[must_use]
    pub fn probe(host: &dyn Host) -> Self {
        let kind = if host.property(&["xds", "node", "id"]).is_ok() {
            HostKind::Envoy
        } else if host.abi_clock_ns().is_ok_and(|time_ns| time_ns > 0) {
            HostKind::Other
        } else {
            HostKind::Apisix
        };
        Self {
            kind,
            is_in_chain: false,
        }
    }

    /// What can be asked of the host by a part of a [`crate::Chain`].
    #[must_use]
    pub(crate) const fn within_a_chain(self) -> Self {
        Self {
            is_in_chain: true,
            ..self
        }
    }

    /// The host that these are the capabilities of.
    #[must_use]
    pub const fn kind(self) -> HostKind {
        self.kind
    }

    /// `set_tick_period` works. On [`HostKind::Other`] it may be called once only.
    #[must_use]
    pub const fn ticks(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// The tick period can be changed while running.
    #[must_use]
    pub const fn changes_tick(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// Values are shared among the VMs of the process.
    #[must_use]
    pub const fn shares_data(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// Whether the host counts metrics.
    #[must_use]
    pub const fn counts_metrics(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// Foreign functions may be called.
    #[must_use]
    pub const fn has_foreign_functions(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// Whether filters can make gRPC calls.
    #[must_use]
    pub const fn calls_grpc(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// HTTP calls can be started outside a request, from a tick.
    #[must_use]
    pub const fn calls_http_from_tick(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// Another stream than the one at hand can be resumed or given a local response. Other hosts say that they
    /// have changed the context and go on with the one at hand, and hold a request only for a call
    /// that it has started itself.
    #[must_use]
    pub const fn changes_context(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// Bodies can be rewritten, not only read. Kong takes what is written, but it does not always
    /// say that a body is over, so what a filter still holds of it would be lost, and a worker that
    /// gets less than it has given spins for ever.
    #[must_use]
    pub const fn rewrites_bodies(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// The path and the query of a request can be rewritten.
    #[must_use]
    pub const fn rewrites_paths(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// A request header that is removed does not reach the upstream.
    #[must_use]
    pub const fn removes_request_headers(self) -> bool {
        !matches!(self.kind, HostKind::Other)
    }

    /// The most headers (without pseudo-headers) that a list of them has, if there is such a limit.
    /// Headers beyond it can be asked for by name.
    #[must_use]
    pub const fn header_list_max(self, map: HeaderMap) -> Option<usize> {
        match (self.kind, map) {
            (HostKind::Apisix, HeaderMap::RequestHeaders) => Some(100),
            (HostKind::Apisix, HeaderMap::ResponseHeaders) => Some(20),
            _ => None,
        }
    }

    /// The most calls that a request can have under way, if there is such a limit.
    #[must_use]
    pub const fn calls_per_request(self) -> Option<usize> {
        match self.kind {
            HostKind::Apisix => Some(1),
            HostKind::Envoy | HostKind::Other => None,
        }
    }

    /// A response of the upstream can be replaced by a local one. APISIX says that it was, and goes
    /// on with that of the upstream.
    #[must_use]
    pub const fn replaces_responses(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// The end of a message is told: with the headers of one that has no body, and with the last
    /// part of one that has. APISIX always says that the headers are all, Kong never.
    #[must_use]
    pub const fn tells_ends(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// Nobody can guess what the random source gives. That of Kong is seeded with the time.
    #[must_use]
    pub const fn has_secure_random(self) -> bool {
        !matches!(self.kind, HostKind::Other)
    }

    /// A stream can be ended in the middle. Kong traps on the call.
    #[must_use]
    pub const fn resets_streams(self) -> bool {
        !matches!(self.kind, HostKind::Other)
    }

    /// The name of the route and its cluster can be asked for.
    #[must_use]
    pub const fn tells_routes(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// Filters of one stream see each other's properties.
    #[must_use]
    pub const fn shares_properties(self) -> bool {
        self.is_in_chain || matches!(self.kind, HostKind::Envoy)
    }

    /// There is a log phase after the response; without it the end of the context is the last word.
    #[must_use]
    pub const fn has_log_phase(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }
}
