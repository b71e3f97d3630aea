#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;

use super::*;

#[derive(Debug, PartialEq)]
struct Limit {
    name: String,
    rate: crate::units::Rate,
    burst: u64,
}

fn limits(node: Node<'_>) -> Option<Vec<Limit>> {
    node.object(|fields| {
        fields.or("timeout", Duration::ZERO, |n| {
            n.duration(Duration::from_millis(1)..=Duration::from_secs(60))
        });
        fields.or("headers", 0, |n| {
            n.one_of(&[("none", 0), ("x-ratelimit", 1)])
        });
        fields.not_yet("service");
        fields
            .required("limits", "an array of limits")?
            .non_empty_list(limit)
    })
}

fn limit(node: Node<'_>) -> Option<Limit> {
    node.object(|fields| {
        let name = fields
            .required("name", "a name")
            .and_then(|n| n.name(64).map(str::to_owned));
        let rate = fields
            .required("rate", r#"a rate such as "100/min""#)
            .and_then(|n| n.rate());
        let burst = fields.or("burst", 1, |n| n.integer(1..=1000));
        Some(Limit {
            name: name?,
            rate: rate?,
            burst,
        })
    })
}

#[test]
fn reads_what_is_right() {
    let read = read(
        r#"{"limits":[{"name":"a","rate":"5/s","burst":7}]}"#,
        limits,
    )
    .unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(
        (read[0].name.as_str(), read[0].rate.count, read[0].burst),
        ("a", 5, 7)
    );
}

#[test]
fn reports_every_mistake_at_once() {
    let text = r#"{
        "limits": [
            {"name": "a", "rate": "5/s"},
            {"name": 5, "rate": "100/fortnight", "burts": 3},
            "x",
            {"name": "", "burst": 0, "zzz": 1}
        ],
        "headers": "x-ratelimits",
        "timeout": "2h",
        "service": {},
        "odd key": 1
    }"#;
    let problems = read(text, limits).unwrap_err().to_string();
    let expected = [
        r#"timeout: "2h": expected from 1ms to 1m"#,
        r#"headers: "x-ratelimits": did you mean "x-ratelimit"? expected "none" or "x-ratelimit""#,
        "service: not supported yet",
        "limits[1].name: 5: expected a string",
        r#"limits[1].rate: "100/fortnight": unknown unit "fortnight"; use s, min, h or day"#,
        r#"limits[1].burts: unknown key; did you mean "burst"?"#,
        r#"limits[2]: "x": expected an object"#,
        r#"limits[3].name: "": expected 1 to 64 bytes without control characters"#,
        r#"limits[3].rate: missing; expected a rate such as "100/min""#,
        "limits[3].burst: 0: expected an integer from 1 to 1000",
        "limits[3].zzz: unknown key; known here: burst, name, rate",
        r#"["odd key"]: unknown key; known here: headers, limits, service, timeout"#,
    ];
    assert_eq!(problems.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn refuses_a_document_that_is_none() {
    for text in [
        "",
        "{",
        "[]",
        "5",
        r#"{"limits":[],"limits":[]}"#,
        r#"{"limits":[]}"#,
    ] {
        assert!(read(text, limits).is_err(), "{text}");
    }
    let duplicate = read(r#"{"limits":[],"limits":[]}"#, limits)
        .unwrap_err()
        .to_string();
    assert!(
        duplicate.contains(r#"duplicate key "limits""#),
        "{duplicate}"
    );
}

#[test]
fn a_long_value_is_shortened() {
    let text = format!(r#"{{"headers":"{}"}}"#, "é".repeat(10_000));
    let problems = read(&text, limits).unwrap_err().to_string();
    assert!(problems.len() < 400, "{problems}");
}

#[test]
fn tells_which_keys_were_asked_for() {
    let keys = read_with_keys(r#"{"limits":[{}]}"#, limits).1;
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let expected = [
        "headers",
        "limits",
        "limits[].burst",
        "limits[].name",
        "limits[].rate",
    ];
    assert_eq!(keys[..5], expected);
    assert_eq!(keys[5..], ["service", "timeout"]);
}

#[test]
fn a_variant_is_a_word_or_an_object_with_one_key() {
    let words = ["label", "mask"];
    let form = |text: &str| {
        read(text, |node| {
            let (word, inner) = node.variant(&words)?;
            Some((word, inner.map(|n| n.json().to_string())))
        })
    };
    assert_eq!(form(r#""label""#), Ok(("label", None)));
    assert_eq!(form(r#"{"mask":{}}"#), Ok(("mask", Some("{}".to_owned()))));
    for text in [r#""lable""#, r#"{"mask":1,"label":1}"#, "{}", "3"] {
        assert!(form(text).is_err(), "{text}");
    }
}

/// 400,000 items with a mistake in each: refused by their number, and none of them is read.
#[test]
fn a_list_beyond_its_maximum_is_refused_before_any_item_is_read() {
    let items = vec!["{\"zzz\":1}"; 400_000].join(",");
    let text = format!(r#"{{"limits":[{items}]}}"#);
    let mut read_items = 0;
    let refused = read(&text, |node| {
        node.object(|fields| {
            fields.required("limits", "limits")?.at_most(256).list(|_| {
                read_items += 1;
                Some(())
            })
        })
    });
    assert_eq!(
        refused.unwrap_err().to_string(),
        "limits: 400000 items; expected at most 256"
    );
    assert_eq!(read_items, 0);
    let by_default = read(&text, limits).unwrap_err().to_string();
    assert_eq!(by_default, "limits: 400000 items; expected at most 1024");
}

#[test]
fn an_object_beyond_its_maximum_and_more_problems_than_anybody_reads() {
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!(r#""k{n}":1"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let many = read(&members(50_000), limits).unwrap_err().to_string();
    assert_eq!(many, "50000 members; expected at most 1024");
    let named = read(&members(50_000), |node| node.named(|_, _| Some(())));
    assert!(named.unwrap_err().to_string().contains("at most 1024"));
    let problems = read(&members(1_000), limits).unwrap_err();
    assert_eq!(problems.iter().count(), 201);
    assert!(
        problems.to_string().ends_with("and 801 more problems"),
        "{problems}"
    );
}

#[test]
fn a_single_value_shows_the_list_that_was_meant() {
    let problems = read(r#""ip""#, |node| {
        node.strings().and(node.list(|_| Some(())))
    });
    assert_eq!(
        problems.unwrap_err().to_string(),
        r#""ip": expected an array, such as ["ip"]"#
    );
}

#[test]
fn the_address_of_a_schema_stands_at_the_top_only() {
    let text = r#"{"$schema":"x","limits":[{"name":"a","rate":"5/s"}]}"#;
    assert!(read(text, limits).is_ok());
    let text = r#"{"limits":[{"name":"a","rate":"5/s","$schema":"x"}]}"#;
    let problems = read(text, limits).unwrap_err().to_string();
    assert!(
        problems.starts_with("limits[0].$schema: unknown key"),
        "{problems}"
    );
}
