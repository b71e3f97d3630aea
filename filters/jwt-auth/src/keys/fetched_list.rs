//! A list that was taken from a document.

use policy::mode::OnError;

use super::document::Document;
use super::provider_keys::Availability;
use super::{FetchError, nanoseconds};
use crate::config::{DenyList, Holds, RemoteList};
use crate::jose::sha256;
use crate::verify::context::VerifyContext;

/// A list of tokens and people, and what is known of it at this moment.
pub(crate) struct FetchedList {
    /// What it is called in logs and metrics.
    pub(crate) name: String,
    /// Index into the documents of the verifier.
    pub(crate) document: usize,
    /// What holds while there is none.
    pub(crate) on_error: OnError,
    /// The last one that was fetched.
    pub(crate) entries: DenyList,
    /// How long it serves after it was fetched.
    serves_ns: u64,
    holds: Holds,
    /// No tick fetches it: a request does when it is due, and waits.
    by_requests: bool,
    fetched_ns: Option<u64>,
    generation: u64,
    digest: [u8; 32],
}

impl FetchedList {
    pub(crate) fn new(name: String, document: usize, list: &RemoteList, by_requests: bool) -> Self {
        let settings = &list.source.settings;
        let fresh_ns = nanoseconds(settings.cache_duration);
        Self {
            name,
            document,
            on_error: list.on_error,
            entries: DenyList::default(),
            serves_ns: fresh_ns.saturating_add(nanoseconds(settings.max_stale)),
            holds: list.source.holds,
            by_requests,
            fetched_ns: None,
            generation: 0,
            digest: [0; 32],
        }
    }

    /// Takes the list out of bytes that were not looked at yet. Whether it is another one than before; the
    /// old one serves on where they are no list.
    pub(crate) fn import(&mut self, document: &Document) -> Result<bool, FetchError> {
        let body = document.body();
        let Some(body) = body.filter(|body| body.generation > self.generation) else {
            return Ok(false);
        };
        self.generation = body.generation;
        let digest = sha256(&body.bytes);
        let is_other = self.fetched_ns.is_none() || digest != self.digest;
        if is_other {
            self.entries = DenyList::fetched(&body.bytes, self.holds).map_err(FetchError)?;
            self.digest = digest;
        }
        self.fetched_ns = Some(body.fetched_ns);
        Ok(is_other)
    }

    /// How long ago it was fetched.
    pub(crate) fn age_ns(&self, now_ns: u64) -> Option<u64> {
        self.fetched_ns
            .map(|fetched_ns| now_ns.saturating_sub(fetched_ns))
    }

    /// Whether it serves, or when to hope for it.
    pub(crate) fn availability(
        &self,
        document: &mut Document,
        context: VerifyContext<'_>,
    ) -> Availability {
        let (since_ns, now_ns) = (context.since_ns(), context.now.monotonic_ns());
        let serves = self.age_ns(now_ns).is_some_and(|age| age <= self.serves_ns);
        let has_turn =
            || self.by_requests && context.host.can_call() && document.can_begin(since_ns, now_ns);
        if serves && !has_turn() {
            return Availability::Serving;
        }
        match document.demand(since_ns, now_ns) {
            Ok(()) => Availability::Soon,
            Err(_) if serves => Availability::Serving,
            Err(retry_after_s) => Availability::Unavailable { retry_after_s },
        }
    }
}
