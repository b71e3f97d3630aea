//! Bodies in both directions.

use host::{Action, Buffer, Direction, HeaderMap, Host, HostKind, header_text};

use super::{PiiRedactor, RedactedStream, response_text, tell};
use crate::bytes::same;
use crate::config::{ParseErrorPolicy, Place, Policy, TrailersPolicy};
use crate::inflate::InflateError;
use crate::pipeline::{BodyPipeline, Coding, Framing};
use crate::plan::Plan;
use std::rc::Rc;

/// A body that is being rewritten.
pub(super) struct Work {
    pub(super) pipeline: BodyPipeline,
    pub(super) plan: Rc<Plan>,
    /// What the pipeline would have changed is counted, and the body stays.
    pub(super) changes: bool,
    /// What breaks off may not be scanned as text, because it may only have named members.
    minimizes: bool,
    /// The host holds the body until it is complete, or too long.
    holds: bool,
    /// What was found has been told.
    pub(super) told: bool,
    finished: bool,
}

impl RedactedStream {
    /// The headers of the answer are there: is there a body to search?
    pub(super) fn begin_answer(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        end_of_stream: bool,
    ) -> Action {
        let status = response_text(host, ":status").unwrap_or_default();
        let is_head = self
            .request
            .as_ref()
            .is_some_and(|request| request.method() == "HEAD");
        let no_body = (end_of_stream && filter.capabilities.tells_ends())
            || is_head
            || matches!(status.as_str(), "101" | "204" | "304")
            || response_text(host, "content-length").as_deref() == Some("0");
        if no_body {
            return Action::Continue;
        }
        if status == "206" && self.unsearchable.is_none() {
            let rules = self.at(filter, Place::ResponseBody);
            let rules = self.of_this_type(filter, host, rules, Direction::Response);
            if !rules.is_empty() {
                // A part of a body: an upstream that ignores that nobody asked for it.
                let policy = filter.config.on_error.partial_content;
                return self.refuse(filter, host, Direction::Response, policy, "partial_content");
            }
        }
        self.begin_body(filter, host, Direction::Response)
    }

