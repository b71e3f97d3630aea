//! The requests that a filter holds.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use policy::ordered_map::OrderedMap;

use crate::{Capabilities, ContextId, Direction, Host, Status};

/// The requests that wait until a filter can decide about them, and what it keeps of each.
#[derive(Debug)]
pub struct WaitingRequests<W> {
    waiters: OrderedMap<ContextId, Waiter<W>>,
    /// How many have come so far.
    arrivals: u64,
    max_requests: usize,
    timeout: Duration,
    /// A call wakes nobody but the request that has started it.
    wake_by_own_calls: bool,
    /// Those that can be decided about now.
    due: VecDeque<ContextId>,
    /// How many of these the callback that is running may still end.
    turns_left: usize,
    /// The tick is short, until nobody is due.
    hurries: bool,
}

/// A request that is held.
#[derive(Debug)]
pub struct Waiter<W> {
    context: ContextId,
    arrival: u64,
    since_ns: u64,
    /// It is the effective context.
    is_there: bool,
    /// Nobody else has its place.
    keeps_place: bool,
    /// What the filter keeps of it.
    pub request: W,
}

impl<W> Waiter<W> {
    /// The context of the request.
    #[must_use]
    pub const fn context(&self) -> ContextId {
        self.context
    }

    /// When it began to wait, in nanoseconds of the monotonic clock.
    #[must_use]
    pub const fn since_ns(&self) -> u64 {
        self.since_ns
    }

    /// Whether the host still has the request: then calls of the host are about it.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.is_there
    }

    /// Whether it may wait on: another request may have its place, see [`WaitingRequests::has_room`].
    #[must_use]
    pub const fn keeps_place(&self) -> bool {
        self.keeps_place
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
            waiters: OrderedMap::new(),
            arrivals: 0,
            max_requests,
            timeout,
            wake_by_own_calls: !capabilities.changes_context(),
            due: VecDeque::new(),
            turns_left: 0,
            hurries: false,
        }
    }

    /// Whether one more request may wait. Where there is no place left, the client with the most requests gives
    /// one up, the last that it sent, as long as it has more than the one that comes; so nobody keeps others out,
    /// from however many addresses. That request is due, and not [`Waiter::keeps_place`].
    ///
    /// Where calls wake their own requests only, nobody can be made to go: there the last half of the places is
    /// for clients that have less than a quarter of them.
    pub fn has_room(&mut self, client: u64, client_of: impl Fn(&W) -> u64) -> bool {
        let staying = || self.waiters.values().filter(|waiter| waiter.keeps_place);
        let count = staying().count();
        if count < self.max_requests.div_ceil(2) {
            return true;
        }
        if self.wake_by_own_calls {
            let own = staying().filter(|waiter| client_of(&waiter.request) == client);
            return count < self.max_requests && own.count() < self.max_requests.div_ceil(4);
        }
        if count < self.max_requests {
            return true;
        }
        // The requests of each client, and the last of them.
        let mut clients: HashMap<u64, (usize, u64, ContextId)> = HashMap::new();
        for waiter in staying() {
            let none = (0, 0, waiter.context);
            let known = clients.entry(client_of(&waiter.request)).or_insert(none);
            known.0 = known.0.saturating_add(1);
            if waiter.arrival >= known.1 {
                (known.1, known.2) = (waiter.arrival, waiter.context);
            }
        }
        let own = clients.get(&client).map_or(0, |(requests, ..)| *requests);
        let most = clients
            .values()
            .max_by_key(|(requests, last, _)| (*requests, *last));
        let Some((_, _, last)) = most
            .filter(|(requests, ..)| *requests > own.saturating_add(1))
            .copied()
        else {
            return false;
        };
        if let Some(waiter) = self.waiters.get_mut(&last) {
            waiter.keeps_place = false;
        }
        self.wake(&[last]);
        true
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
            keeps_place: true,
            request,
        };
        self.waiters.insert(context, waiter);
    }

    /// What is kept of a request that waits.
    pub fn get_mut(&mut self, context: ContextId) -> Option<&mut W> {
        self.waiters.get_mut(&context).map(|w| &mut w.request)
    }

    /// Whether the request of this context waits.
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

    /// The request waits on, as if its turn had never come.
    pub fn put_back(&mut self, waiter: Waiter<W>) {
        self.turns_left = self.turns_left.saturating_add(1);
        self.waiters.insert(waiter.context, waiter);
    }

    /// All that wait are due, in the order in which they came; where a call wakes only the request that has
    /// started it, that one. `at_hand` is the request whose call has just ended.
    pub fn wake_all(&mut self, at_hand: Option<ContextId>) {
        let own_only = self.wake_by_own_calls;
        let due = self.in_order(|waiter| !own_only || at_hand == Some(waiter.context));
        self.due = due.into();
    }

    /// Those that the response to a call is about are due, as far as it can wake them: see [`Self::wake_all`].
    pub fn wake_by_call(&mut self, woken: &[ContextId], at_hand: Option<ContextId>) {
        if self.wake_by_own_calls {
            self.wake_all(at_hand);
        } else {
            self.wake(woken);
        }
    }

    /// Marks these requests as ready to go on.
    pub fn wake(&mut self, contexts: &[ContextId]) {
        for context in contexts {
            if self.waiters.contains_key(context) && !self.due.contains(context) {
                self.due.push_back(*context);
            }
        }
    }

    /// Those that have waited as long as they may are due.
    pub fn wake_late(&mut self, now_ns: u64) {
        let is_late = |waiter: &Waiter<W>| self.is_late(waiter, now_ns);
        let late = self.in_order(is_late);
        self.wake(&late);
    }

    /// A callback begins to decide about those that are due. It ends few of them: Envoy does what a callback asks
    /// of a stream when the callback has returned, each from within the last, and with some hundred responses or
    /// resumed requests the stack of the VM is full, which is the end of the VM.
    pub const fn begin_turns(&mut self) {
        self.turns_left = if self.wake_by_own_calls {
            usize::MAX
        } else {
            MOST_ENDED
        };
    }

    /// The next that is due, as [`Self::take`] has it. `None` when nobody is, or the callback has ended enough.
    pub fn next_turn(&mut self, host: &dyn Host) -> Option<Waiter<W>> {
        while self.turns_left > 0 {
            let context = self.due.pop_front()?;
            if let Some(waiter) = self.take(host, context) {
                self.turns_left = self.turns_left.saturating_sub(1);
                return Some(waiter);
            }
        }
        None
    }

    /// The callback has decided about as many as it may. The others have their turn at the next tick, which comes
    /// at once; when there are none, the tick is the usual one again.
    pub fn end_turns(&mut self, host: &dyn Host, usual_tick: Duration) {
        let hurries = !self.due.is_empty();
        if hurries == self.hurries {
            return;
        }
        let period = if hurries { AT_ONCE } else { usual_tick };
        if host.set_tick_period(period).is_ok() {
            self.hurries = hurries;
        }
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

/// Requests that one callback responds to or lets go on.
pub(super) const MOST_ENDED: usize = 16;
/// The shortest tick there is.
const AT_ONCE: Duration = Duration::from_millis(1);
