//! A request that is read when something is first asked of it.
//!
//! Reading the headers is one of the dearest host calls, and a limit on addresses needs none of
//! them.

use std::cell::OnceCell;
use std::net::IpAddr;

use host::{Host, Request, proxy_address};
use policy::client_address::ClientAddress;

/// The request of the effective context, in [`host::Stream::on_request_headers`].
pub struct LazyRequest<'h> {
    host: &'h dyn Host,
    request: OnceCell<Request>,
}

impl<'h> LazyRequest<'h> {
    /// Reads nothing yet.
    #[must_use]
    pub const fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            request: OnceCell::new(),
        }
    }

    /// The request.
    #[must_use]
    pub fn get(&self) -> &Request {
        self.request.get_or_init(|| Request::capture(self.host))
    }

    /// The address of the client. Headers are read only where they name it.
    #[must_use]
    pub fn client_address(&self, rules: &ClientAddress) -> Option<IpAddr> {
        rules.of(
            || proxy_address(self.host),
            |name| self.get().header(self.host, name),
        )
    }
}
