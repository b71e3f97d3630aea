//! Asking a consent service what callers have agreed to, once for all workers.

use std::collections::HashMap;

use host::shared_cache::SharedCache;
use host::shared_cells::{CellHash, SharedCells, keyed_hash};
use host::waiting::{Calls, ResponseWaiters, patience};
use host::{Capabilities, ContextId, Host, Metrics, shared_data};
use policy::config::Problems;
use policy::consent::{ConsentLookup, ConsentSources, OnLookupError, OptOutMemory, SUBJECT};
use policy::explain::{self, Step};
use policy::facts::Facts;
use policy::http;
use policy::identity::{Agreed, Identity};
use policy::json::Json;
use policy::secret::Secret;

use crate::calls::{Get, NO_RESPONSE, Purpose, SERVER_FAILED, bearer_token};
use crate::config::Config;
use crate::keys::document::without_mark;
use crate::keys::{NS_PER_S, nanoseconds};
use crate::verify::context::VerifyContext;
use crate::verify::verified::CallerContext;

/// What is known of callers beyond their requests and tokens: what a service says, and who has opted
/// out before.
pub(crate) struct ConsentRecords {
    lookup: Option<Lookup>,
    opt_outs: Option<(OptOutMemory, SharedCells)>,
    sources: ConsentSources,
    seed: [u8; 16],
    metrics: Metrics,
}

struct Lookup {
    settings: ConsentLookup,
    token: Option<Secret>,
    cache: SharedCache,
    /// Tells what this service says from what others say to other plugins of the VM.
    seed: [u8; 16],
    /// People whom the service is being asked about, or could not be asked about just now, and until
    /// when that counts.
    pending: HashMap<CellHash, (Pending, u64)>,
    waiters: ResponseWaiters<CellHash>,
    /// The people about whom lookups in a row had no response, or one of 5xx.
    failing: Vec<CellHash>,
    /// When a service that is away is asked again, in monotonic time.
    next_attempt_ns: u64,
    /// How long a request may wait, in nanoseconds.
    waiting_ns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Asked,
    Failed,
}

/// What a service has said.
enum Said {
    Purposes(Vec<String>),
    /// It failed, is away, or took too long.
    Nothing,
    /// The caller has no name that it can be asked about, today or later.
    NotAskable,
    NotYet,
}

/// The response is on its way.
pub(crate) struct Awaited;

impl ConsentRecords {
    /// `None` where nothing is asked and nothing remembered.
    ///
    /// # Errors
    /// A secret is missing, or shared data does not work.
    pub(crate) fn new(
        host: &dyn Host,
        capabilities: &Capabilities,
        config: &Config,
        filter: &'static str,
    ) -> Result<Option<Self>, Problems> {
        let sources = &config.sources.consent;
        let (lookup, memory) = (sources.lookup(), sources.opt_out_memory());
        if lookup.is_none() && memory.is_none() {
            return Ok(None);
        }
        let key = "meshward/jwt-auth/consent/seed";
        let (seed, shares) = shared_data::seed(host, key, capabilities.shares_data())?;
        let lookup = match lookup {
            None => None,
            Some(settings) => {
                let path = "consent.lookup.token_env";
                let token = bearer_token(host, settings.token_env.as_ref(), path)
                    .map_err(|problem| std::iter::once(problem).collect::<Problems>())?;
                let places = settings.cache_subjects;
                let endpoint = &settings.endpoint;
                let service: [&str; 5] = [
                    &endpoint.upstream,
                    endpoint.scheme,
                    &endpoint.authority,
                    &endpoint.path,
                    &settings.purposes,
                ];
                let service = service.map(str::as_bytes).into_iter();
                // It may go by the token which people it knows.
                let service = service.chain(token.as_ref().map(Secret::expose));
                Some(Lookup {
                    seed: keyed_hash(seed, service),
                    settings: settings.clone(),
                    token,
                    cache: SharedCache::new("meshward/jwt-auth/consent/said", places, shares),
                    pending: HashMap::new(),
                    waiters: ResponseWaiters::default(),
                    failing: Vec::new(),
                    next_attempt_ns: 0,
                    waiting_ns: nanoseconds(config.waiting.timeout),
                })
            }
        };
        let opt_outs = memory.map(|memory| {
            let key = "meshward/jwt-auth/consent/opted_out";
            (memory, SharedCells::new(key, memory.subjects, shares))
        });
        Ok(Some(Self {
            lookup,
            opt_outs,
            sources: sources.clone(),
            seed,
            metrics: Metrics::new(filter),
        }))
    }

