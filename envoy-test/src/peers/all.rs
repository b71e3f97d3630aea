//! All servers around the proxy at once.

use std::net::SocketAddr;

use super::{Collector, ISSUER, Idp, Upstream};
use crate::Result;
use crate::envoy::Bootstrap;

/// The upstream, the identity provider and the collector that `meshward.yaml` counts on.
pub struct Peers {
    /// The service behind the proxy.
    pub upstream: Upstream,
    /// The identity provider.
    pub idp: Idp,
    /// The collector of audit records.
    pub collector: Collector,
}

impl Peers {
    /// Starts them on free ports of the loopback interface.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start() -> Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at([any; 3])
    }

    /// Starts upstream, identity provider and collector at these addresses.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start_at([upstream, idp, collector]: [SocketAddr; 3]) -> Result<Self> {
        Ok(Self {
            upstream: Upstream::start(upstream)?,
            idp: Idp::start(idp, ISSUER)?,
            collector: Collector::start(collector)?,
        })
    }

    /// The configuration that users read, with these servers as its clusters, on free ports, and
    /// without the filters that are not named.
    ///
    /// # Errors
    /// When the configuration is not as declared, or a named filter is not built.
    pub fn bootstrap(&self, filters: &[&str]) -> Result<Bootstrap> {
        self.bootstrap_with(|bootstrap| {
            bootstrap.keep_filters(filters)?;
            bootstrap.load_built_modules()
        })
    }

    /// The same, with modules of the caller's choice.
    ///
    /// # Errors
    /// When the configuration is not as declared, or what `load_modules` says.
    pub fn bootstrap_with(
        &self,
        load_modules: impl FnOnce(&mut Bootstrap) -> Result<()>,
    ) -> Result<Bootstrap> {
        let mut bootstrap = Bootstrap::shipped()?;
        bootstrap.leave_paths_alone()?;
        load_modules(&mut bootstrap)?;
        bootstrap.on_free_ports()?;
        self.place(&mut bootstrap)?;
        Ok(bootstrap)
    }

    /// Makes these servers the clusters of a configuration.
    ///
    /// # Errors
    /// When its clusters are not as declared.
    pub fn place(&self, bootstrap: &mut Bootstrap) -> Result<()> {
        bootstrap.place_cluster("upstream", self.upstream.address())?;
        bootstrap.place_cluster("idp", self.idp.address())?;
        bootstrap.place_cluster("collector", self.collector.address())
    }
}
