//! Fetching a document, once for all providers, workers and VMs that use it: a key set, or a list.

use std::rc::Rc;

use host::waiting::{Calls, Occasion, patience};
use host::{Host, ResponseSizes};
use policy::json::Json;
use policy::secret::Secret;

use super::discovery::jwks_endpoint;
use super::schedule::{Pace, Schedule, Wishes};
use super::shared::SharedDocument;
use super::unknown_keys::UnknownKeys;
use super::{FetchError, MAX_JWKS_BYTES, MAX_LIST_BYTES, nanoseconds, retry_after_s};
use crate::calls::{Get, Purpose, random, random_u32, response_body};
use crate::config::{DenyList, DocumentSource, Endpoint, Holds};

/// A key set or a list as bytes, and the fetch of it that this VM has under way.
pub(crate) struct Document {
    /// Its place among the documents of the verifier.
    place: usize,
    source: DocumentSource,
    /// What whoever keeps it wants to see.
    token: Option<Secret>,
    pace: Pace,
    schedule: Schedule,
    /// Where the VMs meet, on hosts that share data.
    shared: Option<SharedDocument>,
    /// Names this VM to the others.
    holder: u64,
    flight: Option<Flight>,
    /// Where the metadata said that the key set is.
    located: Option<Endpoint>,
    body: Option<Body>,
    wishes: Wishes,
    /// Since when a fetch for an unknown key is wished for.
    wished_ns: u64,
    unknown: UnknownKeys,
    /// How often in a row the shared bytes were not there.
    losses: u32,
}

/// The bytes of a document that was fetched.
#[derive(Clone)]
pub(crate) struct Body {
    pub(crate) bytes: Rc<Vec<u8>>,
    /// The number of the fetch that brought the bytes.
    pub(crate) generation: u64,
    pub(crate) fetched_ns: u64,
}

/// A fetch of this VM, which has one call under way at a time.
struct Flight {
    asks_for: Part,
    began_ns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Metadata,
    /// The document itself.
    Whole,
}

/// What a response has done to a fetch.
pub(crate) enum Progress {
    /// There is more to fetch.
    GoesOn,
    /// The fetch has ended: there are new bytes, or there is a reason why not.
    Ended(Result<(), FetchError>),
}

/// Whether a key that is not in the set may be in the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    /// It was not published when it was fetched for.
    Absent,
    /// A fetch for it is under way or due at once.
    Soon,
    /// No fetch for it has succeeded, and the next one is some time off.
    Undecided {
        /// Whole seconds, at least 1.
        retry_after_s: u64,
    },
}

impl Document {
    /// Nothing fetched yet. `shares` says whether the host shares data.
    pub(crate) fn new(
        host: &dyn Host,
        place: usize,
        source: DocumentSource,
        token: Option<Secret>,
        shares: bool,
    ) -> Self {
        Self {
            place,
            token,
            pace: source.settings.pace(),
            shared: shares.then(|| SharedDocument::of(&source)),
            source,
            schedule: Schedule::default(),
            holder: random(host).max(1),
            flight: None,
            located: None,
            body: None,
            wishes: Wishes::default(),
            wished_ns: 0,
            unknown: UnknownKeys::default(),
            losses: 0,
        }
    }

    /// Whether a provider with these settings takes its keys from this document.
    pub(crate) fn is_of(&self, source: &DocumentSource) -> bool {
        self.source.address() == source.address()
    }

    /// One more provider uses it: it is fetched as often as the most demanding one wants.
    pub(crate) fn join(&mut self, source: &DocumentSource) {
        let other = source.settings.pace();
        self.pace = Pace {
            timeout: self.pace.timeout.max(other.timeout),
            cache_duration: self.pace.cache_duration.min(other.cache_duration),
            min_refresh: self.pace.min_refresh.min(other.min_refresh),
        };
    }

    /// The bytes that are at hand.
    pub(crate) const fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// Takes over what other VMs have done, and says that the own fetch goes on. Whether a fetch
    /// has ended, well or badly: who waits for it is to be decided about again.
    pub(crate) fn sync(&mut self, host: &dyn Host, now_ns: u64) -> bool {
        let Some(shared) = &self.shared else {
            return false;
        };
        let Some((schedule, cas)) = shared.schedule(host) else {
            return false;
        };
        let failed_since = schedule.failed_ns > self.schedule.failed_ns;
        self.schedule = schedule;
        // Another VM may have fetched what was wished for here.
        if schedule.began_ns > self.wished_ns {
            self.wishes = Wishes::default();
        }
        if self.flight.is_some()
            && let Some(renewed) = schedule.renewed(self.holder, now_ns)
            && shared.write_schedule(host, renewed, Some(cas)).is_ok()
        {
            self.schedule = renewed;
        }
        self.read_body(host) || failed_since
    }

