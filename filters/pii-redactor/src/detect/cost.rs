//! No input costs more than a small multiple of ordinary input: steps for each byte, counted on the worst
//! texts that each detector, each word and each prefix can be given.

use std::fmt::Write as _;
use std::rc::Rc;

use policy::config::Configuration as _;

use super::{DETECTORS, Form, assigned};
use crate::config::Config;
use crate::entity::EntitySet;
use crate::inflate::InflateLimits;
use crate::media::{Framing, Media};
use crate::pipeline::{BodyPipeline, Coding};
use crate::plan::Plan;
use crate::steps;
use crate::worst_cases::{beginnings, of_detectors, repeated};

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
            r#"{{"id":{},"uuid":"1519b9ab-a034-4fb7-a3aa-{number:012x}","status":"shipped","created_at":"2026-04-{:02}T08:{:02}:48Z","total":{}.{:02},"note":"Delivered to the back door on day {} by van 12","customer":{{"name":"Ada","email":"ada.{number}@example.com","phone":"+49 30 9018{number:02}","plate":"B-MW {number}","vat":"DE136695976"}},"items":[{{"sku":"ABC-{:05}-XY","title":"blue summer bundle","quantity":{}}}]}}"#,
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

fn in_string(name: &str, text: &str) -> Vec<u8> {
    format!("{{\"{name}\":\"{}\"}}", text.replace('"', "\\\"")).into_bytes()
}

/// Collects the inputs with the highest costs.
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

/// Of each detector two words, and of those whose values a text names, all.
fn announcing_words() -> Vec<&'static str> {
    let mut everything = EntitySet::EMPTY;
    for entity in 0..DETECTORS.len() {
        everything.insert(u8::try_from(entity).unwrap());
    }
    let assignable = assigned::kinds(&everything);
    let mut words: Vec<&str> = Vec::new();
    for (entity, detector) in DETECTORS.iter().enumerate() {
        let is_assignable = assignable.has(u8::try_from(entity).unwrap());
        let most = if is_assignable { usize::MAX } else { 2 };
        words.extend(detector.words.iter().take(most));
    }
    words.sort_unstable();
    words.dedup();
    words
}

