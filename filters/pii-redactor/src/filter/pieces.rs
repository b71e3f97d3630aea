//! The pieces of a body on their way: each is rewritten, judged and charged before it leaves.

use host::{Action, Buffer, Direction, HeaderMap, Host};

use super::body::{HELD_BYTES, Work};
use super::message::Message;
use super::reason::{NotSearched, Reason};
use super::{PiiRedactor, RedactedStream, report};
use crate::bytes::same;
use crate::config::{FailurePolicy, OnError, ParseErrorPolicy, TrailersPolicy};
use crate::limits::MAX_DOCUMENT_BYTES;

impl Work {
    /// Why what has been read of the body stops it, besides what was found in it.
    fn fault(&self, on_error: &OnError) -> Option<Reason> {
        let unsearched = self.pipeline.unsearched();
        let forbids_text =
            on_error.parse_error == ParseErrorPolicy::Block || self.relies_on_members;
        // What is binary has no members, and none that could be allowed.
        let forbids_binary = on_error.unsupported_type == FailurePolicy::Block
            || self.plan.minimizes_bodies()
            || self.plan.judges_owners();
        let malformed = self.pipeline.malformed();
        let is_ambiguous = malformed.is_some_and(|malformed| malformed.what.is_ambiguous());
        if is_ambiguous && on_error.ambiguous == ParseErrorPolicy::Block {
            Some(Reason::Ambiguous)
        } else if malformed.is_some() && forbids_text {
            Some(Reason::ParseError)
        } else if unsearched.encoded_parts > 0
            && on_error.unsupported_encoding == FailurePolicy::Block
        {
            Some(Reason::UnsupportedEncoding)
        } else if unsearched.is_binary && forbids_binary && self.binary != NotSearched::Grpc {
            Some(Reason::UnsupportedType)
        } else {
            None
        }
    }
}