    /// Starts a fetch if one is due and no other VM has begun it. Whether it failed at once.
    ///
    /// # Errors
    /// It could not be started.
    pub(crate) fn fetch_if_due(
        &mut self,
        host: &dyn Host,
        calls: &mut Calls<Purpose>,
        occasion: Occasion,
    ) -> Result<(), FetchError> {
        let now_ns = occasion.now_ns;
        if self.flight.is_some()
            || self.schedule.due(&self.pace, self.wishes, now_ns).is_none()
            || !self.begin(host, now_ns)
        {
            return Ok(());
        }
        self.wishes = Wishes::default();
        // The issuer may have moved the key set, while the old one is still there.
        let asks_for = match self.source.discovery {
            Some(_) => Part::Metadata,
            None => Part::Whole,
        };
        self.call(host, calls, occasion, asks_for, now_ns)
    }

    /// Takes the response to a call. `useful` says of the bytes of a key set whether some provider
    /// can use them.
    pub(crate) fn on_response(
        &mut self,
        host: &dyn Host,
        calls: &mut Calls<Purpose>,
        occasion: Occasion,
        sizes: ResponseSizes,
        useful: impl FnOnce(&[u8]) -> bool,
    ) -> Progress {
        let now_ns = occasion.now_ns;
        let Some(flight) = self.flight.take() else {
            return Progress::GoesOn;
        };
        let max_bytes = match (self.source.holds, flight.asks_for) {
            (Holds::DenyList | Holds::Objections, Part::Whole) => MAX_LIST_BYTES,
            _ => MAX_JWKS_BYTES,
        };
        let body = response_body(host, sizes, max_bytes).map_err(FetchError);
        let result = match flight.asks_for {
            Part::Whole => body.and_then(|body| {
                check_form(&body, self.source.holds)?;
                let useful = self.source.holds != Holds::Keys || useful(&body);
                self.succeed(host, body, flight.began_ns, useful, now_ns);
                Ok(true)
            }),
            Part::Metadata => body
                .and_then(|body| match &self.source.discovery {
                    Some(discovery) => jwks_endpoint(&body, discovery, &self.source.endpoint),
                    None => Err(FetchError("no_jwks_uri")),
                })
                .and_then(|endpoint| {
                    self.located = Some(endpoint);
                    self.call(host, calls, occasion, Part::Whole, flight.began_ns)?;
                    Ok(false)
                }),
        };
        match result {
            Ok(true) => Progress::Ended(Ok(())),
            Ok(false) => Progress::GoesOn,
            // A call that could not be started has ended the fetch already.
            Err(error @ NOT_STARTED) => Progress::Ended(Err(error)),
            Err(error) => {
                self.fail(host, now_ns);
                Progress::Ended(Err(error))
            }
        }
    }

    /// A request at hand cannot be decided without a fetch: whether one is under way or starts at
    /// once; else how long until one may. `since_ns` is when the request came: a fetch that has
    /// failed since is not waited for again.
    pub(crate) fn demand(&mut self, since_ns: u64, now_ns: u64) -> Result<(), u64> {
        let failed_since = self.schedule.failed_ns >= since_ns && self.schedule.failed_ns > 0;
        let wait_ns = self.schedule.demand_wait_ns(&self.pace, now_ns);
        if !failed_since && (self.schedule.is_under_way(now_ns) || wait_ns == 0) {
            self.wishes.demanded = true;
            return Ok(());
        }
        Err(retry_after_s(wait_ns))
    }

    /// Whether a fetch may start now, which a request would have to start: so it is where the host makes no
    /// calls of its own.
    pub(crate) fn can_begin(&self, since_ns: u64, now_ns: u64) -> bool {
        let schedule = &self.schedule;
        let failed_since = schedule.failed_ns >= since_ns && schedule.failed_ns > 0;
        let due = schedule.due(&self.pace, self.wishes, now_ns);
        due.is_some() && !failed_since && self.flight.is_none()
    }

