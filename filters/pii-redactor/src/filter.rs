//! The filter: redacts JSON answers on their way to the client.
//!
//! What a host allows decides the shape. A body callback that answers "continue" lets everything go
//! that is in the host's buffer, so each callback replaces the buffer by what may leave and the
//! rewriter holds the rest. With trailers no callback says that the body is over, and nothing can
//! be written any more; a JSON document holds nothing back at its end, so nothing is lost.

use std::rc::Rc;

use host::{
    Action, Buffer, Capabilities, ContextId, Direction, Filter, HeaderMap, Host, LogLevel, Metrics,
    Request, Stream, Throttle, exchange, header_text, refuse,
};
use policy::config::Problems;
use policy::decision::{Decision, Outcome};
use policy::facts::Facts as _;
use policy::http::media_type;
use policy::matching::applies;
use policy::mode::Mode;
use policy::refusal::Refusal;

use crate::config::{Config, ParseErrorPolicy, Policy, Rule};
use crate::fields::FieldRules;
use crate::json::JsonRewriter;
use crate::scan::Counts;

/// The filter in one VM.
pub struct PiiRedactor {
    config: Config,
    capabilities: Capabilities,
    metrics: Metrics,
    throttle: Throttle,
}

impl Filter for PiiRedactor {
    const NAME: &'static str = "pii-redactor";
    type Stream = RedactedStream;

    fn configure(
        host: &dyn Host,
        capabilities: &Capabilities,
        configuration: &str,
    ) -> Result<Self, Problems> {
        let config = Config::parse(configuration)?;
        if !capabilities.rewrites_bodies() {
            let consequence = match config.on_error.host_readonly {
                Policy::Block => "requests that rules are about are refused",
                Policy::Pass => "rules only count what they find",
            };
            host.log(
                LogLevel::Warn,
                &format!("pii-redactor: this host cannot change bodies: {consequence}"),
            );
        }
        Ok(Self {
            config,
            capabilities: *capabilities,
            metrics: Metrics::new(Self::NAME),
            throttle: Throttle::default(),
        })
    }

    fn stream(&mut self, _context: ContextId) -> RedactedStream {
        RedactedStream::default()
    }
}

/// One request and its answer.
#[derive(Default)]
pub struct RedactedStream {
    request: Option<Request>,
    /// Indices of the rules that are about this request.
    rules: Vec<usize>,
    work: Option<Work>,
}

/// An answer that is being rewritten.
struct Work {
    rewriter: JsonRewriter,
    rule: String,
    mode: Mode,
    /// What the rewriter would have changed is counted, and the body stays.
    changes_body: bool,
    finished: bool,
}

impl Stream<PiiRedactor> for RedactedStream {
    fn on_request_headers(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let request = Request::capture(host);
        let facts = request.facts(host, &filter.config.sources, Direction::Request);
        let is_due = |rule: &Rule| {
            let exempt = !rule.unless_scopes.is_empty()
                && facts.identity().is_some_and(|identity| {
                    rule.unless_scopes
                        .iter()
                        .all(|scope| identity.has_scope(scope))
                });
            let consented = rule.when_consent.as_ref();
            !exempt
                && applies(&rule.matches, &facts)
                && consented.is_none_or(|condition| condition.holds(facts.consent()))
        };
        let rules = filter.config.rules.iter().enumerate();
        self.rules = rules
            .filter(|(_, rule)| is_due(rule))
            .map(|(index, _)| index)
            .collect();
        self.request = Some(request);
        let enforces = filter.enforces(&self.rules);
        let readonly = !filter.capabilities.rewrites_bodies();
        if readonly && enforces && filter.config.on_error.host_readonly == Policy::Block {
            // Such a host takes no answer in place of the upstream's either, once there is one.
            return self.cannot_redact(filter, host, Policy::Block, "host_readonly");
        }
        let is_grpc = self.request.as_ref().is_some_and(Request::is_grpc);
        if enforces && !readonly && !is_grpc {
            // A compressed body or a part of one cannot be searched.
            for name in ["accept-encoding", "range", "if-range"] {
                let _ = host.remove_header(HeaderMap::RequestHeaders, name);
            }
        }
        Action::Continue
    }

