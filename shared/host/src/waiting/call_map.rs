//! What is known of each call.

use policy::ordered_map::OrderedMap;

use crate::CallToken;

/// A call under way. Tokens of HTTP and of gRPC calls are numbered apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallId {
    /// An HTTP call, started with [`crate::Host::http_call`].
    Http(CallToken),
    /// A gRPC call, started with [`crate::Host::grpc_call`].
    Grpc(CallToken),
}

/// A value for each of some calls: HTTP calls first, then gRPC calls, each kind in the order of its tokens.
#[derive(Debug)]
pub(crate) struct CallMap<T> {
    http: OrderedMap<CallToken, T>,
    grpc: OrderedMap<CallToken, T>,
}

impl<T> CallMap<T> {
    pub(crate) const fn new() -> Self {
        Self {
            http: OrderedMap::new(),
            grpc: OrderedMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.http.len().saturating_add(self.grpc.len())
    }

    pub(crate) fn get(&self, id: CallId) -> Option<&T> {
        match id {
            CallId::Http(token) => self.http.get(&token),
            CallId::Grpc(token) => self.grpc.get(&token),
        }
    }

    pub(crate) fn insert(&mut self, id: CallId, value: T) {
        match id {
            CallId::Http(token) => self.http.insert(token, value),
            CallId::Grpc(token) => self.grpc.insert(token, value),
        };
    }

    pub(crate) fn remove(&mut self, id: CallId) -> Option<T> {
        match id {
            CallId::Http(token) => self.http.remove(&token),
            CallId::Grpc(token) => self.grpc.remove(&token),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (CallId, &T)> {
        let http = self
            .http
            .iter()
            .map(|(token, value)| (CallId::Http(*token), value));
        let grpc = self
            .grpc
            .iter()
            .map(|(token, value)| (CallId::Grpc(*token), value));
        http.chain(grpc)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    /// Takes out the first of those that `which` says yes of.
    pub(crate) fn take(&mut self, most: usize, which: impl Fn(&T) -> bool) -> Vec<(CallId, T)> {
        let found = self.iter().filter(|(_, value)| which(value));
        let ids: Vec<CallId> = found.take(most).map(|(id, _)| id).collect();
        let taken = ids.into_iter();
        taken
            .filter_map(|id| Some((id, self.remove(id)?)))
            .collect()
    }
}
