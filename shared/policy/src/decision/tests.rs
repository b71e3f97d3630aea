#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::finding::{Category, FindingOutcome, Place};

fn found(kind: &str, count: u64) -> Finding {
    let outcome = FindingOutcome::Masked;
    Finding::new(kind, Category::Personal, Place::ResponseBody, outcome).times(count)
}

fn redacted(finding: Finding) -> Decision {
    Decision::new("pii-redactor", Outcome::Redacted)
        .rule("patients")
        .found(finding)
}

#[test]
fn survives_the_property() {
    let list = [
        Decision::new("jwt-auth", Outcome::Denied).reason("token_expired"),
        redacted(found("EMAIL", 3)),
    ];
    let text = Decision::list_to_json(&list);
    assert_eq!(
        text,
        r#"[{"filter":"jwt-auth","outcome":"denied","reason":"token_expired"},{"filter":"pii-redactor","rule":"patients","outcome":"redacted","findings":[{"kind":"EMAIL","category":"personal","place":"response.body","outcome":"masked","count":3}]}]"#
    );
    assert_eq!(Decision::parse_list(text.as_bytes()), list);
    assert_eq!(Decision::parse_list(b"nonsense"), []);
}

#[test]
fn is_written_and_read_as_serde_would() {
    let mut full = redacted(found("EMAIL", 3)).reason("a \"quoted\" reason");
    full.findings.push(Finding {
        rule: Some("cards".to_owned()),
        ..found("CREDIT_CARD", 1)
    });
    full.omitted = 7;
    full.purposes = vec!["care".to_owned(), "a \"quoted\" purpose".to_owned()];
    full.report_only = true;
    let list = Outcome::ALL.map(|outcome| Decision {
        outcome,
        ..full.clone()
    });
    let text = Decision::list_to_json(&list);
    assert_eq!(text, serde_json::to_string(&list).unwrap());
    assert_eq!(Decision::parse_list(text.as_bytes()), list);
    let read: Vec<Decision> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, list);
}

#[test]
fn a_decision_of_another_version_does_not_hide_the_others() {
    let text =
        br#"[{"filter":"x","outcome":"teleported"},{"filter":"jwt-auth","outcome":"denied"}]"#;
    let list = Decision::parse_list(text);
    assert_eq!(list, [Decision::new("jwt-auth", Outcome::Denied)]);
}

#[test]
fn findings_of_one_decision_add_up() {
    let mut list = Vec::new();
    for _ in 0..1000 {
        redacted(found("EMAIL", 2)).add_to(&mut list);
    }
    redacted(found("PHONE", 1)).add_to(&mut list);
    redacted(found("PHONE", 1))
        .report_only(true)
        .add_to(&mut list);
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].findings, [found("EMAIL", 2000), found("PHONE", 1)]);
}

#[test]
fn the_list_is_bounded_and_says_what_it_lacks() {
    let mut list = Vec::new();
    for number in 0..1000 {
        redacted(found(&format!("{number}{}", "é".repeat(500)), 3)).add_to(&mut list);
    }
    assert_eq!(list[0].findings.len(), MAX_FINDINGS);
    assert_eq!(list[0].omitted, 3 * (1000 - MAX_FINDINGS as u64));
    for number in 0..1000 {
        Decision::new("pii-redactor", Outcome::Allowed)
            .rule(format!("{number}{}", "x".repeat(1000)))
            .found(found("EMAIL", 1))
            .add_to(&mut list);
    }
    // A refusal has a place all the same.
    Decision::new("token-bucket", Outcome::Denied).add_to(&mut list);
    assert_eq!(list.len(), MAX_DECISIONS + 1);
    let values = |decision: &Decision| {
        let counts = decision.findings.iter().map(|finding| finding.count);
        counts.sum::<u64>() + decision.omitted
    };
    assert_eq!(list.iter().map(values).sum::<u64>(), 4000);
    assert!(Decision::list_to_json(&list).len() < 65_536);
}

#[test]
fn decisions_stand_in_the_order_of_the_chain() {
    let mut list = ["someone-elses", "pii-redactor", "audit-emitter", "jwt-auth"]
        .map(|filter| Decision::new(filter, Outcome::Allowed))
        .to_vec();
    Decision::sort_by_chain(&mut list);
    let filters: Vec<String> = list.into_iter().map(|decision| decision.filter).collect();
    assert_eq!(
        filters,
        ["audit-emitter", "jwt-auth", "pii-redactor", "someone-elses"]
    );
}