    fn on_response_headers(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        end_of_stream: bool,
    ) -> Action {
        if self.rules.is_empty() {
            return Action::Continue;
        }
        let Some(request) = &self.request else {
            return Action::Continue;
        };
        let header = |name: &str| header_text(host, HeaderMap::ResponseHeaders, name);
        let status = header(":status").unwrap_or_default();
        let kind = header("content-type")
            .map(|value| media_type(&value))
            .unwrap_or_default();
        // APISIX says that every response ends with its headers.
        let no_body = (end_of_stream && filter.capabilities.has_log_phase())
            || request.method() == "HEAD"
            || matches!(status.as_str(), "101" | "204" | "304")
            || header("content-length").as_deref() == Some("0");
        if no_body {
            return Action::Continue;
        }
        if !is_json(&kind) {
            filter
                .metrics
                .count(host, "skipped_total", &[("reason", "content_type")]);
            return Action::Continue;
        }
        let mode = filter.mode_of(&self.rules);
        let encoding = header("content-encoding")
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if !matches!(encoding.as_str(), "" | "identity") {
            let policy = filter.config.on_error.unsupported_encoding;
            return self.cannot_redact(filter, host, policy, "unsupported_encoding");
        }
        if status == "206" {
            // A part of a body: an upstream that ignores that nobody asked for it.
            let policy = filter.config.on_error.unsupported_encoding;
            return self.cannot_redact(filter, host, policy, "partial_content");
        }
        let changes_body = mode.enforces() && filter.capabilities.rewrites_bodies();
        self.start(filter, mode, changes_body);
        if changes_body {
            prepare_headers(host);
        }
        Action::Continue
    }

    fn on_response_body(
        &mut self,
        filter: &mut PiiRedactor,
        host: &dyn Host,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        let Some(work) = &mut self.work else {
            return Action::Continue;
        };
        let read = if size == 0 {
            Ok(Vec::new())
        } else {
            host.buffer(Buffer::ResponseBody, 0, size)
        };
        let Ok(body) = read else {
            return self.stop(filter, host, "body_unreadable");
        };
        let mut out = Vec::with_capacity(body.len());
        work.rewriter.write(&body, &mut out);
        if end_of_stream {
            work.rewriter.finish(&mut out);
        }
        let malformed = work.rewriter.is_malformed();
        let blocks = filter.config.on_error.parse_error == ParseErrorPolicy::Block;
        if malformed && blocks && work.changes_body {
            return self.stop(filter, host, "parse_error");
        }
        if work.changes_body
            && out != body
            && host
                .replace_buffer(Buffer::ResponseBody, usize::MAX, &out)
                .is_err()
        {
            return self.stop(filter, host, "body_unwritable");
        }
        if end_of_stream {
            self.tell(filter, host);
        }
        Action::Continue
    }

    fn on_response_trailers(&mut self, filter: &mut PiiRedactor, host: &dyn Host) -> Action {
        // What is still held cannot be written any more. It is part of a document that broke off.
        if self
            .work
            .as_ref()
            .is_some_and(|work| work.changes_body && work.rewriter.held() > 0)
        {
            return self.stop(filter, host, "trailers");
        }
        self.tell(filter, host);
        Action::Continue
    }

    fn on_log(&mut self, filter: &mut PiiRedactor, host: &dyn Host) {
        self.tell(filter, host);
    }
}

impl PiiRedactor {
    fn rules<'r>(&'r self, indices: &'r [usize]) -> impl Iterator<Item = &'r Rule> {
        indices
            .iter()
            .filter_map(|index| self.config.rules.get(*index))
    }

    /// Rules in report mode act only if no other rule does: one body has one result.
    fn mode_of(&self, indices: &[usize]) -> Mode {
        if self.enforces(indices) {
            Mode::Enforce
        } else {
            Mode::Report
        }
    }

    fn enforces(&self, indices: &[usize]) -> bool {
        self.rules(indices)
            .any(|rule| self.config.mode.and(rule.mode).enforces())
    }
}

impl RedactedStream {
    fn start(&mut self, filter: &PiiRedactor, mode: Mode, changes_body: bool) {
        let acting: Vec<usize> = self
            .rules
            .iter()
            .copied()
            .filter(|index| {
                let rule = filter.config.rules.get(*index);
                rule.is_some_and(|rule| filter.config.mode.and(rule.mode) == mode)
            })
            .collect();
        let fields = filter
            .rules(&acting)
            .flat_map(|rule| rule.fields.iter().cloned())
            .collect();
        let scan_rules = filter.config.scan_rules(filter.rules(&acting));
        let names: Vec<&str> = filter
            .rules(&acting)
            .map(|rule| rule.name.as_str())
            .collect();
        self.work = Some(Work {
            rewriter: JsonRewriter::new(scan_rules, Rc::new(FieldRules::new(fields))),
            rule: names.join(","),
            mode,
            changes_body,
            finished: false,
        });
    }

