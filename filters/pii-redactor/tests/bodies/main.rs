//! Whole bodies of every framing through the pipeline, cut in every way.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod any_bytes;
mod compressed;
mod media;
mod parts;
mod texts;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write as _;
use std::rc::Rc;

use pii_redactor::config::Config;
use pii_redactor::inflate::{InflateError, InflateLimits};
use pii_redactor::media::{Framing, Media};
use pii_redactor::pipeline::{BodyPipeline, Coding};
use pii_redactor::plan::Plan;
use policy::config::Configuration as _;
use proptest::prelude::*;

const RULES: &str = r#"{
    "rules": [{
        "name": "all",
        "detect": ["EMAIL", "CREDIT_CARD", "US_SSN", "PHONE", "PERSON_NAME", "CARD_CVV", "PRIVATE_KEY"],
        "fields": [
            { "name": "secret", "action": "remove" },
            { "name": "fixed", "action": { "replace": "a b" } },
            { "name": "ref", "action": { "mask": { "keep_last": 2 } } }
        ]
    }],
    "actions": { "CREDIT_CARD": { "mask": { "keep_last": 4 } } }
}"#;

thread_local! {
    static PLANS: RefCell<HashMap<String, Rc<Plan>>> = RefCell::default();
}

/// The plan of all rules; making one takes longer than most cases.
fn plan(configuration: &str) -> Rc<Plan> {
    let make = || {
        let config = Config::parse(configuration).unwrap_or_else(|problems| panic!("{problems}"));
        let all: Vec<usize> = (0..config.rules.len()).collect();
        Rc::new(config.plan(&all))
    };
    PLANS.with_borrow_mut(|plans| {
        let plan = plans.entry(configuration.to_owned()).or_insert_with(make);
        Rc::clone(plan)
    })
}

fn run<'c>(
    plan: &Rc<Plan>,
    content_type: &str,
    chunks: impl Iterator<Item = &'c [u8]>,
) -> (Vec<u8>, BodyPipeline) {
    let media = Media::of(content_type);
    let mut pipeline = BodyPipeline::with_charset(
        Rc::clone(plan),
        &media.framing.expect("a framing"),
        media.charset,
        Coding::Identity,
        InflateLimits::default(),
    );
    let mut out = Vec::new();
    for chunk in chunks {
        pipeline.write(chunk, &mut out).unwrap();
        assert!(pipeline.held() < 32_000, "holds {}", pipeline.held());
    }
    pipeline.finish(&mut out).unwrap();
    (out, pipeline)
}

fn check_with(rules: &str, content_type: &str, input: &str, expected: &str) {
    let plan = plan(rules);
    let input = input.as_bytes();
    let text = |out: Vec<u8>| String::from_utf8_lossy(&out).into_owned();
    assert_eq!(
        text(run(&plan, content_type, std::iter::once(input)).0),
        expected,
        "whole"
    );
    assert_eq!(
        text(run(&plan, content_type, input.chunks(1)).0),
        expected,
        "byte by byte"
    );
    for cut in 0..=input.len() {
        let (left, right) = input.split_at(cut);
        assert_eq!(
            text(run(&plan, content_type, [left, right].into_iter()).0),
            expected,
            "cut at {cut}"
        );
    }
}

fn check(content_type: &str, input: &str, expected: &str) {
    check_with(RULES, content_type, input, expected);
}

const FORM: &str = "application/x-www-form-urlencoded";

const MULTIPART: &str = "multipart/form-data; boundary=\"b-1\"";
