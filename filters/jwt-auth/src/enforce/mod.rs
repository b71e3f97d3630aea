//! Carrying out what was decided.

pub(crate) mod challenge;
pub(crate) mod claim_headers;
pub(crate) mod managed_headers;

use std::rc::Rc;

use host::{
    Action, Capabilities, Counter, Direction, Filter as _, HeaderMap, Host, LocalResponse,
    LogLevel, Metrics, Request, Status, Throttle, exchange, header_text, refuse,
};
use policy::consent::ConsentCondition;
use policy::decision::{Decision, Outcome};
use policy::http::media_type;
use policy::matching::applies;
use policy::mode::{Mode, OnError};
use policy::refusal::{CustomResponse, PROBLEM_MEDIA_TYPE, Refusal, is_grpc};

use crate::JwtAuth;
use crate::config::{Config, CredentialPlace, LINK, Requirement, ResponseRule};
use crate::credential;
use crate::decide::connection;
use crate::decide::{AuthDecision, NO_PROVIDER, uncheckable};
use crate::reason::Reason;
use crate::verify::context::Authenticated;
use crate::verify::verified::Verified;

/// Does to a request what was decided, and tells about it.
pub(crate) struct Enforcer {
    config: Rc<Config>,
    clears_route_cache: bool,
    rewrites_paths: bool,
    /// Requests that passed: for each provider, and last those without a caller.
    allowed: Vec<Counter>,
    counts_later: bool,
    metrics: Metrics,
    throttle: Throttle,
}

/// What is set on the response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseHeaders {
    hsts: Option<String>,
    is_private: bool,
    /// The header that says that an opt-out was honoured.
    gpc_status: Option<String>,
    removed: Vec<String>,
    set: Vec<(&'static str, String)>,
    hides_errors: bool,
}

impl ResponseHeaders {
    pub(crate) fn set(&self, host: &dyn Host) {
        let map = HeaderMap::ResponseHeaders;
        if let Some(value) = &self.hsts {
            let _ = host.set_header(map, "strict-transport-security", value.as_bytes());
        }
        for name in &self.removed {
            let _ = host.remove_header(map, name);
        }
        for (name, value) in &self.set {
            // What the upstream says of itself stays.
            if *name == LINK {
                if let Ok(there) = host.headers(map)
                    && !there.values(LINK).any(is_about_deprecation)
                {
                    let others = there.joined(LINK).map(|others| [&*others, b", "].concat());
                    let all = [&*others.unwrap_or_default(), value.as_bytes()].concat();
                    let _ = host.set_header(map, LINK, &all);
                }
            } else if matches!(host.header(map, name), Ok(None)) {
                let _ = host.set_header(map, name, value.as_bytes());
            }
        }
        if let Some(name) = &self.gpc_status {
            let _ = host.set_header(map, name, b"honored");
        }
        // RFC 6750 section 2.3. What the upstream says already is stricter or its own affair.
        if self.is_private && matches!(host.header(map, "cache-control"), Ok(None)) {
            let _ = host.set_header(map, "cache-control", b"private");
        }
    }
}

/// What did not simply pass, and why.
#[derive(Clone, Copy)]
struct Decided<'d> {
    rule: &'d str,
    mode: Mode,
    reason: Reason,
    outcome: &'d str,
    provider: &'d str,
    /// What the rule wanted consent to.
    purposes: &'d [String],
}

/// The purposes that a rule wants consent to.
fn purposes(requirement: Option<&Requirement>) -> &[String] {
    let consent = requirement.and_then(|requirement| requirement.consent.as_ref());
    consent.map_or(&[], ConsentCondition::required)
}

impl ResponseHeaders {
    /// Whether the response is an error of the upstream that nobody is to see.
    pub(crate) const fn hides_errors(&self) -> bool {
        self.hides_errors
    }

