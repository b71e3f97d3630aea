//! What was expected against what was seen.

use std::collections::BTreeMap;

use audit::record::Record;
use serde_json::Value;

use super::{Expectation, Seen};

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key of the expectation.
    pub key: &'static str,
    /// What was expected, and what was found.
    pub message: String,
}

impl Expectation {
    /// Everything that is not as expected.
    #[must_use]
    pub fn differences(&self, seen: &Seen) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut differ = |key: &'static str,
                          what: &str,
                          expected: &dyn std::fmt::Debug,
                          found: &dyn std::fmt::Debug| {
            let message = format!("{what}: expected {expected:?}, found {found:?}");
            differences.push(Difference { key, message });
        };
        if let Some(status) = self.status.filter(|status| *status != seen.status) {
            let found = format!("{} with the body {}", seen.status, seen.body);
            differ("status", "status", &status, &format_args!("{found}"));
        }
        for (key, what, expected, found) in [
            ("body", "body", &self.body, &seen.body),
            (
                "upstream_body",
                "upstream body",
                &self.upstream_body,
                &seen.upstream_body,
            ),
        ] {
            if let Some(expected) = expected.as_ref().filter(|expected| *expected != found) {
                differ(key, what, expected, found);
            }
        }
        for (key, what, parts, text, due) in [
            (
                "contains",
                "a part of the body",
                &self.contains,
                &seen.body,
                true,
            ),
            (
                "lacks",
                "absent from the body",
                &self.lacks,
                &seen.body,
                false,
            ),
            (
                "upstream_contains",
                "a part of the upstream body",
                &self.upstream_contains,
                &seen.upstream_body,
                true,
            ),
            (
                "upstream_lacks",
                "absent from the upstream body",
                &self.upstream_lacks,
                &seen.upstream_body,
                false,
            ),
            ("logs", "a part of the log", &self.logs, &seen.log, true),
            (
                "logs_lack",
                "absent from the log",
                &self.logs_lack,
                &seen.log,
                false,
            ),
        ] {
            for part in parts.iter().filter(|part| text.contains(*part) != due) {
                differ(key, what, part, text);
            }
        }
        if let Some(metrics) = seen.metrics.as_ref() {
            for (name, rise) in &self.metrics {
                let found = metrics.get(name);
                if found != Some(rise) {
                    differ("metrics", &format!("rise of {name}"), rise, &found);
                }
            }
        }
        let nothing = BTreeMap::new();
        let upstream = seen.upstream.as_ref().unwrap_or(&nothing);
        for (key, what, expected, found) in [
            ("headers", "header", &self.headers, &seen.headers),
            (
                "upstream_headers",
                "upstream header",
                &self.upstream_headers,
                upstream,
            ),
        ] {
            for (name, value) in expected {
                let found = field(found, name);
                if found != Some(value) {
                    differ(key, &format!("{what} {name}"), value, &found);
                }
            }
        }
        for (key, what, names, headers) in [
            ("absent", "header", &self.absent, &seen.headers),
            (
                "upstream_absent",
                "upstream header",
                &self.upstream_absent,
                upstream,
            ),
        ] {
            for name in names {
                if let Some(found) = field(headers, name) {
                    differ(key, &format!("{what} {name}"), &"none", found);
                }
            }
        }
        let arrived = seen.upstream.is_some();
        if let Some(expected) = self.upstream.filter(|expected| *expected != arrived) {
            differ("upstream", "arrival at the upstream", &expected, &arrived);
        }
        if let Some(expected) = &self.records {
            let different = record_differences(expected, &seen.records).into_iter();
            differences.extend(different.map(|message| Difference {
                key: "records",
                message,
            }));
        }
        differences
    }
}

/// The value of a header; names of fields have no case (RFC 9110 5.1), and people write them in either.
fn field<'h>(headers: &'h BTreeMap<String, String>, name: &str) -> Option<&'h String> {
    let mut headers = headers.iter();
    let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// Compares the records of requests with what is expected of each, in order.
