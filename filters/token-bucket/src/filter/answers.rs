//! What services answer, and the requests that wait for it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::exchange::IDENTITY_HEADER;
use host::{ContextId, Counter, Direction, HeaderMap, Host, LogLevel};
use policy::mode::OnError;
use policy::refusal::{CustomAnswer, Refusal};

use super::{ResponseHeaders, TokenBucket};
use crate::config::Limit;
use crate::counters::LimitCounters;
use crate::fleet::{Call, Failure};
use crate::refusals;
use crate::rls::{Code, ServiceAnswer};
use crate::standing::Standing;
use crate::storage::SharedStorage;
use crate::table::Receipt;

/// What was taken from a limit.
pub(super) type Taken = (usize, Receipt);

/// A request that is held until services have answered.
pub(super) struct Waiting {
    /// So many answers are due.
    pub(super) outstanding: usize,
    /// What the buckets of this proxy get back if a service refuses.
    pub(super) taken: Vec<Taken>,
    pub(super) request_id: Option<String>,
    pub(super) is_grpc: bool,
    pub(super) response: Rc<RefCell<ResponseHeaders>>,
    /// What services want the upstream to get.
    pub(super) request_headers: Vec<(String, Vec<u8>)>,
}

impl TokenBucket {
    /// The name of the filter.
    pub(super) const FILTER: &'static str = <Self as host::Filter>::NAME;

    /// A service has answered, or has not.
    pub(super) fn on_service_answer(
        &mut self,
        host: &dyn Host,
        call: &Call,
        result: Result<ServiceAnswer, Failure>,
    ) {
        let refusal = match &result {
            Ok(answer) => {
                self.count_answer(host, call, answer);
                (answer.code == Code::OverLimit)
                    .then(|| self.refused_by(call, answer))
                    .flatten()
            }
            Err(failure) => {
                let denied = self.service_failed(host, &call.limits, *failure);
                let limit = denied.and_then(|limit| self.config.limits.get(limit));
                limit.map(|limit| (limit.name.clone(), refusals::undecided(limit)))
            }
        };
        if !call.decides {
            return;
        }
        if let Some((limit, refusal)) = refusal {
            if let Some(waiting) = self.waiting.remove(&call.context) {
                self.calls.cancel(host, call.context);
                self.give_back(host, &waiting.taken);
                self.refuse_waiting(host, call.context, &waiting, &limit, refusal);
            }
            return;
        }
        let Some(waiting) = self.waiting.get_mut(&call.context) else {
            return;
        };
        if let Ok(answer) = result {
            let mut response = waiting.response.borrow_mut();
            response.standings.extend(standings(&answer));
            // The body is the upstream's, and so is what it is.
            let about_the_limit =
                settable(answer.response_headers).filter(|(name, _)| !name.starts_with("content-"));
            response.from_service.extend(about_the_limit);
            let for_upstream = settable(answer.request_headers);
            waiting.request_headers.extend(for_upstream);
        }
        waiting.outstanding = waiting.outstanding.saturating_sub(1);
        if waiting.outstanding == 0
            && let Some(waiting) = self.waiting.remove(&call.context)
        {
            self.pass(host, call.context, &waiting);
        }
    }

    /// Counts what an answer says about each limit that was asked about.
    fn count_answer(&self, host: &dyn Host, call: &Call, answer: &ServiceAnswer) {
        let over = answer.code == Code::OverLimit;
        self.count_call(host, if over { "over_limit" } else { "ok" });
        for (place, limit) in call.limits.iter().enumerate() {
            let says = answer.statuses.get(place).map(|status| status.code);
            // Some services do not say which descriptor it was.
            let refuses = over && says.is_none_or(|code| code == Code::OverLimit);
            if refuses {
                self.refused_or_reported(host, *limit);
            } else if !over {
                self.count_admitted(host, *limit);
            }
        }
    }

    /// The refusal that an answer asks for.
    fn refused_by(&self, call: &Call, answer: &ServiceAnswer) -> Option<(String, Refusal)> {
        let refusing = answer
            .statuses
            .iter()
            .zip(&call.limits)
            .filter(|(status, _)| status.code == Code::OverLimit);
        // Who waits for the one that takes longest waits for all.
        let longest = refusing.max_by_key(|(status, _)| status.until_reset);
        let first = call.limits.first();
        let limit = longest.map(|(_, limit)| limit).or(first)?;
        let limit: &Limit = self.config.limits.get(*limit)?;
        let standings = standings(answer);
        let wait = longest.and_then(|(status, _)| status.until_reset);
        let header = |name: &str| {
            let found = answer.response_headers.iter();
            let mut found = found.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            let (_, value) = found.next()?;
            Some(Duration::from_secs(
                std::str::from_utf8(value).ok()?.trim().parse().ok()?,
            ))
        };
        let wait = wait
            .or_else(|| header("retry-after"))
            .or_else(|| header("x-ratelimit-reset"));
        let mut refusal = refusals::limited(limit, wait, self.fields(&standings));
        let body = std::str::from_utf8(&answer.body).ok();
        let custom = refusal.custom.get_or_insert_with(CustomAnswer::default);
        let headers: Vec<_> = settable(answer.response_headers.clone()).collect();
        if let Some(body) = body.filter(|body| !body.is_empty() && custom.body.is_none()) {
            let media_type = headers.iter().find(|(name, _)| name == "content-type");
            let media_type = media_type.map(|(_, value)| String::from_utf8_lossy(value));
            let media_type = media_type.unwrap_or_else(|| "text/plain".into());
            custom.body = Some((media_type.into_owned(), body.to_owned()));
        }
        for (name, value) in headers {
            // Our own say it already, from what the service said.
            let ours = refusal.headers.iter().any(|(known, _)| *known == name);
            if let Ok(value) = String::from_utf8(value)
                && !ours
                && name != "content-type"
            {
                custom.headers.push((name, value));
            }
        }
        Some((limit.name.clone(), refusal))
    }