    /// Those that have been set, for a response that takes the place of this one.
    fn kept(&self, host: &dyn Host) -> Vec<(String, String)> {
        // Of links it is ours alone: the others are of what the upstream has said.
        let is_link = |(name, _): &&(&'static str, String)| *name == LINK;
        let link = self.set.iter().find(is_link);
        let link = link.map(|(name, value)| ((*name).to_owned(), value.clone()));
        let set = self.set.iter().filter(|set| !is_link(set));
        let set = set.map(|(name, _)| *name);
        let names = set
            .chain(self.hsts.iter().map(|_| "strict-transport-security"))
            .chain(self.gpc_status.as_deref());
        let there = |name: &str| header_text(host, HeaderMap::ResponseHeaders, name);
        names
            .filter_map(|name| Some((name.to_owned(), there(name)?)))
            .chain(link)
            .collect()
    }

    /// Adds what the rules for responses say about this request.
    fn by_rules(mut self, rules: &[ResponseRule], host: &dyn Host, request: &Request) -> Self {
        let facts = request.facts(host, Direction::Request);
        for rule in rules.iter().filter(|rule| applies(&rule.matches, &facts)) {
            self.removed.extend(rule.remove_headers.iter().cloned());
            self.set.extend(rule.set_headers.iter().cloned());
            self.hides_errors |= rule.hides_errors;
        }
        self
    }
}

impl Enforcer {
    pub(crate) fn new(config: &Rc<Config>, capabilities: &Capabilities) -> Self {
        let counter = |provider: &str| {
            let labels = [("outcome", "allowed"), ("provider", provider)];
            Counter::new(JwtAuth::NAME, "requests_total", &labels)
        };
        let names = config
            .providers
            .iter()
            .map(|provider| provider.name.as_str());
        Self {
            config: Rc::clone(config),
            clears_route_cache: config.clear_route_cache && capabilities.has_foreign_functions(),
            rewrites_paths: capabilities.rewrites_paths(),
            allowed: names.chain([NO_PROVIDER]).map(counter).collect(),
            counts_later: capabilities.ticks(),
            metrics: Metrics::new(JwtAuth::NAME),
            throttle: Throttle::default(),
        }
    }

    /// Tells the host what was counted since the last time.
    pub(crate) fn flush(&self, host: &dyn Host) {
        for counter in &self.allowed {
            counter.flush(host);
        }
    }

    /// Puts problem details in the place of an error of the upstream: what it says of it may have a
    /// stack trace. What is one already stays, and so does a refusal of the family.
    pub(crate) fn hide_error(&self, host: &dyn Host, headers: &ResponseHeaders) -> Action {
        let map = HeaderMap::ResponseHeaders;
        let text = |name| header_text(host, map, name).unwrap_or_default();
        let status = text(":status").parse().unwrap_or(0);
        let content_type = text("content-type");
        if !(500..=599).contains(&status)
            || media_type(&content_type) == PROBLEM_MEDIA_TYPE
            || is_grpc(&media_type(&content_type))
            || refuse::has_responded(host)
        {
            return Action::Continue;
        }
        self.metrics.count(host, "hidden_errors_total", &[]);
        let detail = "The service behind the gateway has failed.";
        let mut refusal = Refusal::new(status, "upstream_error", detail);
        refusal.custom = Some(CustomResponse {
            headers: headers.kept(host),
            ..CustomResponse::default()
        });
        refuse::send(host, &refusal, JwtAuth::NAME, None, false);
        Action::Pause
    }

    /// Does what was decided, and says what it means for the response.
    pub(crate) fn end(
        &self,
        host: &dyn Host,
        request: &Request,
        decision: &AuthDecision<'_>,
    ) -> (ResponseHeaders, Action) {
        let mut response = self.response_headers(decision, host, request);
        let action = self.apply(host, request, decision);
        // What is paused has its response, which is ours.
        response.hides_errors &= action == Action::Continue;
        (response, action)
    }

