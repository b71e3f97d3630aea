//! A request that is read when something is first asked of it.
//!
//! Reading the headers is one of the dearest host calls, and a limit on addresses needs none of
//! them.

use std::cell::OnceCell;

use host::{Host, Request};

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
}
