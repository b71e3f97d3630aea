//! Headers, trailers, cookies and the query.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use host::headers::hide;
use host::{Action, Direction, HeaderMap, Headers, Host};

use super::data_budget::Disclosed;
use super::reason::Reason;
use super::report::Fate;
use super::{PiiRedactor, RedactedStream, report};
use crate::budget::{Budget, PIECE_BYTES};
use crate::config::{FailurePolicy, Place};
use crate::headers;
use crate::pairs::{PairsRewriter, Syntax};
use crate::plan::Plan;
use crate::tally::Tally;

/// How the head of a message, or a part of it, was handled; the worst comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Head {
    /// The head may go on.
    Redacted,
    /// There may be headers that the host does not list.
    Unlisted,
    /// The host did not take what should have been written.
    Unwritable,
    /// Searching it costs more than it may, and the rest was not searched.
    OverBudget,
    /// It discloses more than the caller may get, or nobody can say.
    Rationed(Reason),
    /// A finding says that the message goes no further.
    Blocks,
}

impl Head {
    const fn of(blocks: bool, is_written: bool, is_complete: bool) -> Self {
        match (blocks, is_written, is_complete) {
            (true, _, _) => Self::Blocks,
            (false, false, _) => Self::Unwritable,
            (false, true, false) => Self::Unlisted,
            (false, true, true) => Self::Redacted,
        }
    }
}

impl RedactedStream {
    /// The query, the cookies and the headers of the request. Returns an action if it goes no further.
    pub(super) fn redact_request_head(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
    ) -> Option<Action> {
        let query = self.redact_query(filter, host);
        let cookies = self.redact_cookies(filter, host);
        let headers = self.redact_headers(
            filter,
            host,
            HeaderMap::RequestHeaders,
            Place::RequestHeaders,
        );
        let head = query.max(cookies).max(headers);
        self.finish_head(filter, host, Direction::Request, head)
    }

    /// The headers of the response.
    pub(super) fn redact_response_head(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
    ) -> Option<Action> {
        let head = self.redact_headers(
            filter,
            host,
            HeaderMap::ResponseHeaders,
            Place::ResponseHeaders,
        );
        self.finish_head(filter, host, Direction::Response, head)
    }

    /// Returns an action if the message goes no further.
    fn finish_head(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
        head: Head,
    ) -> Option<Action> {
        let on_error = &filter.config.on_error;
        let (policy, reason) = match head {
            Head::Redacted => return None,
            Head::Blocks => {
                return Some(self.block(filter, host, direction, self.why_blocked()));
            }
            Head::OverBudget => (on_error.budget_exceeded, Reason::BudgetExceeded),
            Head::Rationed(reason) => {
                self.refuse_over_budget(host, direction, reason, None);
                return Some(Action::Pause);
            }
            Head::Unwritable => (on_error.host_readonly, Reason::HeadUnwritable),
            Head::Unlisted => (on_error.unlisted_headers, Reason::HeadersUnlisted),
        };
        let action = self.refuse(filter, host, direction, (policy, reason));
        (action == Action::Pause).then_some(action)
    }

    pub(super) fn redact_trailers(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        direction: Direction,
    ) -> Option<Action> {
        let (map, place) = match direction {
            Direction::Request => (HeaderMap::RequestTrailers, Place::RequestTrailers),
            Direction::Response => (HeaderMap::ResponseTrailers, Place::ResponseTrailers),
        };
        let head = self.redact_headers(filter, host, map, place);
        let passes = match head {
            Head::Redacted | Head::Unlisted => true,
            Head::OverBudget if filter.config.on_error.budget_exceeded == FailurePolicy::Pass => {
                report::unredacted(filter, host, Reason::BudgetExceeded, false, false);
                true
            }
            Head::Unwritable | Head::OverBudget | Head::Rationed(_) | Head::Blocks => false,
        };
        if !passes {
            // Hosts that end no streams have no trailers either.
            if filter.capabilities.resets_streams() {
                let _ = host.reset_stream(direction);
            }
            return Some(Action::Pause);
        }
        None
    }