    /// What the decision and the rules for responses mean for the response.
    fn response_headers(
        &self,
        decision: &AuthDecision<'_>,
        host: &dyn Host,
        request: &Request,
    ) -> ResponseHeaders {
        let headers = self.by_decision(decision, host, request);
        let rules = &self.config.response_rules;
        if rules.is_empty() || !self.config.mode.enforces() {
            return headers;
        }
        headers.by_rules(rules, host, request)
    }

    fn by_decision(
        &self,
        decision: &AuthDecision<'_>,
        host: &dyn Host,
        request: &Request,
    ) -> ResponseHeaders {
        let (mode, requirement, in_query, caller) = match decision {
            AuthDecision::Pass {
                mode,
                requirement,
                found,
                ..
            } => (*mode, *requirement, found.in_query, found.callers.first()),
            AuthDecision::Refuse {
                mode,
                requirement,
                caller,
                ..
            } => (*mode, *requirement, false, caller.as_ref()),
            _ => return ResponseHeaders::default(),
        };
        let gpc_status = self.config.gpc_status.as_ref().filter(|_| {
            let facts = request.facts(host, Direction::Request);
            let is_remembered = caller.is_some_and(|caller| caller.context().opted_out);
            mode.enforces() && (is_remembered || self.config.sources.consent.is_opted_out(&facts))
        });
        let tls = requirement.and_then(|requirement| requirement.tls.as_ref());
        if !mode.enforces() {
            return ResponseHeaders::default();
        }
        let hsts = tls.and_then(|tls| {
            // A browser must not believe it from a connection without TLS (RFC 6797 section 7.2).
            let hsts = tls
                .hsts
                .filter(|_| connection::is_encrypted(host, request, tls))?;
            Some(hsts.header())
        });
        ResponseHeaders {
            hsts,
            is_private: in_query,
            gpc_status: gpc_status.map(|status| status.header.clone()),
            ..ResponseHeaders::default()
        }
    }

    /// Carries out a decision: forwards the request, or refuses it.
    fn apply(&self, host: &dyn Host, request: &Request, decision: &AuthDecision<'_>) -> Action {
        match decision {
            AuthDecision::Pass {
                rule,
                mode,
                found,
                requirement,
            } => {
                if mode.enforces() && self.strip_credentials(host, request, found).is_err() {
                    let refusal = uncheckable(self.config.strictest_mode(), Reason::CredentialKept);
                    return self.apply(host, request, &refusal);
                }
                self.pass(host, rule, *mode, purposes(*requirement), found);
                Action::Continue
            }
            AuthDecision::Wait { .. } => Action::Pause,
            AuthDecision::Serve(name, document) => {
                serve(host, request, name, document);
                Action::Pause
            }
            AuthDecision::Redirect {
                rule,
                mode,
                location,
            } => {
                let decided = Decided {
                    rule,
                    mode: *mode,
                    reason: Reason::TlsRequired,
                    outcome: "redirected",
                    provider: NO_PROVIDER,
                    purposes: &[],
                };
                self.report(host, request, &decided);
                if !mode.enforces() {
                    return Action::Continue;
                }
                redirect(host, location);
                Action::Pause
            }
            AuthDecision::Refuse {
                rule,
                mode,
                provider,
                reason,
                detail,
                caller,
                requirement,
            } => {
                let lets_pass = reason.is_outage() && self.config.on_error == OnError::Allow;
                let outcome = if lets_pass { "unchecked" } else { "denied" };
                if let Some(caller) = caller {
                    // Who it was is known, also to the audit trail, and where the request goes on, to the other filters.
                    caller.publish(host, None);
                    if lets_pass || !mode.enforces() {
                        self.note_emergency(host, rule, caller);
                    }
                }
                let decided = Decided {
                    rule,
                    mode: *mode,
                    reason: *reason,
                    outcome,
                    provider,
                    purposes: purposes(*requirement),
                };
                self.report(host, request, &decided);
                if lets_pass && mode.enforces() && self.strip_unchecked(host, request).is_err() {
                    let refusal = uncheckable(self.config.strictest_mode(), Reason::CredentialKept);
                    return self.apply(host, request, &refusal);
                }
                if lets_pass || !mode.enforces() {
                    return Action::Continue;
                }
                let id = request.request_id(host);
                let refusal = challenge::refusal(&self.config, *reason, detail, id);
                refuse::send(host, &refusal, JwtAuth::NAME, id, request.is_grpc(host));
                Action::Pause
            }
        }
    }

