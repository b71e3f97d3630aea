//! What was expected against what was seen.

use std::collections::BTreeMap;

use super::{Expectation, Seen};

impl Expectation {
    /// Everything that is not as expected.
    #[must_use]
    pub fn differences(&self, seen: &Seen) -> Vec<String> {
        let mut differences = Vec::new();
        let mut differ =
            |what: &str, expected: &dyn std::fmt::Debug, found: &dyn std::fmt::Debug| {
                differences.push(format!("{what}: expected {expected:?}, found {found:?}"));
            };
        if let Some(status) = self.status.filter(|status| *status != seen.status) {
            differ("status", &status, &(seen.status, &seen.body));
        }
        if let Some(body) = self.body.as_ref().filter(|body| **body != seen.body) {
            differ("body", body, &seen.body);
        }
        for part in self
            .contains
            .iter()
            .filter(|part| !seen.body.contains(*part))
        {
            differ("a part of the body", part, &seen.body);
        }
        for (what, expected, found) in [
            ("header", &self.headers, Some(&seen.headers)),
            (
                "upstream header",
                &self.upstream_headers,
                seen.upstream.as_ref(),
            ),
        ] {
            for (name, value) in expected {
                let found = found.and_then(|headers| headers.get(name));
                if found != Some(value) {
                    differ(&format!("{what} {name}"), value, &found);
                }
            }
        }
        let nothing = BTreeMap::new();
        for (what, names, headers) in [
            ("header", &self.absent, &seen.headers),
            (
                "upstream header",
                &self.upstream_absent,
                seen.upstream.as_ref().unwrap_or(&nothing),
            ),
        ] {
            for name in names {
                if let Some(found) = headers.get(name) {
                    differ(&format!("{what} {name}"), &"none", found);
                }
            }
        }
        let arrived = seen.upstream.is_some();
        if let Some(expected) = self.upstream.filter(|expected| *expected != arrived) {
            differ("arrival at the upstream", &expected, &arrived);
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_can_differ() {
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let seen = Seen {
            status: 200,
            headers: pair("a", "1"),
            body: "hello".to_owned(),
            upstream: Some(pair("b", "2")),
        };
        let same = Expectation {
            status: Some(200),
            body: Some("hello".to_owned()),
            contains: vec!["ell".to_owned()],
            headers: pair("a", "1"),
            absent: vec!["b".to_owned()],
            upstream: Some(true),
            upstream_headers: pair("b", "2"),
            upstream_absent: vec!["a".to_owned()],
        };
        assert_eq!(same.differences(&seen), Vec::<String>::new());
        let other = Expectation {
            status: Some(201),
            body: Some("hell".to_owned()),
            contains: vec!["x".to_owned()],
            headers: pair("a", "2"),
            absent: vec!["a".to_owned()],
            upstream: Some(false),
            upstream_headers: pair("c", "2"),
            upstream_absent: vec!["b".to_owned()],
        };
        assert_eq!(other.differences(&seen).len(), 8);
    }
}