#[test]
fn announcing_words_cost_no_more_in_any_format() {
    let plan = all_presets();
    let mut worst = Worst { rows: Vec::new() };
    let csv = Media::of("text/csv").framing.unwrap();
    for word in announcing_words() {
        let name = word.replace(' ', "_");
        for sign in ["=", ":", "=-", "=20", "=1.", " "] {
            let text = repeated(&format!("{name}{sign}"), 1500);
            let form = format!("a={}", text.replace('=', "%3D"));
            for (framing, body) in [
                (&Framing::Text, text.clone().into_bytes()),
                (&Framing::Markup, format!("<p>{text}</p>").into_bytes()),
                (&Framing::Json, in_string("x", &text)),
                (&Framing::Form, form.into_bytes()),
                (&csv, format!("a,b\n1,{text}\n").into_bytes()),
            ] {
                let steps = cost(&plan, framing, &body);
                worst.add(steps, || format!("{name:?} {sign:?} in {framing:?}"));
            }
            // What the name of such a line announces is searched once more.
            let steps = cost(&plan, &Framing::Lines, text.as_bytes());
            worst.add(steps / 2.0, || format!("{name:?} {sign:?} in lines"));
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

#[test]
fn a_member_costs_no_more_for_a_hundred_paths_or_names() {
    let bodies = [
        format!("[{}1]", "1,".repeat(1000)),
        format!("{{\"a\":[{}1]}}", "1,".repeat(1000)),
        format!("{{{}\"b\":1}}", "\"a\":1,".repeat(1000)),
    ];
    for path in ["$..f{}", "$.f{}.g", "$.a..f{}", "$..f{}..g", "$..a.f{}"] {
        let rules = |count: usize| {
            let field = |number: usize| {
                let path = path.replace("{}", &number.to_string());
                format!(r#"{{"path":"{path}","action":"remove"}}"#)
            };
            let fields: Vec<String> = (0..count).map(field).collect();
            plan(&format!(
                r#"{{"rules":[{{"fields":[{}]}}]}}"#,
                fields.join(",")
            ))
        };
        let (one, many) = (rules(1), rules(100));
        for body in &bodies {
            let few = cost(&one, &Framing::Json, body.as_bytes());
            let most = cost(&many, &Framing::Json, body.as_bytes());
            assert!(
                most <= few * 2.0 + 0.5,
                "{path} {body:.20}: {few} and {most}"
            );
        }
    }
}

#[test]
fn a_new_name_costs_no_more_for_a_thousand_words() {
    let rules = |count: usize| {
        let words: Vec<String> = (0..count).map(|number| format!("w{number} x")).collect();
        plan(&format!(
            r#"{{"rules":[{{"fields":[{{"words":{words:?},"action":"remove"}}]}},
                {{"fields":[{{"words":["w1"],"action":"null"}}]}}]}}"#
        ))
    };
    let (one, many) = (rules(1), rules(1000));
    for name in ["n", "w", "x_w", "w1_x_"] {
        let names = (0..2000).map(|number| format!("\"{name}{number}\":1,"));
        let body = format!("{{{}\"b\":1}}", names.collect::<String>());
        let few = cost(&one, &Framing::Json, body.as_bytes());
        let most = cost(&many, &Framing::Json, body.as_bytes());
        assert!(most <= few * 2.0 + 0.5, "{name}: {few} and {most}");
    }
}

#[test]
fn markup_costs_no_more_either() {
    let plan = all_presets();
    let mut worst = Worst { rows: Vec::new() };
    for unit in [
        "<",
        "</",
        "<a",
        "<a>",
        "</a>",
        "<a b=",
        "<a b=\"1\" ",
        "<ssn>1</ssn>",
        "<ssn>",
        "</ssn>",
        "<!--",
        "<![CDATA[",
        "<ssn value=\"1\"/>",
        "<td>",
        "<i name=\"ssn\" value=\"1\">",
        "<th>ssn<td>1",
        "&lt;",
        "<a b=\"&lt;",
        "<value>1</value>",
        "<name>ssn</name>",
        "<a name=\"ssn\">1",
    ] {
        for count in [100, 2000] {
            let text = unit.repeat(count);
            let steps = cost(&plan, &Framing::Markup, text.as_bytes());
            worst.add(steps, || format!("{unit:?} {count} times"));
        }
    }
    worst.check(bound(&plan));
}

#[test]
fn what_is_no_json_costs_no_more_either() {
    let plan = all_presets();
    let mut worst = Worst { rows: Vec::new() };
    for unit in [
        "[1",
        "}[",
        "x[",
        "1[",
        ")[",
        "['",
        "){",
        "(['",
        "([",
        "a,",
        "[\"b\":",
        "{a b:",
        "*/[",
        "{\"b\":]",
        ",\"a\"",
        "{\"a\" ",
        "[ ",
        ", ",
        "\n[",
        "\n{",
        "\n",
        "\u{1e}",
        "x\n",
        "a b c d e f g ",
    ] {
        for before in ["{", "[1;", ""] {
            let text = format!("{before}{}", unit.repeat(40_000 / unit.len()));
            let steps = cost(&plan, &Framing::Json, text.as_bytes());
            worst.add(steps, || format!("{unit:?} behind {before:?}"));
        }
    }
    worst.check(bound(&plan));
}

#[test]
fn segments_rows_and_forms_cost_no_more_either() {
    let plan = all_presets();
    let mut worst = Worst { rows: Vec::new() };
    let csv = Media::of("text/csv").framing.unwrap();
    let hl7 = "MSH|^~\\&|A|B|C|D|2024||ADT^A01|1|P|2.5\r";
    let x12 = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *240101*1200*^*00501*1*0*P*:~";
    for unit in [
        "PID|",
        "PID|1||536221234^^^SS~\r",
        "PID|1||A~B~C^D&E|\r",
        "PID|||||DOE^JANE\r",
        "NK1|1|DOE^JANE|SPO|\r",
        "DG1|1||E11^Diabetes\r",
        "OBX|1|ST|",
        "|",
        "^",
        "~",
        "&",
        "\r",
        "\r\n",
        "|1",
        "NM1*IL*1*DOE*JANE~",
        "NM1*",
        "HI*ABK:E11~",
        "REF*SY*536221234~",
        "*",
        ":",
    ] {
        for before in [hl7, x12, ""] {
            let text = format!("{before}{}", repeated(unit, TEXT_BYTES));
            let steps = cost(&plan, &Framing::Text, text.as_bytes());
            // What the place of a field announces is searched once more.
            worst.add(steps / 2.0, || format!("{unit:?} behind {before:.3}"));
        }
    }
    for unit in [
        ",",
        "a,",
        "1,",
        "\"",
        "\"\",",
        "\"a\"\"b\",",
        "\"a\\\"b\",",
        "ssn,",
        "536221234,",
        "a,b\n",
        "\"a\nb\",\n",
        "\n",
        ";",
        "\t",
        "|",
        "\\",
        "a;b,c\n",
    ] {
        for before in ["", "a,b\n", "ssn,name,dob\n1,2,3\n"] {
            let text = format!("{before}{}", repeated(unit, TEXT_BYTES));
            let steps = cost(&plan, &csv, text.as_bytes());
            worst.add(steps, || format!("{unit:?} in CSV behind {before:?}"));
        }
    }
    for unit in [
        "a",
        "a=",
        "a=1&",
        "ssn=1&",
        "ssn=536221234&",
        "%",
        "%4",
        "%41",
        "%2541",
        "%u0061=1&",
        "&",
        ";",
        "=",
        "+",
        "a[",
        "a[]=1&",
        "a[b][c]=1&",
        "a.b.c=1&",
        "[a]=1&",
        "!a=1&",
        "a%00x=1&",
    ] {
        let text = repeated(unit, TEXT_BYTES);
        let steps = cost(&plan, &Framing::Form, text.as_bytes());
        worst.add(steps, || format!("{unit:?} in a form"));
    }
    worst.check(bound(&plan));
}
