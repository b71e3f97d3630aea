#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::config;
use crate::facts::tests::get;
use crate::identity::parse_claims;
use crate::matching::Ambiguity;

fn identity() -> Identity {
    let claims =
        br#"{"sub":"jane","realm_access":{"roles":["admin","ops","on call"]},"level":7,
        "scope":"a b","ok":true,"none":null,"a.b":"dotted","uses":[{"code":"TREAT"},{"code":"ETREAT"}],"obj":{},"huge":9007199254740993}"#;
    Identity {
        claims: parse_claims(claims).unwrap(),
        ..Identity::default()
    }
}

fn holds(condition: &str, identity: Option<&Identity>) -> bool {
    config::read(condition, |n| ClaimCondition::read(&n))
        .unwrap()
        .holds(identity, &get("/", &[]))
}

#[test]
fn conditions_hold_or_not() {
    let jane = identity();
    for (condition, expected) in [
        (r#"{"claim":"sub","equals":"jane"}"#, true),
        (r#"{"claim":"sub","equals":"jan"}"#, false),
        (r#"{"claim":"sub","prefix":"ja"}"#, true),
        (r#"{"claim":"sub","in":["joe","jane"]}"#, true),
        (r#"{"claim":"realm_access.roles","contains":"admin"}"#, true),
        (r#"{"claim":"realm_access.roles","contains":"adm"}"#, false),
        (r#"{"claim":"realm_access.roles","equals":"ops"}"#, true),
        (
            r#"{"claim":"realm_access.roles","all":["ops","admin"]}"#,
            true,
        ),
        (
            r#"{"claim":"realm_access.roles","all":["ops","root"]}"#,
            false,
        ),
        (r#"{"claim":"scope","contains":"b"}"#, true),
        (r#"{"claim":"scope","equals":"b"}"#, false),
        (r#"{"claim":"level","equals":7}"#, true),
        (r#"{"claim":"ok","equals":true}"#, true),
        (r#"{"claim":"a.b","equals":"dotted"}"#, true),
        (r#"{"claim":"none","exists":true}"#, false),
        (r#"{"claim":"none","absent":true}"#, true),
        (r#"{"claim":"nobody","absent":true}"#, true),
        (r#"{"claim":"obj","exists":true}"#, true),
        (r#"{"claim":"obj","equals":"{}"}"#, false),
        (r#"{"claim":"uses[].code","equals":"TREAT"}"#, true),
        (r#"{"claim":"uses[].code","all":["TREAT","ETREAT"]}"#, true),
        (r#"{"claim":"uses[].code","contains":"HMARKT"}"#, false),
        (r#"{"claim":"uses[].none","exists":true}"#, false),
        (r#"{"claim":"sub","regex":"ja.*"}"#, true),
        (r#"{"claim":"sub","regex":"an"}"#, false),
        (r#"{"claim":"sub","regex":"jan|e"}"#, false),
        (r#"{"claim":"realm_access.roles","regex":"o[a-z]s"}"#, true),
        (r#"{"claim":"level","less_than":8}"#, true),
        (r#"{"claim":"level","less_than":7}"#, false),
        (r#"{"claim":"level","at_most":7}"#, true),
        (r#"{"claim":"level","greater_than":6.5}"#, true),
        (r#"{"claim":"level","at_least":7.5}"#, false),
        (r#"{"claim":"huge","greater_than":9007199254740992}"#, true),
        (r#"{"claim":"sub","at_least":0}"#, false),
        (r#"{"claim":"nobody","at_least":0}"#, false),
    ] {
        assert_eq!(holds(condition, Some(&jane)), expected, "{condition}");
    }
    assert!(!holds(r#"{"claim":"sub","equals":"jane"}"#, None));
    assert!(holds(r#"{"claim":"sub","absent":true}"#, None));
}

#[test]
fn an_api_key_has_a_subject_but_no_claims() {
    let acme = Identity {
        subject: Some("acme".to_owned()),
        ..Identity::default()
    };
    assert!(holds(r#"{"claim":"sub","equals":"acme"}"#, Some(&acme)));
}

#[test]
fn a_claim_is_what_the_request_names() {
    let jane = identity();
    let fit = |condition: &str, path: &str, headers: &[(&str, &str)]| {
        let condition = config::read(condition, |n| ClaimCondition::read(&n)).unwrap();
        assert!(condition.is_about_object());
        condition.fit(Some(&jane), &get(path, headers))
    };
    let of_path = r#"{"claim":"sub","equals":{"path":"/users/{id}/**"}}"#;
    let number = r#"{"claim":"level","equals":{"path":"/levels/{level}"}}"#;
    let list = r#"{"claim":"realm_access.roles","contains":{"path":"/roles/{role}"}}"#;
    let words = r#"{"claim":"scope","contains":{"query":"scope"}}"#;
    let header = r#"{"claim":"sub","equals":{"header":"x-user"}}"#;
    let host = r#"{"claim":"sub","equals":{"host":"{user}.example.com"}}"#;
    for (condition, path, expected) in [
        (of_path, "/users/jane", Fit::Yes),
        (of_path, "/users/jane/orders", Fit::Yes),
        (of_path, "/users/j%61ne", Fit::Maybe(Ambiguity::Path)),
        (list, "/roles/on%20call", Fit::Yes),
        (of_path, "/users/joe/orders", Fit::No),
        (of_path, "/users/Jane", Fit::No),
        (of_path, "/users", Fit::No),
        (of_path, "/accounts/jane", Fit::No),
        (of_path, "/users/joe/../jane", Fit::Maybe(Ambiguity::Path)),
        (
            of_path,
            "/users/jane%2f..%2fjoe",
            Fit::Maybe(Ambiguity::Path),
        ),
        (number, "/levels/7", Fit::Yes),
        (number, "/levels/07", Fit::No),
        (number, "/levels/7.0", Fit::No),
        (list, "/roles/ops", Fit::Yes),
        (list, "/roles/op", Fit::No),
        (words, "/?scope=b", Fit::Yes),
        (words, "/?scope=a%20b", Fit::No),
        (words, "/", Fit::No),
        (header, "/", Fit::No),
        (host, "/", Fit::No),
    ] {
        assert_eq!(fit(condition, path, &[]), expected, "{condition} {path}");
    }
    assert_eq!(fit(header, "/", &[("x-user", "jane")]), Fit::Yes);
    let list = fit(header, "/", &[("x-user", "jane,joe")]);
    assert_eq!(list, Fit::Maybe(Ambiguity::Header));
}

#[test]
fn nobody_owns_what_the_request_does_not_name() {
    let condition = r#"{"claim":"sub","equals":{"query":"user"}}"#;
    let condition = config::read(condition, |n| ClaimCondition::read(&n)).unwrap();
    let anonymous = Identity::default();
    let empty = Identity {
        subject: Some(String::new()),
        ..Identity::default()
    };
    for caller in [None, Some(&anonymous), Some(&empty)] {
        assert!(!condition.holds(caller, &get("/?user=", &[])));
        assert!(!condition.holds(caller, &get("/", &[])));
    }
}

#[test]
fn exactly_one_test() {
    for condition in [
        r#"{"claim":"sub"}"#,
        r#"{"claim":"sub","equals":"a","prefix":"a"}"#,
        r#"{"claim":"sub","equals":["a"]}"#,
        r#"{"claim":"sub","exists":false}"#,
        r#"{"equals":"a"}"#,
        r#"{"claim":"sub","in":[]}"#,
        r#"{"claim":"sub","regex":"("}"#,
        r#"{"claim":"sub","regex":"a)|(b"}"#,
        r#"{"claim":"sub","regex":"(((a{100}){100}){100}){100}"}"#,
        r#"{"claim":"sub","at_least":"1"}"#,
        r#"{"claim":"sub","equals":{"path":"/users/**"}}"#,
        r#"{"claim":"sub","in":[{"query":"user"}]}"#,
    ] {
        assert!(
            config::read(condition, |n| ClaimCondition::read(&n)).is_err(),
            "{condition}"
        );
    }
}
