//! Fetching the keys of a provider, once for all workers.

use host::{CallToken, Host, HttpCall, ResponseSizes, SharedValue, Status, shared_data};

use crate::calls::{CallContexts, answer_body, random_u32};
use crate::config::{Endpoint, FetchedKeys};
use crate::discovery;
use crate::jose::{KeyRules, SkippedKey, sha256};
use crate::keys::{FetchError, MAX_JWKS_BYTES, RemoteKeys, Schedule};

/// The keys of a provider, and the fetch under way.
pub(crate) struct KeyFetcher {
    source: FetchedKeys,
    /// When to fetch, and what was fetched.
    pub(crate) keys: RemoteKeys,
    /// Where the workers meet, on hosts that share data.
    shared: Option<SharedKeys>,
    flight: Option<Flight>,
    /// Where the metadata said that the keys are.
    located: Option<Endpoint>,
}

/// A call under way.
struct Flight {
    call: CallToken,
    asks_for: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Metadata,
    Keys,
}

/// How a fetch ended: the keys that had to be left out, or why there are none.
pub(crate) type Fetched = Result<Vec<SkippedKey>, FetchError>;

impl KeyFetcher {
    /// Nothing fetched yet. `shares` says whether the host shares data.
    pub(crate) fn new(source: FetchedKeys, rules: KeyRules, shares: bool) -> Self {
        Self {
            keys: RemoteKeys::new(source.settings, rules),
            shared: shares.then(|| SharedKeys::of(&source)),
            source,
            flight: None,
            located: None,
        }
    }

    /// Takes over what other workers have fetched. Whether keys have come.
    pub(crate) fn sync(&mut self, host: &dyn Host, now_ns: u64) -> bool {
        let Some(shared) = &self.shared else {
            return false;
        };
        let Some((schedule, _)) = shared.schedule(host) else {
            return false;
        };
        self.keys.adopt(schedule);
        if !self.keys.is_behind() {
            return false;
        }
        match shared.keys(host) {
            // A worker writes the keys first and the schedule after them.
            Some((generation, _)) if generation < schedule.generation => false,
            Some((_, body)) => {
                let adopted = self.keys.adopt_keys(&body).is_ok();
                if !adopted {
                    self.keys.want_fetch(now_ns);
                }
                adopted
            }
            None => {
                self.keys.want_fetch(now_ns);
                false
            }
        }
    }

    /// Starts a fetch if one is due and no other worker has begun it.
    ///
    /// # Errors
    /// It could not be started.
    pub(crate) fn fetch_if_due(
        &mut self,
        host: &dyn Host,
        callers: CallContexts,
        now_ns: u64,
    ) -> Result<(), FetchError> {
        if !self.keys.is_due(now_ns) || !self.begin(host, now_ns) {
            return Ok(());
        }
        let asks_for = match (&self.source.discovery, &self.located) {
            (Some(_), None) => Part::Metadata,
            _ => Part::Keys,
        };
        self.ask(host, callers, asks_for, now_ns)
    }

    /// The answer to a call, if it was ours. `Some(None)` when there is more to fetch.
    pub(crate) fn answered(
        &mut self,
        host: &dyn Host,
        callers: CallContexts,
        call: CallToken,
        answer: ResponseSizes,
        now_ns: u64,
    ) -> Option<Option<Fetched>> {
        let flight = self.flight.take_if(|flight| flight.call == call)?;
        let body = answer_body(host, answer, MAX_JWKS_BYTES).map_err(FetchError);
        if flight.asks_for == Part::Keys {
            return Some(Some(self.finish(host, body.as_deref(), now_ns)));
        }
        let located = body.and_then(|body| match &self.source.discovery {
            Some(discovery) => discovery::jwks_endpoint(&body, discovery, &self.source.endpoint),
            None => Err(FetchError("no_jwks_uri")),
        });
        let goes_on = match located {
            Ok(endpoint) => {
                self.located = Some(endpoint);
                self.ask(host, callers, Part::Keys, now_ns)
            }
            Err(error) => {
                let _ = self.finish(host, Err(&error), now_ns);
                Err(error)
            }
        };
        Some(goes_on.err().map(Err))
    }

    /// The call that is under way.
    pub(crate) fn call_under_way(&self) -> Option<CallToken> {
        self.flight.as_ref().map(|flight| flight.call)
    }

    /// Whether this worker may fetch. Where data are shared, of all workers exactly one may.
    fn begin(&mut self, host: &dyn Host, now_ns: u64) -> bool {
        let Some(shared) = &self.shared else {
            self.keys.adopt(self.keys.beginning(now_ns));
            return true;
        };
        let Ok((schedule, cas)) = shared.schedule_or_new(host) else {
            // Out of room, or not working after all: each worker for itself.
            self.shared = None;
            self.keys.adopt(self.keys.beginning(now_ns));
            return true;
        };
        self.keys.adopt(schedule);
        if !self.keys.is_due(now_ns) {
            return false;
        }
        let beginning = self.keys.beginning(now_ns);
        if shared.write_schedule(host, beginning, Some(cas)).is_err() {
            return false;
        }
        self.keys.adopt(beginning);
        true
    }

