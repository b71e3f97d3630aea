//! The calls that a filter has under way.

use std::time::Duration;

use super::call_map::{CallId, CallMap};
use super::requests::MOST_ENDED;
use crate::{Capabilities, ContextId, GrpcCall, Host, HttpCall, Status};

/// The calls of a filter that have no response yet, and why each was made.
#[derive(Debug)]
pub struct Calls<C> {
    under_way: CallMap<Call<C>>,
    max_calls: usize,
    /// A call belongs to the request in whose callback it was started.
    belong_to_requests: bool,
}

/// What is known of a call.
#[derive(Clone, Debug)]
pub struct Call<C> {
    /// In which callback it was started, and when.
    pub occasion: Occasion,
    /// How long the host was told to wait.
    pub timeout: Duration,
    /// What the call was made for.
    pub purpose: C,
}

/// A callback in which a call is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The request whose callback it is; `None` in a tick.
    pub stream: Option<ContextId>,
    /// The time on the monotonic clock.
    pub now_ns: u64,
}

impl<C> Call<C> {
    /// How long ago it was started.
    #[must_use]
    pub const fn age_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.occasion.now_ns)
    }

    /// Whether the host has waited as long as it was told: a failure is a time-out then.
    #[must_use]
    pub fn is_late(&self, now_ns: u64) -> bool {
        // The host counts from a moment later, and in milliseconds.
        let age = Duration::from_nanos(self.age_ns(now_ns));
        age.saturating_add(Duration::from_millis(1)) >= self.timeout
    }

    fn is_overdue(&self, now_ns: u64) -> bool {
        Duration::from_nanos(self.age_ns(now_ns)) >= patience(self.timeout)
    }
}

impl<C> Calls<C> {
    /// None yet, and never more than `max_calls` at once.
    #[must_use]
    pub const fn new(capabilities: Capabilities, max_calls: usize) -> Self {
        Self {
            under_way: CallMap::new(),
            max_calls,
            belong_to_requests: !capabilities.changes_context(),
        }
    }

    /// Starts an HTTP call.
    ///
    /// # Errors
    /// The host does not start it, or too many are under way.
    pub fn start_http(
        &mut self,
        host: &dyn Host,
        call: &HttpCall<'_>,
        occasion: Occasion,
        purpose: C,
    ) -> Result<(), Status> {
        self.start(occasion, call.timeout, purpose, || {
            host.http_call(call).map(CallId::Http)
        })
    }

    /// Starts a unary gRPC call.
    ///
    /// # Errors
    /// The host does not start it, or too many are under way.
    pub fn start_grpc(
        &mut self,
        host: &dyn Host,
        call: &GrpcCall<'_>,
        occasion: Occasion,
        purpose: C,
    ) -> Result<(), Status> {
        self.start(occasion, call.timeout, purpose, || {
            host.grpc_call(call).map(CallId::Grpc)
        })
    }

    fn start(
        &mut self,
        occasion: Occasion,
        timeout: Duration,
        purpose: C,
        start: impl FnOnce() -> Result<CallId, Status>,
    ) -> Result<(), Status> {
        if self.under_way.len() >= self.max_calls {
            return Err(Status::InternalFailure);
        }
        let call = Call {
            occasion,
            timeout,
            purpose,
        };
        self.under_way.insert(start()?, call);
        Ok(())
    }

    /// A call has ended. `None` for one that nobody waits for any more.
    pub fn end(&mut self, id: CallId) -> Option<Call<C>> {
        self.under_way.remove(id)
    }

    /// Ends the calls that nobody needs any more. An HTTP call cannot be ended; its response finds
    /// nobody.
    pub fn cancel(&mut self, host: &dyn Host, is_needless: impl Fn(&Call<C>) -> bool) {
        for (id, _) in self.under_way.take(usize::MAX, is_needless) {
            if let CallId::Grpc(token) = id {
                let _ = host.cancel_grpc_call(token);
            }
        }
    }

    /// The calls that have ended without a response, with the request that they belonged to; none on hosts
    /// where a call belongs to no request.
    pub fn take_lost(&mut self, stream: ContextId) -> Vec<Call<C>> {
        let belong = self.belong_to_requests;
        self.take(usize::MAX, |call| {
            belong && call.occasion.stream == Some(stream)
        })
    }

    /// The calls that a host should have ended by now, if only with a failure. They count as timed
    /// out, and a response that still comes finds nobody. Some at once, for the same reason as
    /// [`super::WaitingRequests::begin_turns`]; the others at the next tick.
    pub fn take_overdue(&mut self, now_ns: u64) -> Vec<Call<C>> {
        self.take(MOST_ENDED, |call| call.is_overdue(now_ns))
    }

    fn take(&mut self, most: usize, which: impl Fn(&Call<C>) -> bool) -> Vec<Call<C>> {
        let taken = self.under_way.take(most, which).into_iter();
        taken.map(|(_, call)| call).collect()
    }

    /// Whether the host holds a request until it can be decided about: some do so only while a call
    /// is under way that the request itself has started.
    #[must_use]
    pub fn can_hold(&self, stream: ContextId) -> bool {
        let is_own = |call: &Call<C>| call.occasion.stream == Some(stream);
        !self.belong_to_requests || self.under_way.values().any(is_own)
    }

    /// All calls under way.
    pub fn iter(&self) -> impl Iterator<Item = &Call<C>> {
        self.under_way.values()
    }

    /// Whether no call is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.under_way.len() == 0
    }
}

/// How long a response to a call with this timeout is hoped for: a call that is older is
/// overdue.
#[must_use]
pub const fn patience(timeout: Duration) -> Duration {
    timeout.saturating_add(LOST_AFTER)
}

/// What a host may take longer than it was told to.
const LOST_AFTER: Duration = Duration::from_secs(2);