    /// Counts a failure. The limit that does not let requests pass then, if there is one.
    pub(super) fn service_failed(
        &self,
        host: &dyn Host,
        limits: &[usize],
        failure: Failure,
    ) -> Option<usize> {
        self.count_call(host, failure.as_str());
        let mut denies = None;
        for index in limits {
            self.count(host, *index, |c| &c.error);
            self.count_error(host, *index, failure.as_str());
            let Some(limit) = self.config.limits.get(*index) else {
                continue;
            };
            let on_error = match failure {
                Failure::Timeout => limit.on_error.timeout,
                Failure::Unavailable => limit.on_error.unavailable,
                Failure::Error => limit.on_error.error,
                Failure::Invalid => limit.on_error.invalid,
            };
            if on_error == OnError::Deny {
                denies = denies.or(Some(*index));
            }
        }
        self.throttle.log(host, LogLevel::Warn, || {
            format!(
                "token-bucket: a rate limit service has not decided: {}",
                failure.as_str()
            )
        });
        denies
    }

    /// Gives back what the buckets of this proxy were charged for a request that does not pass.
    pub(super) fn give_back(&self, host: &dyn Host, taken: &[Taken]) {
        let shared = SharedStorage::new(host);
        for (limit, receipt) in taken.iter().rev() {
            if let Some(Some(table)) = self.tables.get(*limit) {
                table.give_back(self.storage(&shared), receipt);
            }
        }
    }

    /// Lets a request go on.
    fn pass(&self, host: &dyn Host, context: ContextId, waiting: &Waiting) {
        if host.set_effective_context(context).is_err() {
            return;
        }
        for (name, value) in &waiting.request_headers {
            let _ = host.set_header(HeaderMap::RequestHeaders, name, value);
        }
        Self::allow(host);
        let _ = host.resume(Direction::Request);
    }

    fn refuse_waiting(
        &self,
        host: &dyn Host,
        context: ContextId,
        waiting: &Waiting,
        limit: &str,
        refusal: Refusal,
    ) {
        *waiting.response.borrow_mut() = ResponseHeaders::default();
        if host.set_effective_context(context).is_ok() {
            let id = waiting.request_id.as_deref();
            self.send(host, limit, &refusal, id, waiting.is_grpc);
        }
    }

    pub(super) fn count(
        &self,
        host: &dyn Host,
        limit: usize,
        which: impl Fn(&LimitCounters) -> &Counter,
    ) {
        if let Some(counters) = self.counters.get(limit) {
            which(counters).count(host);
        }
    }

    pub(super) fn count_admitted(&self, host: &dyn Host, limit: usize) {
        match self.counters.get(limit) {
            Some(counters) if self.counts_later => counters.admitted.note(),
            Some(counters) => counters.admitted.count(host),
            None => {}
        }
    }

    pub(super) fn count_error(&self, host: &dyn Host, limit: usize, reason: &str) {
        if let Some(limit) = self.config.limits.get(limit) {
            let labels = [("limit", limit.name.as_str()), ("reason", reason)];
            self.metrics.count(host, "errors_total", &labels);
        }
    }

    fn count_call(&self, host: &dyn Host, result: &str) {
        self.metrics
            .count(host, "service_calls_total", &[("result", result)]);
    }
}

/// Where the client stands by what a service says.
fn standings(answer: &ServiceAnswer) -> Vec<Standing> {
    let of = |status: &crate::rls::Status| {
        let limit = status.limit.as_ref()?;
        let until_reset = status.until_reset.unwrap_or_default();
        Some(Standing {
            name: limit.name.clone(),
            quota: limit.requests,
            window: limit.window,
            remaining: status.remaining,
            until_full: until_reset,
            until_more: until_reset,
        })
    };
    answer.statuses.iter().filter_map(of).collect()
}

/// The headers of a service that a message can have: no pseudo-headers, nothing that says how the
/// message is framed or who the caller is, no line breaks.
fn settable(headers: Vec<(String, Vec<u8>)>) -> impl Iterator<Item = (String, Vec<u8>)> {
    const NEVER: [&str; 5] = [
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        IDENTITY_HEADER,
    ];
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = |(name, value): (String, Vec<u8>)| (name.to_ascii_lowercase(), value);
    let good = move |(name, value): &(String, Vec<u8>)| {
        let named = !name.is_empty() && name.len() <= 256 && name.bytes().all(token);
        let text = value.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
        named && text && !NEVER.contains(&name.as_str())
    };
    headers
        .into_iter()
        .map(lower)
        .filter(good)
        .take(MAX_HEADERS)
}

/// More than that no service has reason to send.
const MAX_HEADERS: usize = 64;