    fn ask(
        &mut self,
        host: &dyn Host,
        callers: CallContexts,
        asks_for: Part,
        now_ns: u64,
    ) -> Result<(), FetchError> {
        let endpoint = match (asks_for, &self.located) {
            (Part::Keys, Some(located)) => located,
            _ => &self.source.endpoint,
        };
        let started = callers.http_call(
            host,
            &HttpCall {
                upstream: &endpoint.upstream,
                headers: &[
                    (":method", "GET"),
                    (":path", &endpoint.path),
                    (":authority", &endpoint.authority),
                    (":scheme", endpoint.scheme),
                    ("accept", "application/jwk-set+json, application/json"),
                ],
                body: b"",
                timeout: self.source.settings.timeout,
            },
        );
        match started {
            Ok(call) => {
                self.flight = Some(Flight { call, asks_for });
                Ok(())
            }
            Err(_) => {
                let error = FetchError("not_started");
                let _ = self.finish(host, Err(&error), now_ns);
                Err(error)
            }
        }
    }

    /// Ends a fetch, and tells the other workers.
    fn finish(
        &mut self,
        host: &dyn Host,
        body: Result<&[u8], &FetchError>,
        now_ns: u64,
    ) -> Fetched {
        // The lease may have run out, and another worker may have fetched since.
        if let Some((schedule, _)) = self
            .shared
            .as_ref()
            .and_then(|shared| shared.schedule(host))
        {
            self.keys.adopt(schedule);
        }
        let result = self
            .keys
            .answered(body.map_err(|error| *error), now_ns, random_u32(host));
        if result.is_err() {
            // The issuer may have moved its keys.
            self.located = None;
        }
        let schedule = self.keys.schedule();
        if let Some(shared) = &self.shared {
            let written = match body {
                Ok(body) if result.is_ok() => shared.write_keys(host, schedule.generation, body),
                _ => Ok(()),
            };
            // Without room for the keys, no other worker may believe that they are there.
            if written
                .and_then(|()| shared.write_schedule(host, schedule, None))
                .is_err()
            {
                self.shared = None;
            }
        }
        result
    }
}

/// Where the workers meet. The names come from the configuration: two configurations that ask the
/// same provider share, also across a reload.
struct SharedKeys {
    schedule: String,
    keys: String,
}

impl SharedKeys {
    fn of(source: &FetchedKeys) -> Self {
        let place = &source.endpoint;
        let issuer = source
            .discovery
            .as_ref()
            .map_or("", |discovery| discovery.issuer.as_str());
        let parts = [
            &place.upstream,
            place.scheme,
            &place.authority,
            &place.path,
            issuer,
        ];
        let digest = sha256(parts.join("\0").as_bytes());
        let name: String = digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            schedule: format!("meshward.jwt-auth.{name}.schedule"),
            keys: format!("meshward.jwt-auth.{name}.keys"),
        }
    }

    /// What is there, if it can be read.
    fn schedule(&self, host: &dyn Host) -> Option<(Schedule, u32)> {
        let value = host.shared_data(&self.schedule).ok()?;
        Some((Schedule::from_bytes(&value.bytes)?, value.cas))
    }

    /// What is there, or a new one. Something that cannot be read is as good as new: whoever takes
    /// its place first begins.
    fn schedule_or_new(&self, host: &dyn Host) -> Result<(Schedule, u32), Status> {
        let new = Schedule::default();
        let SharedValue { bytes, cas } =
            shared_data::insert_if_absent(host, &self.schedule, &new.to_bytes())?;
        Ok((Schedule::from_bytes(&bytes).unwrap_or(new), cas))
    }

    fn write_schedule(
        &self,
        host: &dyn Host,
        schedule: Schedule,
        cas: Option<u32>,
    ) -> Result<(), Status> {
        host.set_shared_data(&self.schedule, &schedule.to_bytes(), cas)
    }

    /// The generation of the keys, and the answer that they came in.
    fn keys(&self, host: &dyn Host) -> Option<(u64, Vec<u8>)> {
        let bytes = host.shared_data(&self.keys).ok()?.bytes;
        let (generation, body) = bytes.split_first_chunk::<8>()?;
        Some((u64::from_le_bytes(*generation), body.to_vec()))
    }

    fn write_keys(&self, host: &dyn Host, generation: u64, body: &[u8]) -> Result<(), Status> {
        let mut bytes = generation.to_le_bytes().to_vec();
        bytes.extend_from_slice(body);
        host.set_shared_data(&self.keys, &bytes, None)
    }
}