    fn redact_query(&mut self, filter: &PiiRedactor, host: &dyn Host) -> Head {
        let Some((plan, changes)) = self.plan_of(filter, Place::RequestQuery) else {
            return Head::Redacted;
        };
        let Some(path) = self
            .request
            .as_ref()
            .map(|request| request.raw_path(host).to_vec())
        else {
            return Head::Redacted;
        };
        let Some(question) = memchr::memchr(b'?', &path) else {
            return Head::Redacted;
        };
        let (before, query) = path
            .split_at_checked(question.saturating_add(1))
            .unwrap_or((&path, &[]));
        let end = memchr::memchr(b'#', query).unwrap_or(query.len());
        let (query, fragment) = query.split_at_checked(end).unwrap_or((query, &[]));
        let (new, tally) = rewrite_pairs(&plan, Syntax::Form, query, &mut self.head_budget);
        let mut written = true;
        if changes && new != query {
            let before = if new.is_empty() {
                before.strip_suffix(b"?").unwrap_or(before)
            } else {
                before
            };
            let path = [before, &new, fragment].concat();
            let set = host.set_header(HeaderMap::RequestHeaders, ":path", &path);
            written = set.is_ok();
        }
        let fate = (&*plan, changes && written);
        self.found(filter, host, Place::RequestQuery, fate, &tally);
        self.head(changes, tally.blocks, written, true)
    }

    fn redact_cookies(&mut self, filter: &PiiRedactor, host: &dyn Host) -> Head {
        let Some((plan, changes)) = self.plan_of(filter, Place::RequestCookies) else {
            return Head::Redacted;
        };
        let Some(request) = &self.request else {
            return Head::Redacted;
        };
        let Some(cookies) = request
            .header_bytes(host, "cookie")
            .map(|value| value.into_owned())
        else {
            return Head::Redacted;
        };
        let (new, tally) = rewrite_pairs(&plan, Syntax::Cookies, &cookies, &mut self.head_budget);
        let mut written = true;
        if changes && new != cookies {
            let set = if new.trim_ascii().is_empty() {
                hide(host, "cookie")
            } else {
                host.set_header(HeaderMap::RequestHeaders, "cookie", &new)
            };
            written = set.is_ok();
        }
        let fate = (&*plan, changes && written);
        self.found(filter, host, Place::RequestCookies, fate, &tally);
        self.head(changes, tally.blocks, written, true)
    }

