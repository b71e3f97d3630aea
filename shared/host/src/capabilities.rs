//! What the host at hand can do, found out once at configure time.

use crate::Host;

/// The family of the host, as far as the filters must know it.
///
/// Hosts do not tell their name, and one of them traps on calls that the others answer with an
/// error, so nothing is tried out that could trap: the kind is read from two harmless calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKind {
    /// Envoy and what is built on it (Istio, Higress, Envoy Gateway).
    Envoy,
    /// APISIX (wasm-nginx-module): no tick, no shared data, no metrics, no log phase, bodies can
    /// only be read.
    Apisix,
    /// Another host that implements the ABI's clock: Kong (ngx_wasm_module). Taken to have no gRPC
    /// and to trap on an unknown foreign function.
    Other,
}

/// What can be asked of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    kind: HostKind,
}

impl Capabilities {
    /// Looks at the host. Safe at any time.
    #[must_use]
    pub fn probe(host: &dyn Host) -> Self {
        let kind = if host.property(&["xds", "node", "id"]).is_ok() {
            HostKind::Envoy
        } else if host.abi_clock_ns().is_ok() {
            HostKind::Other
        } else {
            HostKind::Apisix
        };
        Self { kind }
    }

    /// Which host it is.
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

    /// Metrics are counted.
    #[must_use]
    pub const fn counts_metrics(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// Foreign functions may be called.
    #[must_use]
    pub const fn has_foreign_functions(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// gRPC calls work.
    #[must_use]
    pub const fn calls_grpc(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// HTTP calls can be started outside a request, from a tick.
    #[must_use]
    pub const fn calls_http_from_tick(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// Another stream than the one at hand can be answered and resumed. Other hosts say that they
    /// have changed the context and go on with the one at hand, and hold a request only for a call
    /// that it has started itself.
    #[must_use]
    pub const fn changes_context(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// Bodies can be rewritten, not only read.
    #[must_use]
    pub const fn rewrites_bodies(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }

    /// A stream can be ended in the middle. Kong traps on the call.
    #[must_use]
    pub const fn resets_streams(self) -> bool {
        !matches!(self.kind, HostKind::Other)
    }

    /// Filters of one stream see each other's properties.
    #[must_use]
    pub const fn shares_properties(self) -> bool {
        matches!(self.kind, HostKind::Envoy)
    }

    /// There is a log phase after the response; without it the end of the context is the last word.
    #[must_use]
    pub const fn has_log_phase(self) -> bool {
        !matches!(self.kind, HostKind::Apisix)
    }
}