impl RedactedStream {
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
        if let Some(action) = self.count_piece(filter, host, direction, size) {
            return action;
        }
        let Some(work) = self.work(direction) else {
            return Action::Continue;
        };
        let read = if size == 0 {
            Ok(Vec::new())
        } else {
            host.buffer(buffer(direction), 0, size)
        };
        let changes = work.changes;
        let Ok(piece) = read else {
            if !changes {
                // What may pass in any case is not stopped for not being read.
                report::unredacted(filter, host, Reason::BodyUnreadable, false, true);
                self.drop_work(direction);
                return Action::Continue;
            }
            return self.stop(filter, host, direction, Reason::BodyUnreadable);
        };
        if work.holds {
            work.kept.extend_from_slice(&piece);
            let most = match work.document {
                Some(_) => MAX_DOCUMENT_BYTES,
                None => HELD_BYTES,
            };
            if !end_of_stream && work.kept.len() <= most {
                // Nothing stays in the host's buffer: it has a limit of its own, and what comes next
                // may be as long as that.
                if !piece.is_empty()
                    && host
                        .replace_buffer(buffer(direction), usize::MAX, b"")
                        .is_err()
                {
                    return self.stop(filter, host, direction, Reason::BodyUnwritable);
                }
                return Action::Pause;
            }
            work.holds = false;
            let body = std::mem::take(&mut work.kept);
            return self.rewrite(filter, host, direction, (&body, &piece), end_of_stream);
        }
        self.rewrite(filter, host, direction, (&piece, &piece), end_of_stream)
    }

    /// A piece of the body and what of it is in the host's buffer, and whether it is the last.
    fn rewrite(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        (body, buffered): (&[u8], &[u8]),
        last: bool,
    ) -> Action {
        if let Err(reason) = self.set_ration(filter, host, direction) {
            return self.unsearched(filter, host, direction, reason);
        }
        let Some(work) = self.work(direction) else {
            return Action::Continue;
        };
        let mut out = Vec::with_capacity(body.len().saturating_add(OUT_SLACK_BYTES));
        let mut result = work.pipeline.write(body, &mut out);
        if let Some(mut document) = work.document.take() {
            document.extend_from_slice(body);
            if last || document.len() > MAX_DOCUMENT_BYTES {
                work.pipeline.measure_graphql(&document);
            } else {
                work.document = Some(document);
            }
        }
        if last && result.is_ok() {
            result = work.pipeline.finish(&mut out);
            work.finished = true;
        }
        let changes = work.changes;
        if let Err(error) = result {
            return self.unsearched(filter, host, direction, error.into());
        }
        if let Some(action) = self.limit_documents(filter, host, direction) {
            return action;
        }
        let Some(work) = self.work(direction) else {
            return Action::Continue;
        };
        if work.pipeline.tally().blocks && changes {
            let member = work.pipeline.tally().refused_member().map(str::to_owned);
            self.note_refused(member);
            let reason = self.why_blocked();
            return self.stop(filter, host, direction, reason);
        }
        if work.pipeline.tally().is_unjudged() && changes {
            return self.stop(filter, host, direction, Reason::OwnerUnknown);
        }
        let on_error = &filter.config.on_error;
        if work.pipeline.is_over_budget() && !work.is_over_budget {
            let blocks = on_error.budget_exceeded == FailurePolicy::Block;
            if !changes || blocks || work.relies_on_members || work.plan.measures() {
                return self.unsearched(filter, host, direction, Reason::BudgetExceeded);
            }
            work.is_over_budget = true;
            report::unredacted(filter, host, Reason::BudgetExceeded, false, false);
        }
        let fault = work.fault(on_error);
        let is_binary = work.pipeline.unsearched().is_binary;
        if let Some(reason) = fault.filter(|_| changes) {
            return self.stop(filter, host, direction, reason);
        }
        let is_over = last || is_binary;
        if let Some(reason) = self.charge_body(filter, host, direction)
            && changes
        {
            return self.stop(filter, host, direction, reason);
        }
        // Of a body that is only measured nothing is written but what was held.
        let rewrites = self.work(direction).is_some_and(|work| work.rewrites);
        let written = if rewrites { out.as_slice() } else { body };
        if changes
            && !same(written, buffered)
            && host
                .replace_buffer(buffer(direction), usize::MAX, written)
                .is_err()
        {
            return self.stop(filter, host, direction, Reason::BodyUnwritable);
        }
        if is_over {
            self.report_body(filter, host, direction);
        } else {
            self.hand_over(filter, host, direction, false);
        }
        if is_binary && !last {
            // The rest is binary too, and goes on by itself.
            self.drop_work(direction);
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
        if work.rewrites {
            let map = match direction {
                Direction::Request => HeaderMap::RequestTrailers,
                Direction::Response => HeaderMap::ResponseTrailers,
            };
            Message::read(host, filter.capabilities, map).remove_digests();
        }
        if work.finished {
            return Action::Continue;
        }
        if work.holds {
            // The last callback about the body has left it with the host, so that it can be written
            // until the trailers go on.
            work.holds = false;
            let body = std::mem::take(&mut work.kept);
            return self.rewrite(filter, host, direction, (&body, &[]), true);
        }
        // What is held cannot be written any more. Behind a JSON document nothing is.
        let held = work.pipeline.held() > 0 || work.pipeline.is_incomplete();
        if held && work.changes {
            if filter.config.on_error.trailers == TrailersPolicy::Block {
                return self.stop(filter, host, direction, Reason::Trailers);
            }
            report::unredacted(filter, host, Reason::Trailers, false, false);
        }
        let _ = work.pipeline.finish(&mut Vec::new());
        work.finished = true;
        if let Some(reason) = self.charge_body(filter, host, direction) {
            return self.stop(filter, host, direction, reason);
        }
        self.report_body(filter, host, direction);
        Action::Continue
    }

    pub(super) fn work(&mut self, direction: Direction) -> Option<&mut Work> {
        match direction {
            Direction::Request => self.request_work.as_mut(),
            Direction::Response => self.response_work.as_mut(),
        }
    }

    /// The rest of the body cannot be searched: what has not left does not.
    fn unsearched(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        reason: Reason,
    ) -> Action {
        let changes = self.work(direction).is_some_and(|work| work.changes);
        if changes {
            return self.stop(filter, host, direction, reason);
        }
        report::unredacted(filter, host, reason, false, true);
        self.report_body(filter, host, direction);
        self.drop_work(direction);
        Action::Continue
    }

    /// A message that has begun goes no further. A response has a status already, so its stream ends;
    /// a request gets a response, unless there is one.
    pub(super) fn stop(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        reason: Reason,
    ) -> Action {
        match reason {
            Reason::BlockedContent | Reason::MemberNotAllowed => {
                report::blocked(filter, host, direction, reason);
            }
            // What limits and budgets decide they have said.
            Reason::Exceeds(_) | Reason::DataBudgetSpent => {}
            _ => report::unredacted(filter, host, reason, true, false),
        }
        self.hand_over(filter, host, direction, true);
        self.report_body(filter, host, direction);
        self.drop_work(direction);
        // Nothing of what is in the host's buffer may leave, whatever becomes of the rest.
        let _ = host.replace_buffer(buffer(direction), usize::MAX, b"");
        match direction {
            Direction::Request => self.send_refusal(host, direction, reason),
            Direction::Response if filter.capabilities.resets_streams() => {
                let _ = host.reset_stream(Direction::Response);
            }
            // The response ends here, and what comes after it is dropped.
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

const fn buffer(direction: Direction) -> Buffer {
    match direction {
        Direction::Request => Buffer::RequestBody,
        Direction::Response => Buffer::ResponseBody,
    }
}

/// Replacements may be longer than what they replace.
const OUT_SLACK_BYTES: usize = 1024;