    /// What is known of a caller; asks if nobody has asked.
    pub(crate) fn of(
        &mut self,
        context: VerifyContext<'_>,
        calls: &mut Calls<Purpose>,
        facts: &dyn Facts,
        identity: &Identity,
    ) -> Result<CallerContext, Awaited> {
        let opted_out = self.opted_out(context, facts, identity);
        let Some(lookup) = &mut self.lookup else {
            return Ok(CallerContext {
                opted_out,
                ..CallerContext::default()
            });
        };
        let id = identity.claim_text(&lookup.settings.subject);
        let said = match &id {
            Some(id) => lookup.said(context, calls, identity, id),
            None => Said::NotAskable,
        };
        explain::note_all(|| heard(id.as_deref(), &said));
        let agreed = match said {
            Said::Purposes(purposes) => Agreed::Purposes(purposes),
            Said::NotYet => return Err(Awaited),
            Said::Nothing | Said::NotAskable
                if lookup.settings.on_error == OnLookupError::Ignore =>
            {
                Agreed::NotAsked
            }
            Said::Nothing => Agreed::Unanswered,
            Said::NotAskable => Agreed::Purposes(Vec::new()),
        };
        Ok(CallerContext {
            agreed,
            opted_out,
            ..CallerContext::default()
        })
    }

    /// Whether this person has opted out, now or before. An opt-out of now is remembered.
    fn opted_out(
        &self,
        context: VerifyContext<'_>,
        facts: &dyn Facts,
        identity: &Identity,
    ) -> bool {
        let Some((memory, cells)) = &self.opt_outs else {
            return false;
        };
        let Some(subject) = &identity.subject else {
            return false;
        };
        let issuer = identity.issuer.as_ref().unwrap_or(&identity.provider);
        let hash = keyed_hash(
            self.seed,
            [issuer.as_bytes(), subject.as_bytes()].into_iter(),
        );
        let host = context.host;
        let now_ns = context.now.monotonic_ns();
        let is_remembered = |since_ns: u64| {
            let age_ns = now_ns.saturating_sub(since_ns);
            age_ns <= nanoseconds(memory.duration)
        };
        if !self.sources.is_opted_out(facts) {
            return match cells.get(host, hash) {
                Ok(since_ns) => since_ns.is_some_and(is_remembered),
                // Whoever cannot be looked up may have opted out.
                Err(_) => {
                    self.metrics.count(host, "opt_out_errors_total", &[]);
                    true
                }
            };
        }
        let stored = cells.update(host, hash, &mut |known| {
            // Once a minute is often enough.
            let is_fresh = |since_ns: u64| now_ns.saturating_sub(since_ns) < 60 * NS_PER_S;
            (!known.is_some_and(is_fresh)).then_some(now_ns.max(1))
        });
        match stored {
            Ok(changed) if changed.evicted => {
                self.metrics.count(host, "opt_out_evictions_total", &[]);
            }
            Ok(_) => {}
            Err(_) => self.metrics.count(host, "opt_out_errors_total", &[]),
        }
        true
    }

    /// The call about somebody is gone with the request that it belonged to.
    pub(crate) fn forget(&mut self, subject: CellHash) {
        if let Some(lookup) = &mut self.lookup {
            lookup.pending.remove(&subject);
        }
    }

    /// The requests that a response about somebody decides, if one is there, and those for which the service can be
    /// asked now.
    pub(crate) fn woken(
        &mut self,
        calls: &Calls<Purpose>,
        subject: Option<CellHash>,
    ) -> Vec<ContextId> {
        let Some(lookup) = &mut self.lookup else {
            return Vec::new();
        };
        let mut woken = subject.map_or_else(Vec::new, |subject| lookup.waiters.take(subject));
        if lookup.waiters.wait_for_calls() {
            let (is_away, mut room) = (lookup.is_away(), lookup.room(calls));
            woken.extend(lookup.waiters.take_callers(|_| {
                let has_room = room > 0;
                room = room.saturating_sub(1);
                has_room || is_away
            }));
        }
        woken
    }

    /// A request does not wait any more.
    pub(crate) fn leave(&mut self, context: ContextId) {
        if let Some(lookup) = &mut self.lookup {
            lookup.waiters.leave(context);
        }
    }

