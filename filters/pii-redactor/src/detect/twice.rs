//! What is redacted twice is redacted once: a label announces nothing and is nothing.

use std::rc::Rc;

use proptest::prelude::*;

use super::DETECTORS;
use crate::fixtures::{plan_of, redacted};
use crate::plan::Plan;

fn all_kinds(default: &str) -> Rc<Plan> {
    let names: Vec<String> = DETECTORS
        .iter()
        .map(|detector| format!("{:?}", detector.name))
        .collect();
    plan_of(&format!(
        r#"{{"pseudonym_key_env":"KEY","rules":[{{"detect":[{}]}}],"actions":{{"default":{default:?}}}}}"#,
        names.join(",")
    ))
}

#[test]
fn no_label_is_announced_by_a_name() {
    let plan = all_kinds("label");
    let mut wrong = Vec::new();
    for label in DETECTORS.iter().map(|detector| detector.name) {
        for name in DETECTORS
            .iter()
            .filter_map(|detector| detector.words.first())
        {
            for body in [
                format!(r#"{{"{name}":"[{label}]"}}"#),
                format!(r#"{{"x":"{name}: [{label}], 123456782"}}"#),
            ] {
                let once = redacted(&plan, "application/json", &body);
                let twice = redacted(&plan, "application/json", &once);
                if !once.contains(&format!("[{label}]")) || twice != once {
                    wrong.push(format!("{body} -> {once} -> {twice}"));
                }
            }
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn brackets_and_quotes_hide_nothing() {
    let plan = all_kinds("label");
    let mut wrong = Vec::new();
    for detector in DETECTORS {
        let name = detector.words.first().copied().unwrap_or_default();
        for example in detector.examples {
            for signs in ["[]", "()", "{}", "<>", "''", "``", "**", "[[]]"] {
                let (open, close) = signs.split_at(signs.len() / 2);
                let value = format!("{open}{example}{close}")
                    .replace('\\', r"\\")
                    .replace('"', r#"\""#);
                let body = format!(r#"{{"{name}":"{value}"}}"#);
                let got = redacted(&plan, "application/json", &body);
                if got == body {
                    wrong.push(format!("{}: {body}", detector.name));
                }
            }
        }
    }
    let code = "abcdefghijklmnop2345672345";
    for (body, expected) in [
        (
            "Card [4111111111111111] declined",
            "Card [[CREDIT_CARD]] declined",
        ),
        ("<![CDATA[4111111111111111]]>", "<![CDATA[[CREDIT_CARD]]]>"),
        ("4111111111111111.0", "[CREDIT_CARD].0"),
        ("SSN: 536221234.00, 1", "SSN: [US_SSN].00, 1"),
        ("4111111111111111.05", "4111111111111111.05"),
        ("4111111111111111.0.1", "4111111111111111.0.1"),
        ("[DE89370400440532013000]", "[[IBAN]]"),
        (
            "pin: [1234], cvv=(123)",
            "pin: [[CARD_PIN]], cvv=([CARD_CVV])",
        ),
        ("dob: [1970-05-06]", "dob: [[PERSON_DATE]]"),
        ("password: [hunter2xyz]", "password: [[PASSWORD]]"),
        (&format!("password: PROD_{code}"), "password: [PASSWORD]"),
        (
            &format!("password: US_SSN_{code}"),
            &format!("password: US_SSN_{code}"),
        ),
        ("password: [EMAIL]", "password: [EMAIL]"),
    ] {
        let got = redacted(&plan, "text/plain", body);
        if got != expected {
            wrong.push(format!("{body} -> {got}"));
        }
    }
    wrong.truncate(60);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn any_text() -> impl Strategy<Value = String> {
    let words: Vec<String> = DETECTORS
        .iter()
        .flat_map(|detector| {
            let words = detector.words.iter().take(3).map(|word| (*word).to_owned());
            let examples = detector.examples.iter().map(|text| (*text).to_owned());
            words
                .chain(examples)
                .chain([format!("[{}]", detector.name)])
        })
        .chain(
            [
                ",",
                ":",
                "=",
                "/",
                "1",
                "030 901820",
                "123456782",
                "ms",
                "or",
            ]
            .map(str::to_owned),
        )
        .collect();
    proptest::collection::vec(proptest::sample::select(words), 1..4)
        .prop_map(|words| words.join("; "))
}

fn any_name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = DETECTORS
        .iter()
        .flat_map(|detector| detector.words.iter().copied())
        .collect();
    proptest::sample::select(names).prop_map(str::to_owned)
}

thread_local! {
    static PLANS: [Rc<Plan>; 2] = [all_kinds("label"), all_kinds("pseudonym")];
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn twice_is_once(name in any_name(), text in any_text()) {
        PLANS.with(|plans| {
            for plan in plans {
                let body = serde_json::json!({ name.as_str(): text.as_str(), "note": text.as_str() });
                let once = redacted(plan, "application/json", &body.to_string());
                let twice = redacted(plan, "application/json", &once);
                prop_assert_eq!(&twice, &once, "{}", body);
            }
            Ok(())
        })?;
    }
}
