//! Which requests wait for which response.

use crate::ContextId;

/// Of the requests that wait, which wait for the response about a key, such as a token or a person, and which
/// for a call to be made at all, because too many are under way.
#[derive(Debug)]
pub struct ResponseWaiters<K> {
    for_responses: Vec<(K, ContextId)>,
    /// In the order of their rounds, and in each round in the order in which they came.
    for_calls: Vec<Caller>,
    /// The round of the last that a call was made for.
    round: u64,
}

/// A request that waits for a call to be made.
#[derive(Debug)]
struct Caller {
    context: ContextId,
    /// Tells clients that share calls apart.
    client: u64,
    /// Each client has one request in a round, so that nobody waits for the many of another.
    round: u64,
}

impl<K> Default for ResponseWaiters<K> {
    fn default() -> Self {
        Self {
            for_responses: Vec::new(),
            for_calls: Vec::new(),
            round: 0,
        }
    }
}

impl<K: Copy + PartialEq> ResponseWaiters<K> {
    /// The request waits for the response about this key, which is on its way.
    pub fn wait_for_response(&mut self, key: K, context: ContextId) {
        if !self.for_responses.contains(&(key, context)) {
            self.for_responses.push((key, context));
        }
    }

    /// The request waits until a call may be made for it. `client` tells clients that share calls apart: they take
    /// turns, however many requests each has.
    pub fn wait_for_call(&mut self, context: ContextId, client: u64) {
        let mut waiting = self.for_calls.iter();
        if waiting.any(|known| known.context == context) {
            return;
        }
        let own = self.for_calls.iter().filter(|known| known.client == client);
        let last = own.map(|known| known.round).max();
        let round = last.map_or(self.round, |last| last.wrapping_add(1));
        let place = self.for_calls.partition_point(|known| known.round <= round);
        let caller = Caller {
            context,
            client,
            round,
        };
        self.for_calls.insert(place, caller);
    }

    /// The response about a key is there, or there will be none: who has waited for it.
    pub fn take(&mut self, key: K) -> Vec<ContextId> {
        let taken = self.for_responses.extract_if(.., |(of, _)| *of == key);
        taken.map(|(_, context)| context).collect()
    }

    /// Whether anybody waits for a call.
    #[must_use]
    pub const fn wait_for_calls(&self) -> bool {
        !self.for_calls.is_empty()
    }

    /// Who can have a call made now, a request of each client after the other. `has_room` is asked once for each, and
    /// counts those that it has said yes to.
    pub fn take_callers(&mut self, mut has_room: impl FnMut(u64) -> bool) -> Vec<ContextId> {
        let taken = self
            .for_calls
            .extract_if(.., |caller| has_room(caller.client));
        let taken = taken.inspect(|caller| self.round = self.round.max(caller.round));
        taken.map(|caller| caller.context).collect()
    }

    /// The client has left, or the request was decided about.
    pub fn leave(&mut self, context: ContextId) {
        self.for_responses.retain(|(_, known)| *known != context);
        self.for_calls.retain(|known| known.context != context);
    }
}