    /// Takes in what a response says; the result for the metric.
    pub(crate) fn on_response(
        &mut self,
        host: &dyn Host,
        subject: CellHash,
        body: Result<&[u8], &'static str>,
        now_ns: u64,
    ) {
        let Some(lookup) = &mut self.lookup else {
            return;
        };
        lookup.pending.remove(&subject);
        let purposes = body.and_then(|body| read_response(&lookup.settings.purposes, body));
        let result = match purposes {
            Ok(purposes) => {
                let text = purposes.join("\n");
                // Who waits has to be told, also when nothing is to be remembered.
                let for_ns = nanoseconds(lookup.settings.cache_duration).max(JUST_SAID_NS);
                let until_ns = now_ns.saturating_add(for_ns);
                let stored = lookup.cache.put(host, subject, until_ns, text.as_bytes());
                stored.map_or("not_stored", |()| "ok")
            }
            Err(code) => code,
        };
        let until_ns = now_ns.saturating_add(NS_PER_S);
        // What it says of one person, such as 400 of an odd name, is no outage.
        if matches!(result, NO_RESPONSE | SERVER_FAILED) {
            lookup.next_attempt_ns = until_ns;
            let is_new = !lookup.failing.contains(&subject);
            if is_new && !lookup.is_away() {
                lookup.failing.push(subject);
            }
        } else {
            lookup.failing.clear();
        }
        if result != "ok" {
            lookup.remember(subject, Pending::Failed, now_ns, until_ns);
        }
        self.metrics
            .count(host, "consent_lookups_total", &[("result", result)]);
    }
}

impl Lookup {
    fn said(
        &mut self,
        context: VerifyContext<'_>,
        calls: &mut Calls<Purpose>,
        identity: &Identity,
        id: &str,
    ) -> Said {
        let host = context.host;
        let now_ns = context.now.monotonic_ns();
        // One id of two issuers may be two people, but is one to the service.
        let subject = keyed_hash(self.seed, [id.as_bytes()].into_iter());
        if let Some(text) = self.cache.get(host, subject, now_ns) {
            let text = policy::text::lossy(&text).into_owned();
            let purposes = text.split('\n').filter(|purpose| !purpose.is_empty());
            return Said::Purposes(purposes.map(str::to_owned).collect());
        }
        // Whoever is out of time goes by `on_error`, as after a failure.
        if now_ns.saturating_sub(context.since_ns()) >= self.waiting_ns {
            return Said::Nothing;
        }
        match self.pending.get(&subject) {
            Some((Pending::Asked, until_ns)) if now_ns < *until_ns => {
                self.waiters.wait_for_response(subject, context.stream);
                return Said::NotYet;
            }
            Some((Pending::Failed, until_ns)) if now_ns < *until_ns => return Said::Nothing,
            _ => {}
        }
        let path = self
            .settings
            .endpoint
            .path
            .replace(SUBJECT, &http::form_encoded(id));
        let is_nobody = may_be_another(id);
        if id.len() > MAX_ID_BYTES || identity.subject.is_none() || is_nobody {
            return Said::NotAskable;
        }
        let room = self.room(calls);
        let is_being_tried = room < self.settings.max_requests;
        // A person about whom it has failed may be why: others are let try it first.
        let others_first_ns = match self.failing.contains(&subject) {
            true => 10 * NS_PER_S,
            false => 0,
        };
        let next_attempt_ns = self.next_attempt_ns.saturating_add(others_first_ns);
        if self.is_away() && (now_ns < next_attempt_ns || is_being_tried) {
            return Said::Nothing;
        }
        if room == 0 {
            // It is asked when others have been answered.
            self.waiters.wait_for_call(context.stream, EVERYBODY);
            return Said::NotYet;
        }
        let until = nanoseconds(patience(self.settings.timeout));
        if self.ask(context, calls, subject, &path).is_err() {
            self.remember(
                subject,
                Pending::Failed,
                now_ns,
                now_ns.saturating_add(NS_PER_S),
            );
            return Said::Nothing;
        }
        self.remember(
            subject,
            Pending::Asked,
            now_ns,
            now_ns.saturating_add(until),
        );
        self.waiters.wait_for_response(subject, context.stream);
        Said::NotYet
    }

    /// Whether it has failed so often that nobody is to wait for it but who finds out whether it is back.
    const fn is_away(&self) -> bool {
        self.failing.len() >= FAILURES_OF_ONE_AWAY
    }

    /// How many more calls may be under way.
    fn room(&self, calls: &Calls<Purpose>) -> usize {
        let under_way = calls.iter();
        let under_way = under_way.filter(|call| matches!(call.purpose, Purpose::Consent { .. }));
        self.settings.max_requests.saturating_sub(under_way.count())
    }

    fn ask(
        &self,
        context: VerifyContext<'_>,
        calls: &mut Calls<Purpose>,
        subject: CellHash,
        path: &str,
    ) -> Result<(), host::Status> {
        let get = Get {
            endpoint: &self.settings.endpoint,
            path,
            accept: "application/json",
            token: self.token.as_ref(),
            timeout: self.settings.timeout,
        };
        let purpose = Purpose::Consent { subject };
        get.start(context.host, calls, context.occasion(), purpose)
    }

    fn remember(&mut self, subject: CellHash, pending: Pending, now_ns: u64, until_ns: u64) {
        if self.pending.len() >= MAX_PENDING {
            self.pending.retain(|_, (_, until_ns)| now_ns < *until_ns);
        }
        if self.pending.len() < MAX_PENDING {
            self.pending.insert(subject, (pending, until_ns));
        }
    }
}

