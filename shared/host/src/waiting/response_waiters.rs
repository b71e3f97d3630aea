//! Which requests wait for which response.

use crate::ContextId;

/// Of the requests that wait, which wait for the response about a key, such as a token or a person, and which
/// for a call to be made at all, because too many are under way.
#[derive(Debug)]
pub struct ResponseWaiters<K> {
    for_responses: Vec<(K, ContextId)>,
    /// In the order in which they came, each with the client that it is of.
    for_calls: Vec<(ContextId, u64)>,
}

impl<K> Default for ResponseWaiters<K> {
    fn default() -> Self {
        Self {
            for_responses: Vec::new(),
            for_calls: Vec::new(),
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

    /// The request waits until a call may be made for it. `client` tells clients that share calls apart.
    pub fn wait_for_call(&mut self, context: ContextId, client: u64) {
        if !self.for_calls.iter().any(|(known, _)| *known == context) {
            self.for_calls.push((context, client));
        }
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

    /// Who can have a call made now, in the order in which they came. `has_room` is asked once for each, and counts
    /// those that it has said yes to.
    pub fn take_callers(&mut self, mut has_room: impl FnMut(u64) -> bool) -> Vec<ContextId> {
        let taken = self
            .for_calls
            .extract_if(.., |(_, client)| has_room(*client));
        taken.map(|(context, _)| context).collect()
    }

    /// The client has left, or the request was decided about.
    pub fn leave(&mut self, context: ContextId) {
        self.for_responses.retain(|(_, known)| *known != context);
        self.for_calls.retain(|(known, _)| *known != context);
    }
}
