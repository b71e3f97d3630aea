use std::fmt::Write as _;
use std::rc::Rc;

use super::*;
use crate::fixtures::plan_of;
use crate::inflate::InflateLimits;
use crate::media::Media;
use crate::pipeline::{BodyPipeline, Coding};
use crate::plan::Plan;
use crate::worst_cases::{beginnings, repeated};

const MEBIBYTE: usize = 1 << 20;

fn all_presets() -> Rc<Plan> {
    plan_of(r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"],"nested_json":true}"#)
}

/// The pipeline behind a body, and what left.
fn through(plan: &Rc<Plan>, content_type: &str, body: &str) -> (BodyPipeline, Vec<u8>) {
    let framing = Media::of(content_type).framing.unwrap();
    let limits = InflateLimits::default();
    let mut pipeline = BodyPipeline::new(Rc::clone(plan), &framing, Coding::Identity, limits);
    let mut out = Vec::new();
    pipeline.write(body.as_bytes(), &mut out).unwrap();
    pipeline.finish(&mut out).unwrap();
    (pipeline, out)
}

fn lines(bytes: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        let _ = writeln!(text, "{}", line(number));
    }
    text
}

#[test]
fn ordinary_bodies_stay_below_half_of_the_budget() {
    let plan = all_presets();
    let orders = lines(MEBIBYTE, |n| {
        format!(
            r#"{{"id":{n},"uuid":"1519b9ab-a034-4fb7-a3aa-{n:012x}","created_at":"2026-04-16T08:04:48Z","total":{}.{:02},"note":"Delivered on day {} by van 12","customer":{{"name":"Ada","email":"ada.{n}@example.com","phone":"+49 30 901820"}},"items":[{{"sku":"ABC-{:05}-XY","quantity":{}}}]}}"#,
            n * 13,
            n % 100,
            n % 9,
            n % 99_999,
            n % 9
        )
    });
    let prose = lines(MEBIBYTE, |n| {
        format!(
            "In the spring of {} the committee met {n} times; its members, among them the mayor, \
             discussed roads & bridges – and 3 of 4 proposals were turned down.",
            1900 + n % 100
        )
    });
    let numbers = lines(MEBIBYTE, |n| {
        format!(
            "{n},{}.{},{},{},{}",
            n * 7919 % 1000,
            n % 100,
            n * 31 % 97,
            n % 7,
            n * 104_729 % 100_000
        )
    });
    let digits = lines(MEBIBYTE / 4, |n| {
        format!("{},{},{},{}", n % 7, n % 3, n % 10, n % 2)
    });
    let drawing = lines(MEBIBYTE / 4, |n| {
        format!(
            r#"<path d="M{}.5 10L20 20.1C1 2,3 4,5.5 {}.7z"/>"#,
            n % 100,
            n % 50
        )
    });
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api_shapes");
    let mut shapes = String::from("[");
    for file in std::fs::read_dir(folder).unwrap() {
        shapes.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
        shapes.push(',');
    }
    shapes.push_str("1]");
    for (content_type, body) in [
        ("application/x-ndjson", &orders),
        ("text/plain", &orders),
        ("text/plain", &prose),
        ("text/csv", &numbers),
        ("text/plain", &numbers),
        ("text/csv", &digits),
        ("image/svg+xml", &drawing),
        ("application/json", &shapes),
    ] {
        let (pipeline, _) = through(&plan, content_type, body);
        let budget = pipeline.budget();
        let begins = body.get(..60).unwrap();
        assert_eq!(budget.bytes, body.len() as u64);
        // Without what is free for every body.
        assert!(
            budget.looks <= budget.bytes * LOOKS_PER_BYTE / 2,
            "{} looks at {} bytes of {content_type}: {begins}",
            budget.looks,
            budget.bytes
        );
    }
}

#[test]
fn the_worst_of_generated_bodies_is_not_searched_to_its_end() {
    let plan = all_presets();
    let body = |unit: &str, bytes| {
        let text = repeated(unit, bytes).replace('"', "\\\"");
        format!(r#"{{"phone":"{text}"}}"#)
    };
    let looks = |unit: &String| {
        let body = body(unit, 4_500);
        let before = plan.looks();
        through(&plan, "application/json", &body);
        (plan.looks() - before) * 1_000 / body.len() as u64
    };
    let worst = beginnings().into_iter().max_by_key(looks).unwrap();
    let body = body(&worst, MEBIBYTE);
    let before = plan.looks();
    let (pipeline, out) = through(&plan, "application/json", &body);
    assert!(pipeline.is_over_budget(), "{worst:?}");
    assert!(pipeline.malformed().is_none());
    // Not a look more than the piece in which it was noticed.
    let budget = pipeline.budget();
    assert!(budget.bytes < body.len() as u64);
    assert!(plan.looks() - before <= budget.allowed() + 8 * PIECE_BYTES as u64);
    // The rest leaves as it came: what becomes of it, the policy says.
    let mut place = budget.bytes as usize;
    while !body.is_char_boundary(place) {
        place += 1;
    }
    let rest = body.get(place..).unwrap();
    assert!(out.ends_with(rest.as_bytes()));
}

#[test]
fn small_bodies_are_searched_whatever_is_in_them() {
    let plan = all_presets();
    for unit in beginnings() {
        let body = repeated(&unit, 4_500);
        let (pipeline, _) = through(&plan, "text/plain", &body);
        assert!(!pipeline.is_over_budget(), "{unit:?}");
    }
}

#[test]
fn every_place_is_on_the_account() {
    let per_byte = |rules: &str, content_type: &str, body: &str| {
        let plan = plan_of(rules);
        let (pipeline, _) = through(&plan, content_type, body);
        pipeline.budget().looks * 1_000 / body.len() as u64
    };
    let all = r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#;
    // The last window of a text that has no lines, and of one that is one line.
    assert!(per_byte(all, "text/plain", &"9 ".repeat(1_000)) > 100);
    // Numbers of a document.
    let numbers = format!("[{}]", "12345678,".repeat(1_000));
    assert!(per_byte(all, "application/json", &numbers) > 100);
    // Matches of patterns.
    for pattern in ["[a-z]", "[a-z]|b"] {
        let rules = format!(
            r#"{{"detectors":[{{"name":"X","regex":"{pattern}"}}],"rules":[{{"detect":["X"]}}]}}"#
        );
        assert!(
            per_byte(&rules, "text/plain", &"a-".repeat(3_000)) > 1_000,
            "{pattern}"
        );
    }
}
