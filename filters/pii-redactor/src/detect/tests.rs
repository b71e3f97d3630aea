use super::*;
use crate::entity::EntitySet;
use crate::lexicon::{Announcement, Lexicon};

/// What is found of one kind in a text whose name announces it, or does not.
fn found(entity: u8, text: &str, announced: bool) -> Vec<String> {
    let mut wanted = EntitySet::EMPTY;
    wanted.insert(entity);
    let kinds = if announced { wanted } else { EntitySet::EMPTY };
    let lexicon = Lexicon::new(&wanted, std::iter::empty());
    let shapes = ShapeIndex::new(&wanted);
    let mut spans = Vec::new();
    find(
        &Text {
            bytes: text.as_bytes(),
            from: 0,
            announcement: &Announcement {
                kinds,
                negative: false,
            },
            wanted: &wanted,
            assignable: &EntitySet::EMPTY,
            shapes: &shapes,
            lexicon: &lexicon,
            heeds_negative: true,
            least: Confidence::Medium,
        },
        &mut Scratch::default(),
        &mut spans,
    );
    spans
        .into_iter()
        .map(|span| text[span.start..span.end].to_owned())
        .collect()
}

fn each() -> impl Iterator<Item = (u8, &'static Detector)> {
    (0_u8..).zip(DETECTORS.iter())
}

