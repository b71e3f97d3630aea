//! What the fuzz targets call, and the tests with random bytes: each takes bytes and panics if an
//! invariant does not hold. The first byte chooses how the rest is cut.

#![allow(clippy::panic, reason = "a target fails by panicking")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use policy::config::Configuration as _;

use crate::config::Config;
use crate::inflate::{InflateLimits, Inflater};
use crate::media::{CsvFormat, Framing};
use crate::pipeline::{BodyPipeline, Coding};
use crate::plan::Plan;

/// Kinds of every form, members of every sort.
const RULES: &str = r#"{
    "presets": ["pci", "gdpr", "secrets"],
    "rules": [{
        "fields": [
            { "path": "$..a[1:3]", "action": "remove" },
            { "name": "b", "action": { "mask": {} } },
            { "words": "c", "action": "null" }
        ]
    }]
}"#;
/// No rule about members: what stands before a value need not be held.
const VALUES: &str =
    r#"{"presets":["hipaa","ccpa","secrets"],"actions":{"default":{"mask":{"keep_last":2}}}}"#;
/// Rules that most members are not touched by, so that they are read in the loop.
const NAMES: &str = r#"{
    "rules": [{
        "detect": ["EMAIL", "CREDIT_CARD", "PHONE", "IP_ADDRESS"],
        "fields": [
            { "path": "$.a[*].b", "action": "remove" },
            { "name": "c", "action": "remove" }
        ]
    }]
}"#;
/// Documents in strings are read too, and names of members searched.
const NESTED: &str = r#"{
    "nested_json": true,
    "search_names": true,
    "presets": ["pci"],
    "rules": [{
        "detect": ["EMAIL", "PHONE", "US_SSN"],
        "fields": [{ "path": "$.a[1]", "action": "remove" }, { "name": "c", "action": "remove" }]
    }]
}"#;
/// Names are searched, and no member goes.
const SEARCHED: &str = r#"{"search_names":true,"presets":["gdpr","pci","secrets"]}"#;
const NOTHING: &str = r#"{"rules":[{"fields":[{"path":"$.never.there","action":"remove"}]}]}"#;

/// Runs the JSON rewriter.
pub fn json(data: &[u8]) {
    body(data, &Framing::Json);
}

/// No body takes more than so many steps for each byte. The bytes are repeated, as whoever attacks would:
/// what a fuzzer finds is a short unit.
#[cfg(feature = "steps")]
pub fn cost(data: &[u8]) {
    const MOST_FOR_EACH_BYTE: u64 = 48;
    let rest = data.get(1..).unwrap_or_default();
    if rest.is_empty() {
        return;
    }
    let times = 6_000_usize.div_ceil(rest.len());
    let body = [b"{\"a\":\"", rest.repeat(times).as_slice(), b"\"}"].concat();
    for rules in [RULES, VALUES, SEARCHED] {
        let plan = known_plan(rules);
        for framing in [&Framing::Json, &Framing::Text] {
            crate::steps::take();
            let _ = run(&plan, framing, std::iter::once(body.as_slice()));
            let steps = crate::steps::take();
            let most = u64::try_from(body.len())
                .unwrap_or(0)
                .saturating_mul(MOST_FOR_EACH_BYTE);
            assert!(steps <= most, "{steps} steps for {} bytes", body.len());
        }
    }
}

/// Runs the rewriter of server-sent events.
pub fn events(data: &[u8]) {
    body(data, &Framing::Events);
}

/// Runs the rewriter of multipart bodies.
pub fn multipart(data: &[u8]) {
    body(data, &Framing::Multipart(b"b".to_vec()));
}

/// Runs the rewriter of forms.
pub fn form(data: &[u8]) {
    body(data, &Framing::Form);
}

/// Runs the rewriter of separated values.
pub fn csv(data: &[u8]) {
    body(data, &Framing::Csv(CsvFormat::default()));
}

/// Runs the rewriter of JSON documents on lines.
pub fn json_lines(data: &[u8]) {
    body(data, &Framing::JsonLines);
}

/// Runs the rewriter of text with character references.
pub fn markup(data: &[u8]) {
    body(data, &Framing::Markup);
}

/// Bodies of a type that says nothing.
pub fn unknown(data: &[u8]) {
    body(data, &Framing::Unknown);
}

/// Runs the decoder of gzip and deflate.
pub fn inflate(data: &[u8]) {
    let limits = InflateLimits {
        max_bytes: 1 << 20,
        max_ratio: 100,
    };
    for is_gzip in [true, false] {
        let mut decoder = Inflater::new(is_gzip, limits);
        let mut written = 0_usize;
        for chunk in chunks(data) {
            if decoder
                .write(chunk, &mut |out| {
                    written = written.saturating_add(out.len());
                })
                .is_err()
            {
                break;
            }
        }
        assert!(written <= 1 << 20, "{written} bytes");
        let _ = decoder.finish();
    }
}

/// The configuration, and what it does with a document.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(config) = Config::parse(&text) {
        let plan = plan_of(&config);
        let _ = run(
            &plan,
            &Framing::Json,
            std::iter::once(&br#"{"a":["jane@example.com",1]}"#[..]),
        );
    }
}

/// However a body is cut, the same leaves; without a match, every byte does; what is held is bounded.
fn body(data: &[u8], framing: &Framing) {
    let rest = data.get(1..).unwrap_or_default();
    for rules in [RULES, VALUES, NAMES, NESTED, SEARCHED, NOTHING] {
        let plan = known_plan(rules);
        let whole = run(&plan, framing, std::iter::once(rest));
        assert_eq!(run(&plan, framing, chunks(data)), whole, "cut");
        if rules == NOTHING {
            assert_eq!(whole, rest, "without a match");
        }
    }
}

thread_local! {
    static PLANS: RefCell<HashMap<&'static str, Rc<Plan>>> = RefCell::default();
}

/// The plan of a configuration; making one takes longer than most inputs.
fn known_plan(rules: &'static str) -> Rc<Plan> {
    PLANS.with_borrow_mut(|plans| {
        let plan = plans
            .entry(rules)
            .or_insert_with(|| match Config::parse(rules) {
                Ok(config) => plan_of(&config),
                Err(problems) => panic!("{problems}"),
            });
        Rc::clone(plan)
    })
}

fn plan_of(config: &Config) -> Rc<Plan> {
    let all: Vec<usize> = (0..config.rules.len()).collect();
    Rc::new(config.plan(&all))
}

fn run<'c>(plan: &Rc<Plan>, framing: &Framing, chunks: impl Iterator<Item = &'c [u8]>) -> Vec<u8> {
    let mut pipeline = BodyPipeline::new(
        Rc::clone(plan),
        framing,
        Coding::Identity,
        InflateLimits::default(),
    );
    let mut out = Vec::new();
    for chunk in chunks {
        let _ = pipeline.write(chunk, &mut out);
        let most = if plan.nests_json() { 110_000 } else { 40_000 };
        assert!(pipeline.held() < most, "holds {}", pipeline.held());
    }
    let _ = pipeline.finish(&mut out);
    out
}

/// The bytes behind the first, in pieces of the size that it says.
fn chunks(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = data.first().map_or(1, |byte| usize::from(*byte % 61));
    data.get(1..).unwrap_or_default().chunks(size.max(1))
}
