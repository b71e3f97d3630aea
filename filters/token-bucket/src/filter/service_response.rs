//! Responses of rate limit services, and the requests that wait for them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::exchange::IDENTITY_HEADER;
use host::waiting::{Call, Waiter};
use host::{ContextId, Counter, HeaderMap, Host, LogLevel};
use policy::config::names;
use policy::mode::OnError;
use policy::refusal::CustomResponse;

use super::active_limit::LimitSet;
use super::decide::Refused;
use super::{Query, ResponseHeaders, TokenBucket};
use crate::counters::LimitCounters;
use crate::group::Charged;
use crate::ratelimit_headers::LimitState;
use crate::refusals::{self, Reason};
use crate::rls::client::Failure;
use crate::rls::{Code, ServiceResponse};
use crate::storage::SharedStorage;

/// A request that is held until services have responded.
pub(super) struct LimitedRequest {
    /// The limits that count it.
    pub(super) limits: Rc<LimitSet>,
    /// So many responses are due.
    pub(super) outstanding: usize,
    /// What the buckets of this proxy get back if the request does not pass.
    pub(super) charged: Vec<Charged>,
    pub(super) request_id: Option<String>,
    pub(super) is_grpc: bool,
    /// Where the client stands in the limits of this proxy.
    pub(super) states: Vec<LimitState>,
    /// Where it stands in those of services.
    pub(super) from_service: Vec<LimitState>,
    pub(super) response: Rc<RefCell<ResponseHeaders>>,
    /// What services want the upstream to get.
    pub(super) request_headers: Vec<(String, Vec<u8>)>,
}

impl TokenBucket {
    /// The name of the filter.
    pub(super) const FILTER: &'static str = <Self as host::Filter>::NAME;

    /// A service has responded, or has not.
    pub(super) fn on_service_response(
        &mut self,
        host: &dyn Host,
        call: &Call<Query>,
        result: Result<ServiceResponse, Failure>,
    ) {
        let query = &call.purpose;
        self.limits = Rc::clone(&query.in_force);
        let over = matches!(&result, Ok(response) if response.code == Code::OverLimit);
        if let Ok(response) = &result {
            self.count_response(host, query, response);
        }
        let denied = match &result {
            Ok(_) => None,
            Err(failure) => self.service_failed(host, &query.limits, *failure),
        };
        if !query.decides {
            if over {
                // As it would be, had the request been refused.
                self.give_back(host, &query.charged);
            }
            return;
        }
        let Some(context) = call.occasion.stream else {
            return;
        };
        if over || denied.is_some() {
            let Some(waiter) = self.waiting.take(host, context) else {
                return;
            };
            self.cancel_calls(host, context);
            let waiting = &waiter.request;
            let local = self.give_back(host, &waiting.charged);
            let refused = match (&result, denied.and_then(|place| self.at(place))) {
                (Ok(response), _) => self.refused_by_service(query, response, waiting, local),
                (Err(_), Some((place, limit))) => {
                    Some(self.refused_for(place, limit, Reason::Undecided))
                }
                (Err(_), None) => None,
            };
            if let Some(refused) = refused.filter(|_| waiter.is_there()) {
                let id = waiting.request_id.as_deref();
                self.send(host, &refused, id, waiting.is_grpc);
            }
            return;
        }
        let Some(waiting) = self.waiting.get_mut(context) else {
            return;
        };
        if let Ok(response) = result {
            waiting.from_service.extend(response.limit_states());
            // The body is the upstream's, and so is what it is.
            let about_the_limit = settable(response.response_headers)
                .filter(|(name, _)| !name.starts_with("content-"));
            let mut headers = waiting.response.borrow_mut();
            headers.from_service.extend(about_the_limit);
            waiting
                .request_headers
                .extend(settable(response.request_headers));
        }
        waiting.outstanding = waiting.outstanding.saturating_sub(1);
        if waiting.outstanding == 0
            && let Some(waiter) = self.waiting.take(host, context)
        {
            self.pass(host, waiter);
        }
    }

    /// The client has left, or the stream has ended in another way, while services were asked: the
    /// request has not passed.
    pub(super) fn abandon(&mut self, host: &dyn Host, context: ContextId) {
        if let Some(waiting) = self.waiting.leave(context) {
            self.limits = Rc::clone(&waiting.limits);
            self.cancel_calls(host, context);
            self.give_back(host, &waiting.charged);
        }
        // What a service would have said in report mode, on hosts where calls end with the request.
        self.calls.take_lost(context);
    }

    /// Ends the calls that a request waits for.
    pub(super) fn cancel_calls(&mut self, host: &dyn Host, context: ContextId) {
        self.calls.cancel(host, |call| {
            call.purpose.decides && call.occasion.stream == Some(context)
        });
    }

    /// Counts what a response says about each limit that was asked about.
    fn count_response(&self, host: &dyn Host, query: &Query, response: &ServiceResponse) {
        let over = response.code == Code::OverLimit;
        self.count_call(host, if over { "over_limit" } else { "ok" });
        let limits = &query.limits;
        for (place, limit) in limits.iter().enumerate() {
            // The keys of one limit stand side by side.
            if place.checked_sub(1).and_then(|before| limits.get(before)) == Some(limit) {
                continue;
            }
            if !over {
                self.count_admitted(host, *limit);
                continue;
            }
            // Some services do not say which descriptor it was.
            let mut says = limits
                .iter()
                .enumerate()
                .filter(|(_, other)| *other == limit)
                .map(|(place, _)| response.statuses.get(place).map(|status| status.code));
            if says.any(|code| code.is_none_or(|code| code == Code::OverLimit)) {
                self.refused_or_reported(host, *limit);
            }
        }
    }