    /// A token names a key that is not in the set (or the set has no usable key at all, `None`):
    /// what a fetch has to say about it. Fetches for such keys come from a bucket of their own,
    /// since clients can make up names.
    pub(crate) fn seek(&mut self, key_id: Option<&str>, since_ns: u64, now_ns: u64) -> Sought {
        let for_ns = nanoseconds(self.pace.min_refresh);
        let first_seen_ns = self.unknown.first_seen(key_id, for_ns, now_ns);
        let schedule = &self.schedule;
        if schedule.generation > 0 && schedule.fetched_began_ns >= first_seen_ns {
            return Sought::Absent;
        }
        if !self.wishes.unknown_key {
            self.wishes.unknown_key = true;
            self.wished_ns = now_ns;
        }
        let schedule = &self.schedule;
        let wait_ns = match schedule.failures {
            0 => schedule.bucket_wait_ns(&self.pace, now_ns),
            _ => {
                self.wishes.demanded = true;
                schedule.demand_wait_ns(&self.pace, now_ns)
            }
        };
        let failed_since = schedule.failed_ns >= since_ns && schedule.failed_ns > 0;
        if !failed_since && (schedule.is_under_way(now_ns) || wait_ns == 0) {
            return Sought::Soon;
        }
        Sought::Undecided {
            retry_after_s: retry_after_s(wait_ns),
        }
    }

    /// The call is gone with the request that it belonged to.
    ///
    /// So it is when this VM goes, or this configuration does: another one may fetch at once.
    pub(crate) fn leave(&mut self, host: &dyn Host) {
        if self.flight.take().is_some() {
            self.free_lease(host);
        }
    }

    /// The host has said nothing about the call for too long.
    pub(crate) fn give_up(&mut self, host: &dyn Host, now_ns: u64) {
        if self.flight.take().is_some() {
            self.fail(host, now_ns);
        }
    }

    fn free_lease(&mut self, host: &dyn Host) {
        let Some(shared) = &self.shared else {
            if let Some(freed) = self.schedule.freed(self.holder) {
                self.schedule = freed;
            }
            return;
        };
        let mut schedule = self.schedule;
        let freed = shared.update_schedule(host, &mut |current| {
            schedule = current;
            current.freed(self.holder)
        });
        self.schedule = freed.unwrap_or(schedule);
    }

    /// Reads the shared bytes if they are newer. Whether they were.
    fn read_body(&mut self, host: &dyn Host) -> bool {
        let Some(shared) = &self.shared else {
            return false;
        };
        let schedule = self.schedule;
        let at_hand = self.body.as_ref().map_or(0, |body| body.generation);
        if schedule.generation <= at_hand {
            return false;
        }
        match shared.body(host) {
            Some((generation, bytes)) if generation >= schedule.generation => {
                self.losses = 0;
                self.body = Some(Body {
                    bytes: Rc::new(bytes),
                    generation,
                    fetched_ns: schedule.fetched_ns,
                });
                true
            }
            // Whoever fetches writes the bytes first and the schedule after them, so they were
            // there: the host had no room for them any more.
            _ => {
                let losses = self.losses.saturating_add(1);
                let lost = schedule.lost(losses, random_u32(host));
                if lost != schedule
                    && let Some((current, cas)) = shared.schedule(host)
                    && current == schedule
                    && shared.write_schedule(host, lost, Some(cas)).is_ok()
                {
                    self.losses = losses;
                    self.schedule = lost;
                }
                false
            }
        }
    }

    /// Whether this VM may fetch. Where data are shared, exactly one of all may.
    fn begin(&mut self, host: &dyn Host, now_ns: u64) -> bool {
        if let Some(shared) = &self.shared {
            match shared.schedule_or_new(host) {
                Ok((schedule, cas)) => {
                    self.schedule = schedule;
                    let Some(due) = schedule.due(&self.pace, self.wishes, now_ns) else {
                        return false;
                    };
                    let beginning = schedule.beginning(&self.pace, due, self.holder, now_ns);
                    if shared.write_schedule(host, beginning, Some(cas)).is_err() {
                        return false;
                    }
                    self.schedule = beginning;
                    return true;
                }
                // Out of room, or not working after all: each VM for itself.
                Err(_) => self.shared = None,
            }
        }
        let Some(due) = self.schedule.due(&self.pace, self.wishes, now_ns) else {
            return false;
        };
        let mut beginning = self
            .schedule
            .beginning(&self.pace, due, self.holder, now_ns);
        // Nobody else looks at it, and where there is no tick nobody renews it.
        beginning.lease_ns = self.deadline_ns(now_ns);
        self.schedule = beginning;
        true
    }