    fn redact_headers(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        map: HeaderMap,
        place: Place,
    ) -> Head {
        let Some((plan, changes)) = self.plan_of(filter, place) else {
            return Head::Redacted;
        };
        let rules = self.at(filter, place);
        let named = filter.config.named_headers(&rules);
        let is_trailers = matches!(
            map,
            HeaderMap::RequestTrailers | HeaderMap::ResponseTrailers
        );
        let listed = match host.headers(map) {
            Err(_) if is_trailers => return Head::Redacted,
            listed => listed,
        };
        let is_complete = listed.as_ref().is_ok_and(Headers::is_complete);
        let listed = listed.unwrap_or_default();
        let by_name = named.iter().flatten().filter_map(|name| {
            if is_complete || listed.contains(name) {
                return None;
            }
            let value = host.header(map, name).ok()??;
            Some((Cow::Borrowed(name.as_bytes()), Cow::Owned(value)))
        });
        let by_name: Vec<(Cow<'_, [u8]>, Cow<'_, _>)> = by_name.collect();
        let all = listed
            .iter()
            .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
            .chain(by_name);
        // A response that cannot be refused loses what must not pass.
        let removes_blocked =
            map == HeaderMap::ResponseHeaders && !filter.capabilities.replaces_responses();
        let is_response = place.direction() == Direction::Response && self.has_accounts();
        let mut tally = Tally::default();
        if is_response {
            match self.next_ration(filter, host) {
                Ok(ration) => tally.set_ration(ration),
                Err(reason) => return Head::Rationed(reason),
            }
        }
        plan.set_ration(tally.ration());
        // All values of a name together: a name that is written is written whole.
        let mut changed: BTreeMap<String, Vec<Option<Vec<u8>>>> = BTreeMap::new();
        let mut any: BTreeMap<String, bool> = BTreeMap::new();
        for (name, value) in all {
            let name = policy::text::lossy(&name).to_ascii_lowercase();
            let is_searched = match &named {
                Some(named) => named.contains(&name.as_str()) && !name.starts_with(':'),
                None => headers::is_searched(&name),
            };
            if !is_searched {
                continue;
            }
            if self.head_budget.is_exceeded() {
                break;
            }
            let looks_before = plan.looks();
            let blocked_before = std::mem::take(&mut tally.blocks);
            let mut new = headers::redacted(&plan, &name, &value, &mut tally);
            if tally.blocks && removes_blocked {
                new = None;
                tally.blocks = false;
            }
            tally.blocks |= blocked_before;
            let looks = plan.looks().saturating_sub(looks_before);
            self.head_budget.charge(value.len(), looks);
            let differs = new.as_deref() != Some(&value);
            *any.entry(name.clone()).or_default() |= differs;
            changed.entry(name).or_default().push(new);
        }
        plan.set_ration(None);
        if is_response {
            let disclosed = Disclosed {
                counts: (tally.counts(), changes),
                people: &[],
                names_nobody: false,
                ration: tally.ration().map(|ration| &**ration),
            };
            if let Some(reason) = self.charge(filter, host, &disclosed) {
                report::found(filter, host, place, &plan, (tally.counts(), Fate::Stopped));
                return Head::Rationed(reason);
            }
        }
        let mut written = true;
        for (name, values) in changed
            .iter()
            .filter(|(name, _)| changes && any.get(*name) == Some(&true))
        {
            let mut values = values.iter().flatten();
            let mut set = match values.next() {
                None if map == HeaderMap::RequestHeaders => hide(host, name),
                None => host.remove_header(map, name),
                Some(first) => host.set_header(map, name, first),
            };
            for value in values {
                set = set.and(host.add_header(map, name, value));
            }
            written &= set.is_ok();
        }
        let fate = (&*plan, changes && written);
        self.found(filter, host, place, fate, &tally);
        self.head(changes, tally.blocks, written, is_complete)
    }

    /// How a part of the head was handled, and what searching all parts has cost so far.
    fn head(&self, changes: bool, blocks: bool, is_written: bool, is_complete: bool) -> Head {
        let head = Head::of(blocks && changes, is_written, is_complete);
        if self.head_budget.is_exceeded() {
            return head.max(Head::OverBudget);
        }
        head
    }

    /// The plan for a place, and whether it changes anything.
    fn plan_of(&self, filter: &PiiRedactor, place: Place) -> Option<(Rc<Plan>, bool)> {
        let rules = self.at(filter, place);
        if rules.is_empty() {
            return None;
        }
        let acts = self.acts(filter, &rules, place.direction());
        Some((filter.plan(&rules), acts))
    }
}

/// Pairs with what takes the place of matches. Once they have cost more than they may, the rest stays.
fn rewrite_pairs(
    plan: &Rc<Plan>,
    syntax: Syntax,
    text: &[u8],
    budget: &mut Budget,
) -> (Vec<u8>, Tally) {
    let mut rewriter = PairsRewriter::new(Rc::clone(plan), syntax);
    let (mut out, mut tally) = (Vec::with_capacity(text.len()), Tally::default());
    let mut pieces = text.chunks(PIECE_BYTES);
    let mut before = plan.looks();
    for piece in pieces.by_ref() {
        rewriter.write(piece, &mut out, &mut tally);
        let looks = plan.looks();
        budget.charge(piece.len(), looks.saturating_sub(before));
        before = looks;
        if budget.is_exceeded() {
            break;
        }
    }
    rewriter.finish(&mut out, &mut tally);
    budget.charge(0, plan.looks().saturating_sub(before));
    out.extend(pieces.flatten());
    (out, tally)
}