    /// Says that somebody breaks the glass.
    fn note_emergency(&self, host: &dyn Host, rule: &str, caller: &Verified) {
        if caller.context().emergency.is_none() {
            return;
        }
        self.metrics
            .count(host, "break_glass_total", &[("rule", rule)]);
        // Each one is told: only callers who may cause such lines, and no refusal keeps one out.
        let line = format!("jwt-auth: a caller breaks the glass at {rule}");
        host.log(LogLevel::Warn, &line);
    }

    fn pass(
        &self,
        host: &dyn Host,
        rule: &str,
        mode: Mode,
        purposes: &[String],
        found: &Authenticated,
    ) {
        let primary = found.callers.first();
        if let Some(caller) = primary.filter(|_| self.config.break_glass.is_some()) {
            self.note_emergency(host, rule, caller);
        }
        match primary {
            // The identity says by which rule it passes: one property in place of two.
            Some(caller) if mode.enforces() && purposes.is_empty() => {
                caller.publish(host, Some(rule));
            }
            _ => {
                if let Some(caller) = primary {
                    caller.publish(host, None);
                }
                let decision = Decision::new(JwtAuth::NAME, Outcome::Allowed)
                    .rule(rule)
                    .purposes(purposes);
                exchange::append_decision(host, decision.report_only(!mode.enforces()));
            }
        }
        if mode.enforces() {
            let map = HeaderMap::RequestHeaders;
            let mut changed = false;
            for (place, caller) in found.callers.iter().enumerate() {
                // What an earlier caller's provider says in a header is for that caller to say, also
                // where it says nothing: else one would have the mail address of the other.
                let earlier = found.callers.iter().take(place);
                let taken: Vec<String> = earlier
                    .filter_map(|caller| self.config.providers.get(caller.provider))
                    .flat_map(|provider| provider.managed_headers())
                    .collect();
                let is_free = |name: &String| !taken.contains(name);
                for (name, value) in caller.headers.iter().filter(|(name, _)| is_free(name)) {
                    changed = true;
                    let _ = host.set_header(map, name, value);
                }
            }
            if changed && self.clears_route_cache {
                let _ = host.foreign_function("clear_route_cache", b"");
            }
        }
        let index = primary.map(|caller| caller.provider);
        let counter = index
            .and_then(|index| self.allowed.get(index))
            .or_else(|| self.allowed.last());
        match counter {
            Some(counter) if self.counts_later => counter.note(),
            Some(counter) => counter.count(host),
            None => {}
        }
    }

    /// The upstream sees no credential, wherever any provider looks for one, but those that were
    /// verified and whose provider forwards them.
    fn strip_credentials(
        &self,
        host: &dyn Host,
        request: &Request,
        found: &Authenticated,
    ) -> Result<(), Status> {
        let verified = |text: &str| {
            let pairs = found.callers.iter().zip(&found.credentials);
            let mut forwarded =
                pairs
                    .filter(|(_, credential)| *credential == text)
                    .map(|(caller, _)| {
                        let provider = self.config.providers.get(caller.provider);
                        provider.is_some_and(|provider| provider.forward)
                    });
            let first = forwarded.next()?;
            Some(first || forwarded.any(|is| is))
        };
        self.strip_places(host, request, &|place| !self.is_stuck(place), &verified)
    }

    /// Nothing could be decided, and the request passes all the same: the upstream sees the
    /// credentials that are forwarded, which nobody has verified, and no others.
    fn strip_unchecked(&self, host: &dyn Host, request: &Request) -> Result<(), Status> {
        self.strip_places(host, request, &|place| !self.is_forwarded(place), &|_| None)
    }