    fn deadline_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_add(nanoseconds(patience(self.pace.timeout)))
    }

    fn call(
        &mut self,
        host: &dyn Host,
        calls: &mut Calls<Purpose>,
        occasion: Occasion,
        asks_for: Part,
        began_ns: u64,
    ) -> Result<(), FetchError> {
        let now_ns = occasion.now_ns;
        let endpoint = match (asks_for, &self.located) {
            (Part::Whole, Some(located)) => located,
            _ => &self.source.endpoint,
        };
        let accept = match self.source.holds {
            Holds::Keys => "application/jwk-set+json, application/json",
            Holds::DenyList | Holds::Objections => "application/json",
        };
        let get = Get {
            endpoint,
            path: &endpoint.path,
            accept,
            token: self.token.as_ref(),
            timeout: self.pace.timeout,
        };
        let purpose = Purpose::Fetch {
            document: self.place,
        };
        match get.start(host, calls, occasion, purpose) {
            Ok(()) => {
                if self.shared.is_none() {
                    self.schedule.lease_ns = self.deadline_ns(now_ns);
                }
                self.flight = Some(Flight { asks_for, began_ns });
                Ok(())
            }
            Err(_) => {
                self.fail(host, now_ns);
                Err(NOT_STARTED)
            }
        }
    }

    fn succeed(
        &mut self,
        host: &dyn Host,
        bytes: Vec<u8>,
        began_ns: u64,
        useful: bool,
        now_ns: u64,
    ) {
        let jitter = random_u32(host);
        // The lease may have run out, and another VM may have fetched since.
        self.adopt(host);
        let known = self.schedule;
        self.schedule = known.succeeded(&self.pace, began_ns, useful, now_ns, jitter);
        self.keep_lease_of_others(&known);
        if let Some(shared) = &self.shared {
            // Without room for the bytes, no other VM may believe that they are there.
            let written = shared.write_body(host, self.schedule.generation, &bytes);
            if written
                .and_then(|()| shared.write_schedule(host, self.schedule, None))
                .is_err()
            {
                self.shared = None;
            }
        }
        self.body = Some(Body {
            bytes: Rc::new(bytes),
            generation: self.schedule.generation,
            fetched_ns: now_ns,
        });
    }

    fn fail(&mut self, host: &dyn Host, now_ns: u64) {
        let jitter = random_u32(host);
        self.adopt(host);
        // The issuer may have moved its keys.
        self.located = None;
        let known = self.schedule;
        self.schedule = known.failed(now_ns, jitter);
        self.keep_lease_of_others(&known);
        if let Some(shared) = &self.shared
            && shared.write_schedule(host, self.schedule, None).is_err()
        {
            self.shared = None;
        }
    }

    /// A VM that has taken over in the meantime still fetches.
    fn keep_lease_of_others(&mut self, known: &Schedule) {
        if known.holder != self.holder {
            self.schedule.lease_ns = known.lease_ns;
        }
    }

    fn adopt(&mut self, host: &dyn Host) {
        if let Some(shared) = &self.shared
            && let Some((schedule, _)) = shared.schedule(host)
        {
            self.schedule = schedule;
        }
    }
}

/// Whether bytes are what they should be at all; what keys are good for is for each provider to find out.
fn check_form(bytes: &[u8], holds: Holds) -> Result<(), FetchError> {
    if holds != Holds::Keys {
        return DenyList::fetched(bytes, holds)
            .map_or_else(|code| Err(FetchError(code)), |_| Ok(()));
    }
    let set = Json::parse(without_mark(bytes)).map_err(|_| FetchError("not_json"))?;
    match set.member("keys") {
        Some(Json::Array(_)) => Ok(()),
        _ => Err(FetchError("not_a_jwk_set")),
    }
}

/// JSON without a byte order mark, which some servers put in front of it (RFC 8259 section 8.1
/// allows readers to ignore it).
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

const NOT_STARTED: FetchError = FetchError("not_started");