fn record_differences(expected: &[BTreeMap<String, toml::Value>], texts: &[String]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut found = Vec::new();
    for text in texts {
        match Record::check_text(text) {
            Ok(record) if record.control.is_some() => {}
            Ok(_) => found.push(serde_json::from_str::<Value>(text).unwrap_or_default()),
            Err(fault) => differences.push(format!("a record is wrong: {fault}: {text}")),
        }
    }
    if found.len() != expected.len() {
        let (due, came) = (expected.len(), found.len());
        let urls: Vec<_> = found
            .iter()
            .map(|record| at(record, "http_request"))
            .collect();
        differences.push(format!("records: expected {due}, found {came}: {urls:?}"));
    }
    for (number, (expected, found)) in expected.iter().zip(&found).enumerate() {
        for (path, value) in expected {
            if path == "-" {
                let paths = value.as_array().map_or(&[][..], Vec::as_slice);
                for path in paths.iter().filter_map(toml::Value::as_str) {
                    if let Some(present) = at(found, path) {
                        differences.push(format!(
                            "record {number}, {path}: expected none, found {present}"
                        ));
                    }
                }
                continue;
            }
            let due = serde_json::to_value(value).unwrap_or_default();
            let present = at(found, path);
            if present != Some(&due) {
                differences.push(format!(
                    "record {number}, {path}: expected {due}, found {present:?}"
                ));
            }
        }
    }
    differences
}

/// The value at a dotted path; numbers are places in arrays.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => value.get(step),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As people write them: `X-User-Id` is there, however the proxy spells it.
    #[test]
    fn names_of_headers_have_no_case() {
        let headers = BTreeMap::from([("x-user-id".to_owned(), "7".to_owned())]);
        for name in ["x-user-id", "X-User-Id"] {
            assert_eq!(field(&headers, name).map(String::as_str), Some("7"));
        }
        assert_eq!(field(&headers, "X-User"), None);
    }

    #[test]
    fn every_part_can_differ() {
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let seen = Seen {
            status: 200,
            headers: pair("a", "1"),
            body: "hello".to_owned(),
            upstream: Some(pair("b", "2")),
            upstream_body: "up".to_owned(),
            log: "a line".to_owned(),
            metrics: Some(BTreeMap::from([("m".to_owned(), 1)])),
            records: Vec::new(),
        };
        let metric = |rise: i64| BTreeMap::from([("m".to_owned(), rise)]);
        let text = |text: &str| vec![text.to_owned()];
        let same = Expectation {
            status: Some(200),
            body: Some("hello".to_owned()),
            contains: vec!["ell".to_owned()],
            headers: pair("a", "1"),
            absent: vec!["b".to_owned()],
            upstream: Some(true),
            upstream_headers: pair("b", "2"),
            upstream_absent: text("a"),
            lacks: text("x"),
            upstream_body: Some("up".to_owned()),
            upstream_contains: text("u"),
            upstream_lacks: text("x"),
            logs: text("line"),
            logs_lack: text("x"),
            metrics: metric(1),
            records: Some(Vec::new()),
        };
        assert_eq!(same.differences(&seen), []);
        let other = Expectation {
            status: Some(201),
            body: Some("hell".to_owned()),
            contains: vec!["x".to_owned()],
            headers: pair("a", "2"),
            absent: vec!["a".to_owned()],
            upstream: Some(false),
            upstream_headers: pair("c", "2"),
            upstream_absent: text("b"),
            lacks: text("h"),
            upstream_body: Some("x".to_owned()),
            upstream_contains: text("x"),
            upstream_lacks: text("u"),
            logs: text("x"),
            logs_lack: text("line"),
            metrics: metric(2),
            records: Some(vec![BTreeMap::new()]),
        };
        let differences = other.differences(&seen);
        assert_eq!(differences.len(), 16);
        let keys: std::collections::BTreeSet<&str> = differences
            .iter()
            .map(|difference| difference.key)
            .collect();
        assert_eq!(keys.len(), 16, "{keys:?}");
    }
}
