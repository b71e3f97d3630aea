//! No input costs more than a small multiple of ordinary input: steps for each byte, counted on the worst
//! texts that each detector, each word and each prefix can be given.

use std::fmt::Write as _;
use std::rc::Rc;

use super::{DETECTORS, Form};
use crate::config::Config;
use crate::inflate::InflateLimits;
use crate::pipeline::{BodyPipeline, Coding, Framing};
use crate::plan::Plan;
use crate::steps;

/// The most steps for each byte, as a multiple of what ordinary documents take.
const MOST: f64 = 8.0;
/// More than a window of the scanner.
const TEXT_BYTES: usize = 4_500;

fn plan(rules: &str) -> Rc<Plan> {
    let config = Config::parse(rules).unwrap_or_else(|problems| panic!("{problems}"));
    let all: Vec<usize> = (0..config.rules.len()).collect();
    Rc::new(config.plan(&all))
}

fn all_presets() -> Rc<Plan> {
    plan(r#"{"presets":["gdpr","ccpa","hipaa","pci","secrets"]}"#)
}

fn all_kinds() -> Rc<Plan> {
    let names: Vec<String> = DETECTORS
        .iter()
        .map(|detector| format!("{:?}", detector.name))
        .collect();
    plan(&format!(
        r#"{{"rules":[{{"detect":[{}]}}]}}"#,
        names.join(",")
    ))
}

/// Steps for each byte of a body.
fn cost(plan: &Rc<Plan>, framing: &Framing, body: &[u8]) -> f64 {
    let mut pipeline = BodyPipeline::new(
        Rc::clone(plan),
        framing,
        Coding::Identity,
        InflateLimits::default(),
    );
    let mut out = Vec::new();
    steps::take();
    pipeline.write(body, &mut out).unwrap();
    pipeline.finish(&mut out).unwrap();
    steps::take() as f64 / body.len() as f64
}

/// Orders, articles and log lines, with some personal data.
fn ordinary() -> String {
    let mut text = String::new();
    for number in 0..200 {
        let _ = writeln!(
            text,
            r#"{{"id":{},"uuid":"1519b9ab-a034-4fb7-a3aa-{number:012x}","status":"shipped","created_at":"2026-04-{:02}T08:{:02}:48Z","total":{}.{:02},"note":"Delivered to the back door on day {} by van 12","customer":{{"name":"Ada","email":"ada.{number}@example.com","phone":"+49 30 9018{number:02}"}},"items":[{{"sku":"ABC-{:05}-XY","title":"blue summer bundle","quantity":{}}}]}}"#,
            number * 7919,
            number % 28 + 1,
            number % 60,
            number * 13,
            number % 100,
            number % 9,
            number * 31,
            number % 9 + 1,
        );
        let _ = writeln!(
            text,
            r#"{{"ts":"2026-04-16T08:04:48.123Z","level":"info","msg":"GET /orders/{} took {} ms, 200, 10.0.0.{} via 8080; retry 2 of 5"}}"#,
            number * 104_729,
            number * 3,
            number
        );
    }
    text
}

/// What is repeated. Most are the beginnings of something, again and again.
fn beginnings() -> Vec<String> {
    let mut units: Vec<String> = [
        "1 ",
        "12 ",
        "123 ",
        "1234 ",
        "9 9 9 ",
        "1-",
        "1.",
        "1/",
        "1:",
        "1,",
        "1\t",
        "(1",
        "(1) ",
        "+1 ",
        "+1",
        "+1 (",
        "+12 ",
        "+49 1 ",
        "+999 ",
        "4111 ",
        "4111-",
        "4111.",
        "4111/",
        "411 ",
        "4111 1",
        "41111111 ",
        "4111111111111111 ",
        "4111111111111112 ",
        "411111111111 ",
        "5555 5555-",
        "123-45-6789 ",
        "123-45-",
        "123-",
        "1-212-",
        "212-555-0147 ",
        "1.1.1.1 ",
        "1.1.",
        "::",
        ":",
        "1:1:1:",
        "a:",
        "a1:",
        "fe::",
        "11:11:",
        "aa:",
        "a1-",
        "a1b2.",
        "a1b2.c3d4.",
        "00-1b-",
        "DE1 ",
        "DE11 ",
        "DE11",
        "DE12 3456 ",
        "GB82 WEST ",
        "IT10 ",
        "@",
        "a@",
        "a@a@",
        "a@a.",
        "a@b.c",
        "a@b.co ",
        "a@b.com",
        "a.a@a.a",
        "ab@cd.ef-",
        "é@é.",
        "é1 ",
        "%",
        "%4",
        "%40",
        "%25",
        "%2540",
        "&",
        "&#",
        "&#6",
        "&#64;",
        "&amp;",
        "&nbsp;1",
        "\u{a0}1",
        "\u{2009}",
        "\u{2013}1",
        "\u{ff11}",
        "\u{ff20}",
        "ﾃ1",
        "://a:b@",
        "a:b@",
        "http://a:1@",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\n",
        "-----BEGIN PRIVATE KEY-----MIIB ",
        "-----END ",
        "-",
        "--",
        "- ",
        "eyJ",
        "-eyJ",
        " eyJ",
        "-eyJ.",
        "-eyJhbGciOiJI",
        "eyJhbGciOiJIUzI1NiJ9.",
        "Basic ",
        "Basic a",
        "Basic YTpi ",
        "Bearer ",
        "a1 ",
        "a1",
        "1a",
        "1a ",
        "A1 ",
        "AB 12 ",
        "A-1 ",
        "A 1 A ",
        "A-A 1 ",
        "AB-AB 1234 ",
        "B4111111111111111^",
        "%B4111111111111111^A^",
        ";4111111111111111=",
        "4111111111111111=",
        "4111111111111111D",
        "0x1",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa ",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD ",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq ",
        "phone 1 ",
        "phone ",
        "phone",
        "Phone1",
        "tel 12 ",
        "call 12345 ",
        "call 1234567 ms ",
        "id 1 ",
        "tax id 123456789 ",
        "A_1 ",
        "A_",
        "AbAb",
        "ABAB ",
        "aB1",
        "[A",
        "[A]",
        "[EMAIL] 1 ",
        "EMAIL_a 1 ",
        "password=",
        "password: 1",
        "password: a1 ",
        "pwd=1;",
        "a=1;",
        "a:1 ",
        "\"a\":",
        "a=",
        "cvv: 1 ",
        "M10 10L20 20Z",
        "m 1.5,2.25 c 0,0 1.1,3.3 -4,4 ",
        "0.1 ",
        "0,1 ",
        "1,234,567 ",
        "1e5 ",
        "#1",
        "#1 ",
        "01.02.1970 ",
        "2026-04-16T08:04:48Z ",
        "2026-04-16T",
        "1519b9ab-a034-4fb7-a3aa-00007b855d9a ",
        "1519b9ab-",
        "a_1-b.2 ",
        "ssn ssn 1 ",
        "card 4111 ",
        "hooks.slack.com/",
        "/hooks.slack.com/services/",
        "\u{3a9}1 ",
        "日1",
        "日本 ",
        "ß",
        "İ1",
        "x",
        " ",
        "\\u0031",
        "\\n1",
        "\\\\",
    ]
    .map(str::to_owned)
    .into();
    for prefix in [
        "AKIA",
        "AIza",
        "GOCSPX-",
        "ghp_",
        "github_pat_",
        "glpat-",
        "gldt-",
        "xoxb-",
        "xapp-",
        "sk_live_",
        "shpat_",
        "sk-ant-",
        "sk-",
        "rk_live_",
        "whsec_",
        "npm_",
        "pypi-",
        "SG.",
        "hf_",
        "dop_v1_",
        "dp.pt.",
        "lin_api_",
    ] {
        units.extend([
            prefix.to_owned(),
            format!("{prefix}1"),
            format!("{prefix}1 "),
            format!("-{prefix}a"),
        ]);
    }
    units
}

/// Every detector, every word that announces it, and its examples and counterexamples.
fn of_detectors() -> Vec<String> {
    let mut units = Vec::new();
    for detector in &DETECTORS {
        for text in detector.examples.iter().chain(detector.counterexamples) {
            for sign in ["", " ", ",", "-"] {
                units.push(format!("{text}{sign}"));
            }
            // All but the last byte: what fails late.
            let cut = text.char_indices().last().map_or(0, |(place, _)| place);
            units.push(text[..cut].to_owned());
            units.push(format!("{} ", &text[..cut]));
            if let Some(word) = detector.words.first() {
                units.push(format!("{word} {text} "));
            }
        }
        for word in detector.words {
            units.push(format!("{word} 1 "));
            units.push(format!("{word}:1 "));
        }
    }
    units.retain(|unit| !unit.is_empty());
    units.sort_unstable();
    units.dedup();
    units
}

fn repeated(unit: &str, bytes: usize) -> String {
    unit.repeat(bytes / unit.len() + 1)
}

fn in_string(name: &str, text: &str) -> Vec<u8> {
    format!("{{\"{name}\":\"{}\"}}", text.replace('"', "\\\"")).into_bytes()
}

/// Collects what costs most.
struct Worst {
    rows: Vec<(f64, String)>,
}

impl Worst {
    fn add(&mut self, steps: f64, what: impl Fn() -> String) {
        if self.rows.len() < 20 || self.rows.last().is_some_and(|row| steps > row.0) {
            self.rows.push((steps, what()));
            self.rows.sort_by(|left, right| right.0.total_cmp(&left.0));
            self.rows.truncate(20);
        }
    }

    fn check(&self, most: f64) {
        let list: Vec<String> = self
            .rows
            .iter()
            .map(|(steps, what)| format!("{steps:7.1}  {what}"))
            .collect();
        let worst = self.rows.first().map_or(0.0, |row| row.0);
        assert!(
            worst <= most,
            "more than {most:.1} steps for each byte:\n{}",
            list.join("\n")
        );
    }
}

fn bound(plan: &Rc<Plan>) -> f64 {
    MOST * cost(plan, &Framing::Json, ordinary().as_bytes())
}

#[test]
fn repeated_beginnings_cost_no_more_than_a_multiple_of_ordinary_text() {
    for plan in [all_presets(), all_kinds()] {
        let mut worst = Worst { rows: Vec::new() };
        for unit in beginnings() {
            let text = repeated(&unit, TEXT_BYTES);
            let steps = cost(&plan, &Framing::Json, &in_string("x", &text));
            worst.add(steps, || format!("{unit:?} in a string"));
            let steps = cost(&plan, &Framing::Text, text.as_bytes());
            worst.add(steps, || format!("{unit:?} in a text"));
        }
        worst.check(bound(&plan));
    }
}

#[test]
fn what_detectors_look_for_costs_no_more_either() {
    let plan = all_kinds();
    let mut worst = Worst { rows: Vec::new() };
    for unit in of_detectors() {
        let text = repeated(&unit, 800);
        let steps = cost(&plan, &Framing::Json, &in_string("x", &text));
        worst.add(steps, || format!("{unit:?} in a string"));
    }
    worst.check(bound(&plan));
}

#[test]
fn announced_members_cost_no_more_either() {
    let plan = all_kinds();
    let mut worst = Worst { rows: Vec::new() };
    for detector in &DETECTORS {
        let by_name = matches!(detector.form, Form::Named | Form::NamedIf(_));
        for name in detector.words.iter().take(if by_name { 1 } else { 2 }) {
            for unit in [
                "1 ",
                "12 ",
                "1234 ",
                "12-",
                "1.",
                "123456789 ",
                "1234567890 ",
                "a1 ",
                "AB12 ",
                "A ",
                "AB-",
                "+1 ",
                "4111 ",
            ] {
                let text = repeated(unit, 1000);
                let steps = cost(&plan, &Framing::Json, &in_string(name, &text));
                worst.add(steps, || format!("{unit:?} in {name:?}"));
            }
            for example in detector.examples {
                let text = repeated(&format!("{example} "), 600);
                let steps = cost(&plan, &Framing::Json, &in_string(name, &text));
                worst.add(steps, || format!("{example:?} in {name:?}"));
            }
        }
    }
    worst.check(bound(&plan));
}

#[test]
fn many_short_strings_and_forms_cost_no_more_either() {
    let plan = all_presets();
    let mut worst = Worst { rows: Vec::new() };
    for unit in beginnings() {
        let escaped = unit.replace('"', "\\\"");
        let list = format!("[{}1]", format!("\"{escaped}\",").repeat(100));
        let steps = cost(&plan, &Framing::Json, list.as_bytes());
        worst.add(steps, || format!("{unit:?} in many strings"));
        let form = format!("a={}", unit.replace('&', "%26").repeat(100));
        let steps = cost(&plan, &Framing::Form, form.as_bytes());
        worst.add(steps, || format!("{unit:?} in a form"));
    }
    worst.check(bound(&plan));
}

#[test]
fn nothing_is_sought_that_nobody_wants() {
    let plan = plan(r#"{"rules":[{"detect":["EMAIL"]}]}"#);
    let mut worst = Worst { rows: Vec::new() };
    for unit in beginnings() {
        let text = repeated(&unit, TEXT_BYTES);
        let steps = cost(&plan, &Framing::Json, &in_string("x", &text));
        worst.add(steps, || format!("{unit:?}"));
    }
    worst.check(bound(&all_presets()));
}