    fn strip_places(
        &self,
        host: &dyn Host,
        request: &Request,
        strips: &dyn Fn(&CredentialPlace) -> bool,
        verified: &dyn Fn(&str) -> Option<bool>,
    ) -> Result<(), Status> {
        let places = self.config.places.iter().filter(|place| strips(place));
        credential::strip(host, request, places, verified)
    }

    /// Whether a credential stays where it is whatever is done: the host cannot rewrite a query. The
    /// configuration says of such places that the upstream may see what is there.
    fn is_stuck(&self, place: &CredentialPlace) -> bool {
        matches!(place, CredentialPlace::Query(_)) && !self.rewrites_paths
    }

    fn is_forwarded(&self, place: &CredentialPlace) -> bool {
        self.config.providers.iter().any(|provider| {
            provider.forward && provider.from.iter().any(|location| place.has(location))
        })
    }

    /// Counts and logs what did not simply pass, and tells the other filters.
    fn report(&self, host: &dyn Host, request: &Request, decided: &Decided<'_>) {
        let Decided {
            rule,
            mode,
            reason,
            outcome,
            provider,
            purposes,
        } = *decided;
        let outcome = if mode.enforces() { outcome } else { "reported" };
        let labels = [
            ("outcome", outcome),
            ("reason", reason.code()),
            ("provider", provider),
        ];
        self.metrics.count(host, "requests_total", &labels);
        let kind = if reason.is_undecided() {
            Outcome::Error
        } else {
            Outcome::Denied
        };
        let decision = Decision::new(JwtAuth::NAME, kind)
            .rule(rule)
            .reason(reason.code())
            .purposes(purposes)
            .report_only(!mode.enforces());
        exchange::append_decision(host, decision);
        self.throttle.log(host, LogLevel::Info, || {
            let id = request.request_id(host).unwrap_or("-");
            format!(
                "jwt-auth: {outcome} request {id} by {rule}: {}",
                reason.code()
            )
        });
    }
}

/// Whether a line of `Link` has an item with `rel="deprecation"`, perhaps among others (RFC 8288).
fn is_about_deprecation(line: &[u8]) -> bool {
    let line = policy::text::lossy(line).to_ascii_lowercase();
    let mut relations = line.split("rel=").skip(1);
    relations.any(|rest| {
        let value = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split([';', ',']).next(),
        };
        let mut words = value.unwrap_or_default().split_ascii_whitespace();
        words.any(|word| word == "deprecation")
    })
}

fn serve(host: &dyn Host, request: &Request, name: &str, document: &str) {
    let decision = Decision::new(JwtAuth::NAME, Outcome::Allowed).rule(name);
    exchange::append_decision(host, decision);
    let body = match request.method(host) {
        "GET" => document.as_bytes(),
        _ => b"",
    };
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "public, max-age=300"),
        // Clients in browsers read it from other origins; it is public.
        ("access-control-allow-origin", "*"),
        ("access-control-allow-headers", "*"),
    ];
    send(host, 200, &headers, body, &format!("jwt-auth_{name}"));
}

/// Sends a browser to the same page with TLS (RFC 9110 section 15.4.9).
fn redirect(host: &dyn Host, location: &str) {
    let headers = [("location", location), ("cache-control", "no-store")];
    send(host, 308, &headers, b"", "jwt-auth_tls_required");
}

fn send(host: &dyn Host, status: u16, headers: &[(&str, &str)], body: &[u8], details: &str) {
    let response = LocalResponse {
        status,
        headers,
        body,
        grpc_status: None,
        details,
    };
    if let Err(status) = host.send_local_response(&response) {
        let line = format!("jwt-auth: a response could not be sent: {status}");
        host.log(LogLevel::Error, &line);
        let _ = host.reset_stream(Direction::Request);
    }
}
