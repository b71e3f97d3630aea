mod tokens;

use super::*;
use crate::entity::EntitySet;
use crate::lexicon::{Announcement, Lexicon};

/// What is found of one kind in a text whose name announces it, or does not.
fn found(entity: u8, text: &str, announced: bool) -> Vec<String> {
    let mut wanted = EntitySet::EMPTY;
    wanted.insert(entity);
    let kinds = if announced { wanted } else { EntitySet::EMPTY };
    let lexicon = Lexicon::new(
        &wanted,
        std::iter::empty(),
        crate::placeholder::Labels::default(),
    );
    let shapes = ShapeIndex::new(&wanted);
    let mut spans = Vec::new();
    find(
        &Text {
            bytes: text.as_bytes(),
            from: 0,
            announcement: &Announcement {
                is_paired: false,
                kinds,
                negative: false,
            },
            wanted: &wanted,
            assignable: &EntitySet::EMPTY,
            shapes: &shapes,
            lexicon: &lexicon,
            heeds_negative: true,
            least: Confidence::Medium,
            cards_in_ids: false,
            list: None,
            cut: usize::MAX,
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
    for (word, bit) in PRESET_WORDS {
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
        "4222 2222 2222 2",
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
        "4000000000000000006",
        "6200000000000005",
    ] {
        assert_eq!(found(card, text, false), [text], "{text}");
    }
    // So short are numbers of accounts as well.
    assert_eq!(found(card, "501800000009", false), [""; 0]);
    // And so are ids.
    for text in [
        "4222222222222",
        "4550498761238",
        "https://shop.example.com/orders/4550498761238.json",
    ] {
        assert_eq!(found(card, text, false), [""; 0], "{text}");
    }
    assert_eq!(found(card, "4222222222222", true), ["4222222222222"]);
    assert_eq!(found(card, "card 501800000009", false), ["501800000009"]);
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
    for text in ["4111111111111111_1", "card_4111111111111111_2024.pdf"] {
        assert_eq!(found(card, text, false), ["4111111111111111"], "{text}");
    }
    for text in [
        "4111111111111112",
        "1700000000000",
        "1234567812345670",
        "0000000000000000",
        "41111111111111111",
        "x4111111111111111",
        "4111111111111111x",
        "4111111111111111_12345",
        "20531316728_4111111111111111",
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

/// What is found of a kind, when all kinds are looked for in a text of a certain framing.
fn found_beside(entity: u8, before: &str, example: &str, behind: &str) -> bool {
    let text = format!("{before}{example}{behind}");
    found(entity, &text, false)
        .iter()
        .any(|found| found == example)
}

#[test]
fn signs_beside_a_value_do_not_hide_it() {
    // All separators, with something of another kind beyond, on each side.
    const SEPARATORS: [&str; 18] = [
        "#", "@", ":", "/", ",", ";", "|", "\t", " ", "\"", "'", "(", ")", "[", "]", "=", "<", ">",
    ];
    const BEYOND: [&str; 3] = ["", "x", "1"];
    let mut wrong = Vec::new();
    for (entity, detector) in each() {
        let acts_alone = match detector.form {
            Form::Shapes { alone, .. } => !alone.is_empty() && detector.checked,
            Form::Scanned => matches!(
                detector.name,
                "CREDIT_CARD" | "IBAN" | "CRYPTO" | "ETHEREUM_ADDRESS" | "MAC_ADDRESS" | "PHONE"
            ),
            _ => false,
        };
        if !acts_alone {
            continue;
        }
        for example in detector.examples {
            if !found_beside(entity, "", example, "") {
                continue;
            }
            for separator in SEPARATORS {
                for beyond in BEYOND {
                    // What would be more of the same, or a number in groups.
                    let digit = beyond == "1";
                    let joins = match detector.name {
                        "MAC_ADDRESS" => digit && matches!(separator, ":" | "/" | ","),
                        "PHONE" => digit && matches!(separator, " " | "/" | "\t" | "(" | ")"),
                        "CREDIT_CARD" | "IBAN" => digit && matches!(separator, " " | "/" | "\t"),
                        _ => false,
                    };
                    if joins {
                        continue;
                    }
                    if !found_beside(entity, &format!("{beyond}{separator}"), example, "") {
                        wrong.push(format!("{beyond}{separator}{example}"));
                    }
                    if !found_beside(entity, "", example, &format!("{separator}{beyond}")) {
                        wrong.push(format!("{example}{separator}{beyond}"));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} not found:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn rows_and_lists_of_numbers() {
    for (kind, text, expected) in [
        (
            "CREDIT_CARD",
            "1,4111111111111111,x",
            &["4111111111111111"][..],
        ),
        (
            "CREDIT_CARD",
            "card #4111111111111111",
            &["4111111111111111"],
        ),
        (
            "CREDIT_CARD",
            "4111111111111111:1227:123",
            &["4111111111111111"],
        ),
        (
            "CREDIT_CARD",
            "ids=1,4111111111111111",
            &["4111111111111111"],
        ),
        (
            "CREDIT_CARD",
            "4111111111111111,5555555555554444",
            &["4111111111111111", "5555555555554444"],
        ),
        (
            "CREDIT_CARD",
            "[4111 1111 1111 1111]",
            &["4111 1111 1111 1111"],
        ),
        ("CREDIT_CARD", "card 135412345678911", &["135412345678911"]),
        ("CREDIT_CARD", "x 135412345678911", &[]),
        ("CREDIT_CARD", "1354-12345-678911", &["1354-12345-678911"]),
        ("CREDIT_CARD", "0.4111111111111111", &[]),
        ("US_SSN", "1,536-22-8145,2", &["536-22-8145"]),
        ("US_SSN", "SSN#536228145", &["536228145"]),
        ("US_SSN", "SSN 536.22.8145", &["536.22.8145"]),
        ("US_SSN", "SSN 536 22-8145", &["536 22-8145"]),
        ("US_SSN", "SSN\t536\t22\t8145", &["536\t22\t8145"]),
        (
            "US_SSN",
            "SSNs: 536228145, 219456789",
            &["536228145", "219456789"],
        ),
        ("US_SSN", "ssn2 536228145", &["536228145"]),
        (
            "US_SSN",
            "536\u{2013}22\u{2013}8145",
            &["536\u{2013}22\u{2013}8145"],
        ),
        ("US_SSN", "1,536,228", &[]),
        (
            "IBAN",
            "DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00",
            &["DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00"],
        ),
        (
            "IBAN",
            "DE89.3704.0044.0532.0130.00",
            &["DE89.3704.0044.0532.0130.00"],
        ),
        (
            "IBAN",
            "DE 89 3704-0044 0532.0130 00",
            &["DE 89 3704-0044 0532.0130 00"],
        ),
        (
            "PHONE",
            "Phones: 030 901820, 040 1234567",
            &["030 901820", "040 1234567"],
        ),
        (
            "PHONE",
            "Tel. 030 901820 / 040 1234567",
            &["030 901820", "040 1234567"],
        ),
        (
            "PHONE",
            "Tel: 030 901820 or 040 1234567",
            &["030 901820", "040 1234567"],
        ),
        ("PHONE", "phone1: 030 901820", &["030 901820"]),
        (
            "PHONE",
            "Phones:\n- 030 901820\n- 040 1234567\n2. 089 123456",
            &["030 901820", "040 1234567", "089 123456"],
        ),
        ("PHONE", "0049 30 901820", &["0049 30 901820"]),
        ("PHONE", "00 49 30 901820", &["00 49 30 901820"]),
        ("PHONE", "00 49 30 90 18 20", &[]),
        ("PHONE", "0000 1234 5678", &[]),
        ("PHONE", "order 0049 30 901820", &[]),
        ("PHONE", "phone booth 1234567 units", &[]),
        ("PHONE", "fax machine model 1234567", &[]),
        ("CREDIT_CARD", "card4111111111111111", &["4111111111111111"]),
        (
            "CREDIT_CARD",
            "CardNumber4111111111111111",
            &["4111111111111111"],
        ),
        ("CREDIT_CARD", "No4111111111111111", &["4111111111111111"]),
        ("CREDIT_CARD", "4111111111111111USD", &["4111111111111111"]),
        (
            "CREDIT_CARD",
            "4111 1111 1111 1111EUR",
            &["4111 1111 1111 1111"],
        ),
        (
            "CREDIT_CARD",
            "4111_1111_1111_1111",
            &["4111_1111_1111_1111"],
        ),
        (
            "CREDIT_CARD",
            "4111 \u{2013} 1111 \u{2013} 1111 \u{2013} 1111",
            &["4111 \u{2013} 1111 \u{2013} 1111 \u{2013} 1111"],
        ),
        ("US_SSN", "SSN536-22-8145", &["536-22-8145"]),
        ("US_SSN", "536-22-8145SSN", &["536-22-8145"]),
        ("US_SSN", "SSN: 536 - 22 - 8145", &["536 - 22 - 8145"]),
        (
            "US_SSN",
            "SSN: 536 \u{2013} 22 \u{2013} 8145",
            &["536 \u{2013} 22 \u{2013} 8145"],
        ),
        ("US_SSN", "SSN: 536  22  8145", &["536  22  8145"]),
        ("US_SSN", "SSN: 536_22_8145", &["536_22_8145"]),
        (
            "IBAN",
            "IBAN:DE89370400440532013000BIC",
            &["DE89370400440532013000"],
        ),
        (
            "IBAN",
            "IBANDE89370400440532013000",
            &["DE89370400440532013000"],
        ),
        (
            "IBAN",
            "DE89 - 3704 - 0044 - 0532 - 0130 - 00",
            &["DE89 - 3704 - 0044 - 0532 - 0130 - 00"],
        ),
        (
            "IBAN",
            "DE89  3704  0044  0532  0130  00",
            &["DE89  3704  0044  0532  0130  00"],
        ),
        (
            "IBAN",
            "DE89_3704_0044_0532_0130_00",
            &["DE89_3704_0044_0532_0130_00"],
        ),
        ("IBAN", "CEdDABAb-DFFA-cbbF-BE82-D0eeDFa2aD9F", &[]),
        ("DE_VAT_ID", "USt-IdNr.: DE 136695976", &["DE 136695976"]),
        ("DE_KFZ", "Kennzeichen M\u{dc}-AB 12", &["M\u{dc}-AB 12"]),
        (
            "EMAIL",
            "write to \"jane doe\"@example.com now",
            &["\"jane doe\"@example.com"],
        ),
        ("EMAIL", "x jane@[192.0.2.1], y", &["jane@[192.0.2.1]"]),
        (
            "EMAIL",
            "see jane\\u0040example.com",
            &["jane\\u0040example.com"],
        ),
        ("PHONE", "the call took 1700000000 ms", &[]),
        ("PHONE", "sms of 1234567 bytes", &[]),
        ("MAC_ADDRESS", "at 001b.4411.3ab7 on", &["001b.4411.3ab7"]),
        ("MAC_ADDRESS", "at aabb.ccdd.ee0f on", &["aabb.ccdd.ee0f"]),
        ("IN_PAN", "AFZPK7190K", &[]),
        ("MEDICAL_LICENSE", "AB1234563", &[]),
        ("DE_KFZ", "Kennzeichen B-MW 1234", &["B-MW 1234"]),
        ("DE_KFZ", "Kennzeichen: KA PA 777E", &["KA PA 777E"]),
        ("TR_LICENSE_PLATE", "plaka 34 ABC 123", &["34 ABC 123"]),
        ("EMAIL", "see jane%40example.com", &["jane%40example.com"]),
        (
            "EMAIL",
            "https://x.org/?m=jane%2540example.com&y",
            &["jane%2540example.com"],
        ),
        ("EMAIL", "jane@m\u{fc}ller.de", &["jane@m\u{fc}ller.de"]),
        (
            "EMAIL",
            "j\u{fc}rgen@example.org!",
            &["j\u{fc}rgen@example.org"],
        ),
        (
            "EMAIL",
            "\u{8054}\u{7cfb}jane@example.com",
            &["jane@example.com"],
        ),
        ("EMAIL", "jane@example.comPlease", &["jane@example.com"]),
        ("EMAIL", "logo@2x.png", &[]),
        (
            "SLACK_TOKEN",
            "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx",
            &["hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx"],
        ),
        (
            "CARD_TRACK",
            "4111111111111111D29122010000012345F",
            &["4111111111111111D29122010000012345F"],
        ),
    ] {
        let (entity, _) = named(kind).unwrap();
        assert_eq!(found(entity, text, false), expected, "{kind} in {text}");
    }
}
