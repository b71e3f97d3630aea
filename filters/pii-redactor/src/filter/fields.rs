//! Headers, trailers, cookies and the query.

use std::collections::BTreeMap;
use std::rc::Rc;

use host::{Action, Direction, HeaderMap, Host};

use super::{PiiRedactor, RedactedStream};
use crate::config::Place;
use crate::headers;
use crate::pairs::{PairsRewriter, Syntax};
use crate::plan::Plan;
use crate::tally::Tally;

impl RedactedStream {
    /// The query, the cookies and the headers of the request. Answers an action if it goes no further.
    pub(super) fn redact_request_head(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
    ) -> Option<Action> {
        let mut blocks = self.redact_query(filter, host);
        blocks |= self.redact_cookies(filter, host);
        blocks |= self.redact_headers(
            filter,
            host,
            HeaderMap::RequestHeaders,
            Place::RequestHeaders,
        );
        blocks.then(|| self.block(filter, host, Direction::Request))
    }

    /// The headers of the answer.
    pub(super) fn redact_response_head(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
    ) -> Option<Action> {
        let blocks = self.redact_headers(
            filter,
            host,
            HeaderMap::ResponseHeaders,
            Place::ResponseHeaders,
        );
        blocks.then(|| self.block(filter, host, Direction::Response))
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
        if self.redact_headers(filter, host, map, place) {
            // Hosts that end no streams have no trailers either.
            if filter.capabilities.resets_streams() {
                let _ = host.reset_stream(direction);
            }
            return Some(Action::Pause);
        }
        None
    }

    fn redact_query(&mut self, filter: &PiiRedactor, host: &dyn Host) -> bool {
        let Some((plan, changes)) = self.plan_of(filter, Place::RequestQuery) else {
            return false;
        };
        let Some(path) = self
            .request
            .as_ref()
            .map(|request| request.raw_path().to_vec())
        else {
            return false;
        };
        let Some(question) = memchr::memchr(b'?', &path) else {
            return false;
        };
        let (before, query) = path
            .split_at_checked(question.saturating_add(1))
            .unwrap_or((&path, &[]));
        let end = memchr::memchr(b'#', query).unwrap_or(query.len());
        let (query, fragment) = query.split_at_checked(end).unwrap_or((query, &[]));
        let (new, tally) = rewrite_pairs(&plan, Syntax::Form, query);
        if changes && new != query {
            let before = if new.is_empty() {
                before.strip_suffix(b"?").unwrap_or(before)
            } else {
                before
            };
            let _ = host.set_header(
                HeaderMap::RequestHeaders,
                ":path",
                &[before, &new, fragment].concat(),
            );
        }
        self.found(filter, host, Place::RequestQuery, (&plan, changes), &tally);
        tally.blocks && changes
    }

    fn redact_cookies(&mut self, filter: &PiiRedactor, host: &dyn Host) -> bool {
        let Some((plan, changes)) = self.plan_of(filter, Place::RequestCookies) else {
            return false;
        };
        let Some(request) = &self.request else {
            return false;
        };
        let Some(cookies) = request
            .header_bytes(host, "cookie")
            .map(|value| value.into_owned())
        else {
            return false;
        };
        let (new, tally) = rewrite_pairs(&plan, Syntax::Cookies, &cookies);
        if changes && new != cookies {
            let _ = if new.trim_ascii().is_empty() {
                host.remove_header(HeaderMap::RequestHeaders, "cookie")
            } else {
                host.set_header(HeaderMap::RequestHeaders, "cookie", &new)
            };
        }
        self.found(
            filter,
            host,
            Place::RequestCookies,
            (&plan, changes),
            &tally,
        );
        tally.blocks && changes
    }

    /// Answers whether a finding says that the message goes no further.
    fn redact_headers(
        &mut self,
        filter: &PiiRedactor,
        host: &dyn Host,
        map: HeaderMap,
        place: Place,
    ) -> bool {
        let Some((plan, changes)) = self.plan_of(filter, place) else {
            return false;
        };
        let rules = self.at(filter, place);
        let named = filter.config.named_headers(&rules);
        let Ok(all) = host.headers(map) else {
            return false;
        };
        let mut tally = Tally::default();
        // All values of a name together: a name that is written is written whole.
        let mut changed: BTreeMap<String, Vec<Option<Vec<u8>>>> = BTreeMap::new();
        let mut any: BTreeMap<String, bool> = BTreeMap::new();
        for (name, value) in &all {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let is_searched = match &named {
                Some(named) => named.contains(&name.as_str()) && !name.starts_with(':'),
                None => headers::is_searched(&name),
            };
            if !is_searched {
                continue;
            }
            let new = headers::redacted(&plan, &name, value, &mut tally);
            let differs = new.as_deref() != Some(value);
            *any.entry(name.clone()).or_default() |= differs;
            changed.entry(name).or_default().push(new);
        }
        for (name, values) in changed
            .iter()
            .filter(|(name, _)| changes && any.get(*name) == Some(&true))
        {
            let mut values = values.iter().flatten();
            match values.next() {
                None => {
                    let _ = host.remove_header(map, name);
                }
                Some(first) => {
                    let _ = host.set_header(map, name, first);
                    for value in values {
                        let _ = host.add_header(map, name, value);
                    }
                }
            }
        }
        self.found(filter, host, place, (&plan, changes), &tally);
        tally.blocks && changes
    }

    /// The plan for a place, and whether it changes anything.
    fn plan_of(&self, filter: &PiiRedactor, place: Place) -> Option<(Rc<Plan>, bool)> {
        let rules = self.at(filter, place);
        if rules.is_empty() {
            return None;
        }
        Some((filter.plan(&rules), filter.enforces(&rules)))
    }
}

fn rewrite_pairs(plan: &Rc<Plan>, syntax: Syntax, text: &[u8]) -> (Vec<u8>, Tally) {
    let mut rewriter = PairsRewriter::new(Rc::clone(plan), syntax);
    let (mut out, mut tally) = (Vec::with_capacity(text.len()), Tally::default());
    rewriter.write(text, &mut out, &mut tally);
    rewriter.finish(&mut out, &mut tally);
    (out, tally)
}