/// Whether servers may ask about somebody else, or about all: behind a proxy that decodes the path, some
/// servers resolve places above, merge slashes, leave parameters away, and cut dots and blanks.
fn may_be_another(id: &str) -> bool {
    let is_cut = |segment: &str| segment.is_empty() || segment.ends_with(['.', ' ']);
    id.split('/').any(is_cut) || id.contains(['\\', ';', '%', '?', '#'])
}

/// The purposes that a response names: an array of texts and of nothing else.
fn read_response(path: &str, body: &[u8]) -> Result<Vec<String>, &'static str> {
    // Nobody of this id is known.
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let json = Json::parse(without_mark(body)).map_err(|_| "not_json")?;
    let found = json.gathered(path).ok_or("no_purposes")?;
    // A text is no list, wherever a list is looked for in it.
    let list = path.split_once("[]").and_then(|(list, _)| json.at(list));
    let is_list = list.is_none_or(|list| matches!(list, Json::Array(_) | Json::Object(_)));
    let items = found.as_array().filter(|_| is_list).ok_or("no_purposes")?;
    let words = items.iter().map(|item| item.as_str().map(str::to_owned));
    let purposes: Vec<String> = words.collect::<Option<_>>().ok_or("no_purposes")?;
    let size = purposes
        .iter()
        .map(String::len)
        .fold(0, usize::saturating_add);
    let readable = size <= MAX_PURPOSES_BYTES && !purposes.iter().any(|text| text.contains('\n'));
    readable.then_some(purposes).ok_or("too_large")
}

/// The largest response that is read.
pub(crate) const MAX_CONSENT_BYTES: usize = 64 * 1024;
const MAX_PURPOSES_BYTES: usize = 2048;
const MAX_ID_BYTES: usize = 512;
/// A lookup that fails by itself is about one person; about so many, one after the other, it is the service.
const FAILURES_OF_ONE_AWAY: usize = 3;
/// The service is asked about verified callers only, so clients need not be told apart to share its calls.
const EVERYBODY: u64 = 0;
const MAX_PENDING: usize = 20_000;
const JUST_SAID_NS: u64 = NS_PER_S / 10;

/// What the service said, once it has.
fn heard(about: Option<&str>, said: &Said) -> Option<Step> {
    let said = match said {
        Said::NotYet => return None,
        Said::Purposes(purposes) if purposes.is_empty() => "nothing was agreed to".to_owned(),
        Said::Purposes(purposes) => format!("agreed to {}", purposes.join(", ")),
        Said::Nothing => "no answer, so on_error decides".to_owned(),
        Said::NotAskable => "cannot be asked about this name, so on_error decides".to_owned(),
    };
    Some(Step::Heard {
        service: "the consent service",
        about: about.unwrap_or("a caller without a name").to_owned(),
        said,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_lists_of_purposes_or_nothing() {
        for (path, body, expected) in [
            ("purposes", r#"{"purposes":["care","ads"]}"#, Ok(2)),
            ("purposes", r#"{"purposes":[]}"#, Ok(0)),
            (
                "purposes",
                r#"{"purposes":"care ads x"}"#,
                Err("no_purposes"),
            ),
            ("purposes[]", r#"{"purposes":"care"}"#, Err("no_purposes")),
            (
                "purposes",
                r#"{"purposes":["care",1,null]}"#,
                Err("no_purposes"),
            ),
            (
                "purposes",
                r#"{"purposes":["care",["ads"]]}"#,
                Err("no_purposes"),
            ),
            (
                "p[].name",
                r#"{"p":[{"name":"care"},{"name":null}]}"#,
                Err("no_purposes"),
            ),
            (
                "p[].name",
                r#"{"p":[{"name":"care"},{"name":"ads"}]}"#,
                Ok(2),
            ),
            ("purposes", "{}", Err("no_purposes")),
            ("purposes", r#"{"purposes":true}"#, Err("no_purposes")),
            (
                "purposes",
                r#"{"purposes":{"care":true}}"#,
                Err("no_purposes"),
            ),
            (
                "purposes",
                r#"{"purposes":["a"],"purposes":["b"]}"#,
                Err("not_json"),
            ),
            ("purposes", "<html>", Err("not_json")),
            ("purposes", "", Ok(0)),
        ] {
            let read = read_response(path, body.as_bytes()).map(|purposes| purposes.len());
            assert_eq!(read, expected, "{body}");
        }
        let long = format!(r#"{{"purposes":["{}"]}}"#, "x".repeat(3000));
        assert_eq!(read_response("purposes", long.as_bytes()), Err("too_large"));
    }
}