    /// An answer that rules are about and that cannot be searched.
    fn cannot_redact(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        policy: Policy,
        reason: &'static str,
    ) -> Action {
        let enforces = filter.enforces(&self.rules);
        let blocks = policy == Policy::Block && enforces;
        let outcome = if blocks { "blocked" } else { "passed" };
        filter.metrics.count(
            host,
            "unredacted_total",
            &[("reason", reason), ("outcome", outcome)],
        );
        let decision = Decision::new(PiiRedactor::NAME, Outcome::Error)
            .reason(reason)
            .report_only(!blocks);
        exchange::append_decision(host, decision);
        filter.throttle.log(host, LogLevel::Warn, || {
            format!("pii-redactor: an answer could not be redacted and was {outcome}: {reason}")
        });
        if !blocks {
            return Action::Continue;
        }
        let request = self.request.as_ref();
        let refusal = Refusal::new(
            502,
            reason,
            "The answer could not be checked for personal data.",
        );
        let id = request.and_then(|request| request.request_id(host));
        let is_grpc = request.is_some_and(Request::is_grpc);
        // The local answer passes this filter too.
        self.rules.clear();
        refuse::send(host, &refusal, PiiRedactor::NAME, id, is_grpc);
        Action::Pause
    }

    /// The answer has begun, so no status can say it: the stream ends.
    fn stop(&mut self, filter: &PiiRedactor, host: &dyn Host, reason: &'static str) -> Action {
        let labels = [("reason", reason), ("outcome", "blocked")];
        filter.metrics.count(host, "unredacted_total", &labels);
        exchange::append_decision(
            host,
            Decision::new(PiiRedactor::NAME, Outcome::Error).reason(reason),
        );
        filter.throttle.log(host, LogLevel::Warn, || {
            format!("pii-redactor: an answer was cut off: {reason}")
        });
        self.work = None;
        // Nothing of what is in the host's buffer may leave, whatever becomes of the reset.
        let _ = host.replace_buffer(Buffer::ResponseBody, usize::MAX, b"");
        let _ = host.reset_stream(Direction::Response);
        Action::Pause
    }

    /// What was found, once for each answer.
    fn tell(&mut self, filter: &PiiRedactor, host: &dyn Host) {
        let Some(work) = self.work.as_mut().filter(|work| !work.finished) else {
            return;
        };
        work.finished = true;
        if work.rewriter.is_malformed() {
            filter.metrics.count(host, "malformed_total", &[]);
            filter.throttle.log(host, LogLevel::Warn, || {
                "pii-redactor: an answer is not the JSON that it says it is; it was scanned as text"
                    .to_owned()
            });
        }
        let counts: &Counts = work.rewriter.counts();
        if counts.is_empty() {
            return;
        }
        let outcome = if work.changes_body {
            "redacted"
        } else {
            "reported"
        };
        for (kind, number) in counts {
            let labels = [("type", kind.as_str()), ("outcome", outcome)];
            filter.metrics.add(host, "findings_total", &labels, *number);
        }
        let mut decision = Decision::new(PiiRedactor::NAME, Outcome::Redacted)
            .rule(work.rule.as_str())
            .report_only(!work.mode.enforces());
        decision.counts = counts.clone();
        exchange::append_decision(host, decision);
    }
}

/// The headers that no longer tell the truth about a body that may change: its length and its
/// digests (RFC 9530), its validator, and that parts of it can be asked for.
fn prepare_headers(host: &dyn Host) {
    const UNTRUE: [&str; 7] = [
        "content-length",
        "content-md5",
        "digest",
        "repr-digest",
        "content-digest",
        "x-goog-hash",
        "accept-ranges",
    ];
    let map = HeaderMap::ResponseHeaders;
    for name in UNTRUE {
        let _ = host.remove_header(map, name);
    }
    // A weak validator may stay for bodies that are equivalent (RFC 9110 section 8.8.1).
    if let Some(tag) = header_text(host, map, "etag").filter(|tag| !tag.starts_with("W/")) {
        let _ = host.set_header(map, "etag", format!("W/{tag}").as_bytes());
    }
}

fn is_json(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/json" | "text/json" | "application/x-ndjson" | "application/ndjson"
    ) || media_type.ends_with("+json")
}
