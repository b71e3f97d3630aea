#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::config;
use crate::facts::DescribedRequest;
use crate::facts::tests::get;
use crate::identity::{Identity, parse_claims};

fn sources(text: &str) -> ConsentSources {
    config::read(text, |node| ConsentSources::read(&node)).unwrap()
}

fn condition(text: &str) -> ConsentCondition {
    config::read(text, |node| ConsentCondition::read(&node)).unwrap()
}

/// What these signals say about sharing: granted, denied.
fn sharing(configuration: &str, headers: &[(&str, &str)], claims: Option<&str>) -> (bool, bool) {
    let identity = claims.map(|text| Identity {
        claims: parse_claims(text.as_bytes()).unwrap(),
        ..Identity::default()
    });
    let request = DescribedRequest {
        identity,
        ..get("/", headers)
    };
    let consent = sources(configuration).signals(&request);
    (consent.is_granted("sharing"), consent.is_denied("sharing"))
}

const GRANTED: (bool, bool) = (true, false);
const DENIED: (bool, bool) = (false, true);
const UNKNOWN: (bool, bool) = (false, false);
const TRUSTED: &str =
    r#"{"header":{"name":"X-Consent","trusted":true},"cookie":{"name":"consent","trusted":true}}"#;

#[test]
fn signals_decide() {
    let with = |headers: &[(&str, &str)], claims| sharing(TRUSTED, headers, claims);
    assert_eq!(with(&[], None), UNKNOWN);
    assert_eq!(with(&[("sec-gpc", "1")], None), DENIED);
    assert_eq!(with(&[("sec-gpc", "0, 1")], None), DENIED);
    assert_eq!(with(&[("sec-gpc", "true")], None), UNKNOWN);
    assert_eq!(with(&[("x-consent", "ads,sharing")], None), GRANTED);
    assert_eq!(with(&[("x-consent", "ads")], None), DENIED);
    assert_eq!(
        with(&[("x-consent", "sharing"), ("sec-gpc", "1")], None),
        DENIED
    );
    assert_eq!(with(&[("cookie", "a=b; consent=sharing")], None), GRANTED);
    assert_eq!(with(&[], Some(r#"{"consents":["sharing"]}"#)), GRANTED);
    assert_eq!(with(&[], Some(r#"{"consents":[]}"#)), DENIED);
    assert_eq!(with(&[], Some(r#"{"sub":"x"}"#)), UNKNOWN);
}

#[test]
fn a_later_withdrawal_beats_a_claim_and_no_grant_beats_a_denial() {
    let claims = Some(r#"{"consents":["sharing"]}"#);
    let denied = Some(r#"{"consents":["ads"]}"#);
    for configuration in [TRUSTED, r#"{"header":"x-consent","cookie":"consent"}"#] {
        let with = |headers: &[(&str, &str)], claims| sharing(configuration, headers, claims);
        assert_eq!(with(&[("x-consent", "")], claims), DENIED);
        assert_eq!(with(&[("x-consent", "ads")], claims), DENIED);
        assert_eq!(with(&[("x-consent", "sharing")], claims), GRANTED);
        assert_eq!(with(&[("x-consent", "sharing")], denied), DENIED);
        assert_eq!(with(&[("cookie", "consent=")], claims), DENIED);
        // Two lines or cookies of one name: no client chooses which of them counts.
        let lines = [("x-consent", "sharing"), ("x-consent", "ads")];
        assert_eq!(with(&lines, claims), DENIED);
        let cookies = "consent=sharing; consent=ads";
        assert_eq!(with(&[("cookie", cookies)], claims), DENIED);
    }
}

#[test]
fn the_own_word_of_a_caller_denies_and_does_not_grant() {
    let own = r#"{"header":"x-consent","cookie":"consent"}"#;
    assert_eq!(sharing(own, &[("x-consent", "sharing")], None), UNKNOWN);
    assert_eq!(
        sharing(own, &[("cookie", "consent=sharing")], None),
        UNKNOWN
    );
    assert_eq!(sharing(own, &[("x-consent", "ads")], None), DENIED);
    let opt_in = r#"{"header":"x-consent","default":"denied"}"#;
    assert_eq!(sharing(opt_in, &[("x-consent", "sharing")], None), DENIED);
    let opt_out = r#"{"header":"x-consent","default":"granted"}"#;
    assert_eq!(sharing(opt_out, &[("x-consent", "sharing")], None), GRANTED);
    assert_eq!(sharing(opt_out, &[("x-consent", "ads")], None), DENIED);
}

#[test]
fn an_encoded_string_is_no_purpose_and_denies() {
    for encoded in [
        "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
        "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw",
        "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
        "%7B%22sharing%22%3Atrue%7D",
    ] {
        let cookie = format!("consent={encoded}");
        let headers = [("cookie", cookie.as_str())];
        let consent = sources(TRUSTED).signals(&get("/", &headers));
        assert!(consent.is_unreadable(), "{encoded}");
        assert!(consent.is_denied(encoded) && consent.is_denied("sharing"));
        assert_eq!(consent.purposes(), Some(BTreeSet::new()));
    }
    for purpose in [
        "sharing",
        "https://example.com/purposes/Care",
        "TREAT",
        "v2:Marketing",
    ] {
        assert!(is_purpose(purpose), "{purpose}");
    }
}

#[test]
fn the_default_decides_without_a_signal() {
    for (text, holds) in [("granted", false), ("denied", true), ("unknown", false)] {
        let sources = sources(&format!(r#"{{"default":"{text}"}}"#));
        let consent = sources.signals(&get("/", &[]));
        assert_eq!(
            condition(r#"{"denied":["sharing"]}"#).holds(&consent),
            holds,
            "{text}"
        );
    }
}

#[test]
fn an_empty_condition_is_a_mistake() {
    assert!(config::read("{}", |node| ConsentCondition::read(&node)).is_err());
}

/// What these sources make of a request, in the words of a rule.
fn denied(configuration: &str, path: &str, headers: &[(&str, &str)]) -> Vec<&'static str> {
    let consent = sources(configuration).signals(&get(path, headers));
    let known = ["sale", "sharing", "targeted_advertising", "care", "p3"];
    let denied = known.into_iter().filter(|name| consent.is_denied(name));
    denied.collect()
}

#[test]
fn global_privacy_control_denies_what_a_list_says() {
    let gpc: &[(&str, &str)] = &[("sec-gpc", "1")];
    let three = ["sale", "sharing", "targeted_advertising"];
    assert_eq!(denied("{}", "/", gpc), three);
    assert_eq!(denied(r#"{"gpc":true}"#, "/", gpc), three);
    assert_eq!(denied(r#"{"gpc":["care"]}"#, "/", gpc), ["care"]);
    assert!(denied(r#"{"gpc":false}"#, "/", gpc).is_empty());
    assert!(config::read(r#"{"gpc":[]}"#, |node| ConsentSources::read(&node)).is_err());
}

#[test]
fn a_query_parameter_is_a_source_in_every_reading() {
    let query = r#"{"query":"agreed"}"#;
    assert!(denied(query, "/", &[]).is_empty());
    assert!(
        denied(
            query,
            "/?agreed=sale,sharing,targeted_advertising,care,p3",
            &[]
        )
        .is_empty()
    );
    let but_care = ["sale", "sharing", "targeted_advertising", "p3"];
    assert_eq!(denied(query, "/?agreed=care", &[]), but_care);
    assert_eq!(denied(query, "/?x=1;agreed=care", &[]), but_care);
    assert_eq!(denied(query, "/?a%67reed=care", &[]), but_care);
    assert_eq!(denied(query, "/?agreed=care+x&agreed=care", &[]), but_care);
}

#[test]
fn a_string_of_the_iab_speaks_only_of_what_it_is_asked_about() {
    let text = "COrEAV4OrXx94ACABBENAHCIAD-AAAAAAACAAxAAAAgAIAwgAgAAAAEAgQAAAAAEAYQAQAAAACAAAABAAA";
    let cookie = format!("euconsent-v2={text}");
    let tcf = |purposes: &str| {
        let configuration = format!(
            r#"{{"tcf":{{"cookie":"euconsent-v2","trusted":true,"purposes":{purposes}}}}}"#
        );
        let headers = [("cookie", cookie.as_str())];
        let consent = sources(&configuration).signals(&get("/", &headers));
        assert!(!consent.is_unreadable());
        let encoded = consent.signals()[0].encoded().unwrap();
        assert!(
            encoded.bits.starts_with("tcf purposes=0011111110"),
            "{}",
            encoded.bits
        );
        consent
    };
    let consent = tcf(r#"{"3":"p3","1":"storage"}"#);
    assert!(consent.is_granted("p3") && consent.is_denied("storage"));
    assert!(!consent.is_granted("care") && !consent.is_denied("care"));
    for wrong in [
        r#"{"tcf":{"cookie":"c"}}"#,
        r#"{"tcf":{"purposes":{"1":"a"}}}"#,
        r#"{"tcf":{"cookie":"c","query":"q","purposes":{"1":"a"}}}"#,
        r#"{"tcf":{"cookie":"c","purposes":{"0":"a"}}}"#,
        r#"{"tcf":{"cookie":"c","purposes":{"25":"a"}}}"#,
        r#"{"gpp":{"cookie":"c","vendor":70000}}"#,
    ] {
        assert!(
            config::read(wrong, |node| ConsentSources::read(&node)).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn the_first_source_decides_alone_only_where_the_configuration_says_so() {
    let claims = Some(r#"{"consents":["sharing"]}"#);
    let headers: &[(&str, &str)] = &[("x-consent", "ads")];
    assert_eq!(
        sharing(r#"{"header":"x-consent"}"#, headers, claims),
        DENIED
    );
    let first = r#"{"header":"x-consent","combine":"first"}"#;
    assert_eq!(sharing(first, headers, claims), GRANTED);
    assert_eq!(sharing(first, headers, None), DENIED);
    assert_eq!(sharing(first, &[("sec-gpc", "1")], claims), DENIED);
}

#[test]
fn the_own_word_of_a_caller_never_ends_the_search() {
    let with = |more: &str| {
        format!(
            r#"{{"header":"x-consent","cookie":{{"name":"c","trusted":true}},"combine":"first"{more}}}"#
        )
    };
    let own = ("x-consent", "sharing");
    for (more, headers, expected) in [
        ("", vec![own, ("cookie", "c=ads")], DENIED),
        (
            r#","default":"granted""#,
            vec![own, ("cookie", "c=ads")],
            DENIED,
        ),
        ("", vec![own, ("cookie", "c=sharing")], GRANTED),
        (
            "",
            vec![("x-consent", "ads"), ("cookie", "c=sharing")],
            DENIED,
        ),
        ("", vec![own], UNKNOWN),
        (
            r#","query":"q""#,
            vec![own, ("cookie", "c=sharing")],
            GRANTED,
        ),
    ] {
        assert_eq!(
            sharing(&with(more), &headers, None),
            expected,
            "{more} {headers:?}"
        );
    }
}

#[test]
fn more_values_than_are_read_deny() {
    let cookies = |count: usize| vec!["c=sharing"; count].join("; ");
    let with = |configuration: &str, count: usize| {
        let cookies = cookies(count);
        sharing(configuration, &[("cookie", &cookies)], None)
    };
    let trusted = r#"{"cookie":{"name":"c","trusted":true}}"#;
    assert_eq!(with(trusted, 8), GRANTED);
    assert_eq!(with(trusted, 9), DENIED);
    assert_eq!(with(r#"{"cookie":"c","default":"granted"}"#, 9), DENIED);
    let request = |count: usize| {
        let path = format!(
            "/?{}",
            vec!["c=DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"; count].join("&")
        );
        let consent = sources(r#"{"gpp":{"query":"c"}}"#).signals(&get(&path, &[]));
        (
            consent.signals().len(),
            consent.is_unreadable(),
            consent.is_denied("other"),
        )
    };
    assert_eq!(request(8), (8, false, false));
    assert_eq!(request(9), (8, true, true));
}

#[test]
fn codings_in_a_claim_are_purposes() {
    let codes = r#"{"claim":"uses[].code"}"#;
    for (claims, expected) in [
        (r#"{"uses":[{"code":"sharing"},{"code":"ads"}]}"#, GRANTED),
        (r#"{"uses":{"code":"sharing"}}"#, GRANTED),
        (r#"{"uses":[{"code":["ads","sharing"]}]}"#, GRANTED),
        (r#"{"uses":[{"code":"ads"}]}"#, DENIED),
        (r#"{"uses":[{"system":"x"}]}"#, DENIED),
        (r#"{"uses":[]}"#, DENIED),
        (r#"{"sub":"x"}"#, UNKNOWN),
    ] {
        assert_eq!(sharing(codes, &[], Some(claims)), expected, "{claims}");
    }
}

#[test]
fn a_condition_names_what_is_missing() {
    let consent = sources(TRUSTED).signals(&get("/", &[("x-consent", "ads")]));
    let condition = condition(r#"{"granted":["care","ads","sharing"]}"#);
    assert_eq!(condition.missing(&consent), ["care", "sharing"]);
    assert_eq!(condition.required().len(), 3);
}
