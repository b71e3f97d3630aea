//! The requests that a filter holds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Capabilities, ContextId, Direction, Host, Status};

/// The requests that wait until a filter can decide about them, and what it keeps of each.
#[derive(Debug)]
pub struct WaitingRequests<W> {
    waiters: BTreeMap<ContextId, Waiter<W>>,
    /// How many have come so far.
    arrivals: u64,
    max_requests: usize,
    timeout: Duration,
    /// A call wakes nobody but the request that has started it.
    wake_by_own_calls: bool,
}

/// A request that is held.
#[derive(Debug)]
pub struct Waiter<W> {
    context: ContextId,
    arrival: u64,
    since_ns: u64,
    /// It is the effective context.
    is_there: bool,
    /// What the filter keeps of it.
    pub request: W,
}

impl<W> Waiter<W> {
    /// Its context.
    #[must_use]
    pub const fn context(&self) -> ContextId {
        self.context
    }

    /// Since when it waits.
    #[must_use]
    pub const fn since_ns(&self) -> u64 {
        self.since_ns
    }

    /// Whether the host still has the request: then calls of the host are about it.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.is_there
    }

    /// Lets the request go on.
    ///
    /// # Errors
    /// It is gone, or not paused.
    pub fn resume(&self, host: &dyn Host) -> Result<(), Status> {
        if !self.is_there {
            return Err(Status::NotFound);
        }
        host.resume(Direction::Request)
    }
}

impl<W> WaitingRequests<W> {
    /// None yet, never more than `max_requests` at once, and none for longer than `timeout`.
    #[must_use]
    pub const fn new(capabilities: Capabilities, max_requests: usize, timeout: Duration) -> Self {
        Self {
            waiters: BTreeMap::new(),
            arrivals: 0,
            max_requests,
            timeout,
            wake_by_own_calls: !capabilities.changes_context(),
        }
    }

    /// Whether one more request may wait.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiters.len() < self.max_requests
    }

    /// Keeps a request that the filter pauses. The filter has asked whether there is room, unless
    /// each request that waits has a call under way, which are bounded by themselves.
    pub fn hold(&mut self, context: ContextId, now_ns: u64, request: W) {
        self.arrivals = self.arrivals.wrapping_add(1);
        let waiter = Waiter {
            context,
            arrival: self.arrivals,
            since_ns: now_ns,
            is_there: false,
            request,
        };
        self.waiters.insert(context, waiter);
    }

    /// What is kept of a request that waits.
    pub fn get_mut(&mut self, context: ContextId) -> Option<&mut W> {
        self.waiters.get_mut(&context).map(|w| &mut w.request)
    }

    /// Whether this request waits.
    #[must_use]
    pub fn contains(&self, context: ContextId) -> bool {
        self.waiters.contains_key(&context)
    }

    /// Takes out a request to decide about it, and makes it the effective context if the host still
    /// has it. `None` when it does not wait.
    pub fn take(&mut self, host: &dyn Host, context: ContextId) -> Option<Waiter<W>> {
        let mut waiter = self.waiters.remove(&context)?;
        waiter.is_there = host.set_effective_context(context).is_ok();
        Some(waiter)
    }

    /// The request waits on, as if it had never been taken out.
    pub fn put_back(&mut self, waiter: Waiter<W>) {
        self.waiters.insert(waiter.context, waiter);
    }

    /// The client has left, or the stream has ended in another way: what is to be undone, if the
    /// request has waited until now.
    pub fn leave(&mut self, context: ContextId) -> Option<W> {
        self.waiters.remove(&context).map(|waiter| waiter.request)
    }

    /// Whether a request has waited as long as it may.
    #[must_use]
    pub fn is_late(&self, waiter: &Waiter<W>, now_ns: u64) -> bool {
        let waited = Duration::from_nanos(now_ns.saturating_sub(waiter.since_ns));
        waited >= self.timeout
    }

    /// The requests that have waited as long as they may, in the order in which they came.
    #[must_use]
    pub fn late(&self, now_ns: u64) -> Vec<ContextId> {
        self.in_order(|waiter| self.is_late(waiter, now_ns))
    }

    /// The requests that can be decided about now, in the order in which they came: all of them, or,
    /// where a call wakes only the request that has started it, that one. `at_hand` is the request
    /// whose call has just ended.
    #[must_use]
    pub fn awake(&self, at_hand: Option<ContextId>) -> Vec<ContextId> {
        let own_only = self.wake_by_own_calls;
        self.in_order(|waiter| !own_only || at_hand == Some(waiter.context))
    }

    fn in_order(&self, which: impl Fn(&Waiter<W>) -> bool) -> Vec<ContextId> {
        let mut found: Vec<(u64, ContextId)> = self
            .waiters
            .values()
            .filter(|waiter| which(waiter))
            .map(|waiter| (waiter.arrival, waiter.context))
            .collect();
        policy::sort::by(&mut found, Ord::cmp);
        found.into_iter().map(|(_, context)| context).collect()
    }
}
