//! The entry of the fuzz target, with random configurations.

use proptest::prelude::*;

#[path = "../fuzz/entries.rs"]
mod entries;

/// A key that means something, or none.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "audit",
            "auth",
            "limits",
            "redact",
            "mode",
            "publish",
            "identity_from",
            "consent",
            "client_address",
            "limitz",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,3}",
    ]
}

/// A value of any kind, or what is no JSON at all.
fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("\"header\"".to_owned()),
        Just("\"report\"".to_owned()),
        Just("[\"identity\", 1]".to_owned()),
        "[0-9]{1,3}",
        "[\\[{}\",:]{0,3}",
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop::collection::vec((key(), inner), 0..4).prop_map(object)
    })
}

fn object(members: Vec<(String, String)>) -> String {
    let members = members
        .into_iter()
        .map(|(key, value)| format!("\"{key}\": {value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

proptest! {
    #[test]
    fn any_configuration_is_taken_apart_or_refused(
        members in prop::collection::vec((key(), value()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        entries::split(object(members).as_bytes());
        entries::split(&noise);
    }
}
