//! The hosts that can be simulated in this process.

use clap::ValueEnum;
use host::fake::Profile;

/// The hosts that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Host {
    /// Envoy, Istio, Envoy Gateway, Higress
    Envoy,
    /// APISIX
    Apisix,
    /// Kong
    Kong,
}

impl Host {
    pub(crate) const fn profile(self) -> Profile {
        match self {
            Self::Envoy => Profile::Envoy,
            Self::Apisix => Profile::Apisix,
            Self::Kong => Profile::Kong,
        }
    }
}