    /// The refusal that a response asks for. `local` are the limits of this proxy, with what was
    /// given back.
    fn refused_by_service(
        &self,
        query: &Query,
        response: &ServiceResponse,
        waiting: &LimitedRequest,
        local: Vec<LimitState>,
    ) -> Option<Refused> {
        let refusing = response
            .statuses
            .iter()
            .zip(&query.limits)
            .filter(|(status, _)| status.code == Code::OverLimit);
        // Who waits for the one that takes longest waits for all.
        let longest = refusing.max_by_key(|(status, _)| status.until_reset);
        let first = query.limits.first();
        let place = *longest.map(|(_, limit)| limit).or(first)?;
        let limit = self.limits.get(place)?;
        let wait = longest.and_then(|(status, _)| status.until_reset);
        let header = |name: &str| {
            let found = response.response_headers.iter();
            let mut found = found.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            let (_, value) = found.next()?;
            Some(Duration::from_secs(
                std::str::from_utf8(value).ok()?.trim().parse().ok()?,
            ))
        };
        let wait = wait
            .or_else(|| header("retry-after"))
            .or_else(|| header("x-ratelimit-reset"));
        let mut states: Vec<LimitState> = response.limit_states().collect();
        // Services that send their headers ready made name no limits, and theirs come first.
        if !states.is_empty() {
            policy::sort::by_key(&mut states, |state| !state.refuses);
            states.extend(waiting.from_service.iter().cloned());
            states.extend(local);
        }
        let mut refusal = refusals::limited(&limit.settings, wait, self.fields(&states));
        let body = std::str::from_utf8(&response.body).ok();
        let custom = refusal.custom.get_or_insert_with(CustomResponse::default);
        let headers: Vec<_> = settable(response.response_headers.clone()).collect();
        if let Some(body) = body.filter(|body| !body.is_empty() && custom.body.is_none()) {
            let media_type = headers.iter().find(|(name, _)| name == "content-type");
            let media_type = media_type.map(|(_, value)| policy::text::lossy(value));
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
        Some(Refused {
            limit: place,
            reason: Reason::RateLimited,
            refusal,
        })
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
        for (place, index) in limits.iter().enumerate() {
            if limits.iter().take(place).any(|earlier| earlier == index) {
                continue;
            }
            self.count(host, *index, |c| &c.error);
            self.count_error(host, *index, failure.as_str());
            let Some(limit) = self.limits.get(*index) else {
                continue;
            };
            let on_error = &limit.settings.on_error;
            let on_error = match failure {
                Failure::Timeout => on_error.timeout,
                Failure::Unavailable => on_error.unavailable,
                Failure::Error => on_error.error,
                Failure::Invalid => on_error.invalid,
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
    /// Where the client stands after that.
    pub(super) fn give_back(&self, host: &dyn Host, charged: &[Charged]) -> Vec<LimitState> {
        if charged.is_empty() {
            return Vec::new();
        }
        let clock_ns = || host.monotonic_ns();
        let now_ns = clock_ns();
        let shared = SharedStorage::new(host);
        let mut states: Vec<LimitState> = Vec::new();
        for charged in charged {
            let Some(limit) = self.limits.get(charged.limit) else {
                continue;
            };
            let Some(table) = &limit.table else { continue };
            let after = table.give_back(self.storage(&shared), &charged.receipt, &clock_ns);
            if let Some(tats) = after {
                limit.add_states_of(&mut states, &tats, now_ns);
            }
        }
        states
    }

    /// Lets a request go on.
    fn pass(&self, host: &dyn Host, mut waiter: Waiter<LimitedRequest>) {
        if !waiter.is_there() {
            return;
        }
        let waiting = &mut waiter.request;
        for (name, value) in &waiting.request_headers {
            let _ = host.set_header(HeaderMap::RequestHeaders, name, value);
        }
        let mut states = std::mem::take(&mut waiting.states);
        states.append(&mut waiting.from_service);
        waiting.response.borrow_mut().fields = self.allow(host, &states);
        let _ = waiter.resume(host);
    }

    pub(super) fn count(
        &self,
        host: &dyn Host,
        limit: usize,
        which: impl Fn(&LimitCounters) -> &Counter,
    ) {
        if let Some(limit) = self.limits.get(limit) {
            which(&limit.counters).count(host);
        }
    }

    pub(super) fn count_admitted(&self, host: &dyn Host, limit: usize) {
        match self.limits.get(limit) {
            Some(limit) if self.counts_later => limit.counters.admitted.note(),
            Some(limit) => limit.counters.admitted.count(host),
            None => {}
        }
    }

    pub(super) fn count_error(&self, host: &dyn Host, limit: usize, reason: &str) {
        if let Some(limit) = self.limits.get(limit) {
            let name = limit.settings.name.as_str();
            let mut labels = vec![("limit", name), ("reason", reason)];
            labels.extend(
                self.instance
                    .as_deref()
                    .map(|instance| ("instance", instance)),
            );
            self.metrics.count(host, "errors_total", &labels);
        }
    }

    fn count_call(&self, host: &dyn Host, result: &str) {
        let mut labels = vec![("result", result)];
        labels.extend(
            self.instance
                .as_deref()
                .map(|instance| ("instance", instance)),
        );
        self.metrics.count(host, "service_calls_total", &labels);
    }
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
    let lower = |(name, value): (String, Vec<u8>)| (name.to_ascii_lowercase(), value);
    let good = move |(name, value): &(String, Vec<u8>)| {
        let named = name.len() <= 256 && names::is_token(name);
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