#[test]
fn examples_match_and_counterexamples_do_not() {
    let mut wrong = Vec::new();
    for (entity, detector) in each() {
        assert!(!detector.examples.is_empty(), "{}", detector.name);
        match detector.form {
            Form::Named => {}
            Form::NamedIf(check) => {
                for example in detector.examples {
                    if !check(example.as_bytes()) {
                        wrong.push(format!("{}: {example:?} does not pass", detector.name));
                    }
                }
                for text in detector.counterexamples {
                    if check(text.as_bytes()) {
                        wrong.push(format!("{}: {text:?} passes", detector.name));
                    }
                }
            }
            Form::Scanned | Form::Shapes { .. } => {
                for example in detector.examples {
                    let found = found(entity, example, true);
                    let expected = if matches!(detector.name, "URL_PASSWORD") {
                        found.len() == 1
                    } else {
                        found.iter().any(|text| text == example)
                    };
                    if !expected {
                        wrong.push(format!("{}: in {example:?} {found:?}", detector.name));
                    }
                }
                for text in detector.counterexamples {
                    let found = found(entity, text, true);
                    if !found.is_empty() {
                        wrong.push(format!("{}: in {text:?} {found:?}", detector.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_needs_a_word_is_not_found_without() {
    let mut wrong = Vec::new();
    for (entity, detector) in each() {
        let Form::Shapes { alone: &[], .. } = detector.form else {
            continue;
        };
        for example in detector.examples {
            if !example.bytes().any(|byte| byte.is_ascii_digit()) {
                // A word of letters alone is looked at only where a member is called so.
                continue;
            }
            let without = found(entity, example, false);
            let spoken = format!("x {} {example} y", detector.words.first().unwrap());
            let with = found(entity, &spoken, false);
            if !without.is_empty() || !with.iter().any(|text| text == example) {
                wrong.push(format!(
                    "{}: {without:?} without, {with:?} in {spoken:?}",
                    detector.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_unique_and_every_preset_has_some() {
    let mut names: Vec<&str> = DETECTORS.iter().map(|detector| detector.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DETECTORS.len());
    for (word, bit) in preset::ALL {
        let count = DETECTORS
            .iter()
            .filter(|detector| detector.presets & bit != 0)
            .count();
        assert!(count >= 5, "{word}: {count}");
    }
}

#[test]
fn cards_among_look_alikes() {
    let (card, _) = named("CREDIT_CARD").unwrap();
    for text in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "2720990000000007",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "213100000000001",
        "6759649826438453",
        "6304000000000000",
        "501800000009",
        "4000000000000000006",
        "6200000000000005",
    ] {
        assert_eq!(found(card, text, false), [text], "{text}");
    }
    assert_eq!(
        found(card, "4111 1111 1111 1111 123", false),
        ["4111 1111 1111 1111"]
    );
    assert_eq!(
        found(card, "4111111111111111 5555555555554444", false),
        ["4111111111111111", "5555555555554444"]
    );
    assert_eq!(
        found(card, "on 24 12 at 4111111111111111.", false),
        ["4111111111111111"]
    );
    assert_eq!(
        found(card, "1234 4111 1111 1111 1111", false),
        ["4111 1111 1111 1111"]
    );
    for text in [
        "4111111111111112",
        "1700000000000",
        "1234567812345670",
        "0000000000000000",
        "41111111111111111",
        "x4111111111111111",
        "4111111111111111x",
        "4111111111111111_1",
        "1.4111111111111111",
        "4111111111111111.5",
        "550e8400-e29b-41d4-a716-446655440000",
        "2026-11-24",
        "4111",
        "order id 4111111111111111",
    ] {
        assert_eq!(found(card, text, false), Vec::<String>::new(), "{text}");
    }
    for text in [
        "4111 1111-1111 1111",
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111\t1111\t1111\t1111",
        "4111 - 1111 - 1111 - 1111",
        "41111111 11111111",
        "3782.822463.10005",
        "4111\u{a0}1111\u{2009}1111\u{202f}1111",
        "4111\u{2013}1111\u{2013}1111\u{2013}1111",
        "\u{ff14}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}\u{ff11}",
    ] {
        assert_eq!(found(card, text, false), [text], "{text}");
    }
    assert_eq!(
        found(card, "order id 4111111111111111", true),
        ["4111111111111111"]
    );
}

#[test]
fn addresses_among_look_alikes() {
    let (email, _) = named("EMAIL").unwrap();
    for (text, expected) in [
        (
            "Write to jane.doe@example.com, please",
            "jane.doe@example.com",
        ),
        ("'jane@example.com'", "jane@example.com"),
        ("jane@example.com.", "jane@example.com"),
        ("jane@example.com-", "jane@example.com"),
        ("a@b.xn--p1ai", "a@b.xn--p1ai"),
        ("..jane@example.com", "jane@example.com"),
        ("x@1.2.example.org", "x@1.2.example.org"),
        ("a@b.com@c.com", "a@b.com"),
        ("mailto:jane@example.com?x=1", "jane@example.com"),
    ] {
        assert_eq!(found(email, text, false), [expected], "{text}");
    }
    for text in [
        "@example.com",
        "jane@",
        "jane@localhost",
        "jane@1.2.3.4",
        "a@b.c",
        "@",
        "jane@-x.com",
        "x@.com",
    ] {
        assert_eq!(found(email, text, false), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn phones_among_look_alikes() {
    let (phone, _) = named("PHONE").unwrap();
    for (text, expected) in [
        ("+1 212 555 0147", "+1 212 555 0147"),
        ("+49 (30) 901820", "+49 (30) 901820"),
        ("call 212-555-0147 now", "212-555-0147"),
        ("(212) 555-0147", "(212) 555-0147"),
        ("1-212-555-0147", "1-212-555-0147"),
        ("tel. 030 901820", "030 901820"),
        ("my phone is 212.555.0147", "212.555.0147"),
        ("+44 20 7946 0958 12 people", "+44 20 7946 0958"),
    ] {
        assert_eq!(found(phone, text, false), [expected], "{text}");
    }
    for text in [
        "1700000000",
        "2026-11-24",
        "112-555-0147",
        "212-055-0147",
        "+0100",
        "10:00:00+10:00",
        "12-34-56",
        "030 901820",
        "+999 123456789",
    ] {
        assert_eq!(found(phone, text, false), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn addresses_of_machines_among_look_alikes() {
    let (ip, _) = named("IP_ADDRESS").unwrap();
    for text in [
        "203.0.113.7",
        "10.0.0.1",
        "2001:db8::1",
        "fe80::1",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "fe::ab:cd",
    ] {
        assert_eq!(found(ip, text, false), [text], "{text}");
    }
    assert_eq!(
        found(ip, "from 203.0.113.7:8080 to", false),
        ["203.0.113.7"]
    );
    for text in [
        "1.2.3.4.5",
        "v1.2.3.4",
        "version 1.2.3.4",
        "256.1.1.1",
        "01.2.3.4",
        "std::fmt",
        "a::b",
        "12:34:56",
        "::1",
        "10:00",
    ] {
        assert_eq!(found(ip, text, false), Vec::<String>::new(), "{text}");
    }
    let (mac, _) = named("MAC_ADDRESS").unwrap();
    assert_eq!(
        found(mac, "at aa:bb:cc:dd:ee:0f.", false),
        ["aa:bb:cc:dd:ee:0f"]
    );
}