    /// The headers of a message with a body are there.
    pub(super) fn begin_body(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Action {
        let (map, place) = match direction {
            Direction::Request => (HeaderMap::RequestHeaders, Place::RequestBody),
            Direction::Response => (HeaderMap::ResponseHeaders, Place::ResponseBody),
        };
        let rules = self.at(filter, place);
        let rules = self.of_this_type(filter, host, rules, direction);
        if rules.is_empty() {
            return Action::Continue;
        }
        if let Some(reason) = self.unsearchable {
            filter
                .metrics
                .count(host, "skipped_total", &[("reason", reason)]);
            filter.throttle.log(host, host::LogLevel::Info, || {
                format!("pii-redactor: a body was not searched: {reason}")
            });
            return Action::Continue;
        }
        let content_type = header_text(host, map, "content-type").unwrap_or_default();
        let Some(framing) = Framing::of(&content_type) else {
            let minimizes = filter.minimizes(&rules) && filter.enforces(&rules);
            let policy = filter.config.on_error.unsupported_type;
            if minimizes || policy == Policy::Block {
                return self.refuse(filter, host, direction, Policy::Block, "unsupported_type");
            }
            filter
                .metrics
                .count(host, "skipped_total", &[("reason", "content_type")]);
            filter.throttle.log(host, host::LogLevel::Info, || {
                "pii-redactor: a body was not searched: content_type".to_owned()
            });
            return Action::Continue;
        };
        let has_no_members = matches!(framing, Framing::Text | Framing::Unsaid);
        if has_no_members && filter.minimizes(&rules) && filter.enforces(&rules) {
            // Only documents have members that could be allowed.
            return self.refuse(filter, host, direction, Policy::Block, "unsupported_type");
        }
        let encoding = header_text(host, map, "content-encoding").unwrap_or_default();
        let Some(coding) = Coding::of(&encoding) else {
            let policy = filter.config.on_error.unsupported_encoding;
            return self.refuse(filter, host, direction, policy, "unsupported_encoding");
        };
        let changes = filter.enforces(&rules) && filter.capabilities.rewrites_bodies();
        let plan = filter.plan(&rules);
        let work = Work {
            pipeline: BodyPipeline::new(Rc::clone(&plan), &framing, coding, filter.config.inflate),
            minimizes: plan
                .minimizes
                .is_some_and(|minimization| minimization.enforces),
            plan,
            changes,
            holds: changes && holds(filter, host, map, direction, &framing, coding),
            told: false,
            finished: false,
        };
        if changes {
            prepare_headers(host, map, coding);
        }
        match direction {
            Direction::Request => self.request_work = Some(work),
            Direction::Response => self.response_work = Some(work),
        }
        Action::Continue
    }

    pub(super) fn body(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        if self.is_stopped && direction == Direction::Response {
            let _ = host.replace_buffer(buffer(direction), usize::MAX, b"");
            return Action::Continue;
        }
        let Some(work) = self.work(direction) else {
            return Action::Continue;
        };
        if work.holds && !end_of_stream && size <= HELD_BYTES {
            return Action::Pause;
        }
        // What the host held is in its buffer, whatever it says that this callback is about.
        let held = std::mem::take(&mut work.holds);
        let read = if held {
            host.buffer(buffer(direction), 0, usize::MAX)
        } else if size == 0 {
            Ok(Vec::new())
        } else {
            host.buffer(buffer(direction), 0, size)
        };
        let changes = work.changes;
        let Ok(body) = read else {
            if !changes {
                // What may pass in any case is not stopped for not being read.
                tell::unredacted(filter, host, "body_unreadable", false, true);
                self.drop_work(direction);
                return Action::Continue;
            }
            return self.stop(filter, host, direction, "body_unreadable");
        };
        self.rewrite(filter, host, direction, &body, end_of_stream)
    }

    /// A piece of the body, and whether it is the last.
    fn rewrite(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        body: &[u8],
        last: bool,
    ) -> Action {
        let Some(work) = self.work(direction) else {
            return Action::Continue;
        };
        let mut out = Vec::with_capacity(body.len().saturating_add(OUT_SLACK_BYTES));
        let mut result = work.pipeline.write(body, &mut out);
        if last && result.is_ok() {
            result = work.pipeline.finish(&mut out);
            work.finished = true;
        }
        let changes = work.changes;
        if let Err(error) = result {
            return self.undecodable(filter, host, direction, error);
        }
        if work.pipeline.tally().blocks && changes {
            self.tell(filter, host, direction);
            return match direction {
                Direction::Request => self.block(filter, host, direction),
                Direction::Response => self.stop(filter, host, direction, "blocked_content"),
            };
        }
        let forbidden =
            filter.config.on_error.parse_error == ParseErrorPolicy::Block || work.minimizes;
        if changes && work.pipeline.is_malformed() && forbidden {
            return self.stop(filter, host, direction, "parse_error");
        }
        let unread = work.pipeline.unsearched_parts().1 > 0;
        if changes && unread && filter.config.on_error.unsupported_encoding == Policy::Block {
            return self.stop(filter, host, direction, "unsupported_encoding");
        }
        if changes
            && !same(&out, body)
            && host
                .replace_buffer(buffer(direction), usize::MAX, &out)
                .is_err()
        {
            return self.stop(filter, host, direction, "body_unwritable");
        }
        if last {
            self.tell(filter, host, direction);
        }
        Action::Continue
    }

    pub(super) fn trailers(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Action {
        if let Some(action) = self.redact_trailers(filter, host, direction) {
            return action;
        }
        let Some(work) = self.work(direction) else {
            return Action::Continue;
        };
        if work.finished {
            return Action::Continue;
        }
        if work.holds {
            // The host still has all of the body, and it can be written until the trailers go on.
            work.holds = false;
            let Ok(body) = host.buffer(buffer(direction), 0, usize::MAX) else {
                return self.stop(filter, host, direction, "body_unreadable");
            };
            return self.rewrite(filter, host, direction, &body, true);
        }
        // What is held cannot be written any more. Behind a JSON document nothing is.
        let held = work.pipeline.held() > 0 || work.pipeline.is_incomplete();
        if held && work.changes {
            if filter.config.on_error.trailers == TrailersPolicy::Block {
                return self.stop(filter, host, direction, "trailers");
            }
            tell::unredacted(filter, host, "trailers", false, false);
        }
        let _ = work.pipeline.finish(&mut Vec::new());
        work.finished = true;
        self.tell(filter, host, direction);
        Action::Continue
    }

    pub(super) fn work(&mut self, direction: Direction) -> Option<&mut Work> {
        match direction {
            Direction::Request => self.request_work.as_mut(),
            Direction::Response => self.response_work.as_mut(),
        }
    }

    /// The body cannot be decoded: what has not left does not.
    fn undecodable(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        error: InflateError,
    ) -> Action {
        let changes = self.work(direction).is_some_and(|work| work.changes);
        if changes {
            return self.stop(filter, host, direction, error.reason());
        }
        tell::unredacted(filter, host, error.reason(), false, true);
        self.drop_work(direction);
        Action::Continue
    }

    /// A message that has begun goes no further. An answer has a status already, so its stream ends;
    /// a request gets an answer, unless there is one.
    fn stop(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        reason: &'static str,
    ) -> Action {
        tell::unredacted(filter, host, reason, true, false);
        self.tell(filter, host, direction);
        self.drop_work(direction);
        // Nothing of what is in the host's buffer may leave, whatever becomes of the rest.
        let _ = host.replace_buffer(buffer(direction), usize::MAX, b"");
        match direction {
            Direction::Request => self.send_refusal(host, direction, reason),
            Direction::Response if filter.capabilities.resets_streams() => {
                let _ = host.reset_stream(Direction::Response);
            }
            // The answer ends here, and what comes after it is dropped.
            Direction::Response => {
                self.is_stopped = true;
                return Action::Continue;
            }
        }
        Action::Pause
    }

    fn drop_work(&mut self, direction: Direction) {
        match direction {
            Direction::Request => self.request_work = None,
            Direction::Response => self.response_work = None,
        }
    }
}

/// Whether the host is to hold a small body until it is complete: where something is held at its
/// end, and trailers may come.
fn holds(
    filter: &PiiRedactor,
    host: &dyn Host,
    map: HeaderMap,
    direction: Direction,
    framing: &Framing,
    coding: Coding,
) -> bool {
    if filter.capabilities.kind() != HostKind::Envoy {
        return false;
    }
    // Nothing is held behind a document or an event.
    let ends_clean = matches!(framing, Framing::Json | Framing::Events);
    if ends_clean && coding == Coding::Identity {
        return false;
    }
    let text = |name: &str| header_text(host, map, name);
    match direction {
        // A text that streams without a length is not held back, unless trailers are announced.
        Direction::Response => {
            let announced = text("trailer").is_some();
            let short = text("content-length")
                .and_then(|length| length.trim().parse::<usize>().ok())
                .is_some_and(|length| length <= HELD_BYTES);
            announced || short
        }
        Direction::Request => *framing != Framing::Events,
    }
}

const fn buffer(direction: Direction) -> Buffer {
    match direction {
        Direction::Request => Buffer::RequestBody,
        Direction::Response => Buffer::ResponseBody,
    }
}

/// The headers that no longer tell the truth about a body that may change: its length and its
/// digests (RFC 9530), its validator, and that parts of it can be asked for.
fn prepare_headers(host: &dyn Host, map: HeaderMap, coding: Coding) {
    const UNTRUE: [&str; 9] = [
        "content-length",
        "content-md5",
        "digest",
        "repr-digest",
        "content-digest",
        "signature",
        "signature-input",
        "x-goog-hash",
        "accept-ranges",
    ];
    for name in UNTRUE {
        let _ = host.remove_header(map, name);
    }
    if coding != Coding::Identity {
        let _ = host.remove_header(map, "content-encoding");
    }
    if let Some(tag) = header_text(host, map, "etag").filter(|tag| !tag.starts_with("W/")) {
        let _ = host.set_header(map, "etag", format!("W/{tag}").as_bytes());
    }
}

/// So much of a body the host holds; far below what makes it give up.
const HELD_BYTES: usize = 16 * 1024;
/// Replacements may be longer than what they replace.
const OUT_SLACK_BYTES: usize = 1024;
