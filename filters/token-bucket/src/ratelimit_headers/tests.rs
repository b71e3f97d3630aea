use proptest::prelude::*;

use super::*;

fn state(name: &str, quota: u64, window_s: u64, remaining: u64, full_s: u64) -> LimitState {
    LimitState {
        name: name.to_owned(),
        quota,
        window: (window_s > 0).then(|| Duration::from_secs(window_s)),
        remaining,
        until_full: Duration::from_secs(full_s),
        until_more: Duration::from_millis(300),
        refuses: false,
    }
}

/// The limit that refuses comes first, also where another one has less left.
#[test]
fn a_refusing_limit_is_the_strictest() {
    let refusing = LimitState {
        refuses: true,
        until_more: Duration::from_secs(9),
        ..state("dear", 50, 60, 5, 10)
    };
    let shorter = LimitState {
        refuses: true,
        ..state("soon", 40, 60, 0, 10)
    };
    let fields = x_ratelimit(&[shorter, refusing, state("cheap", 4, 60, 1, 20)]);
    assert!(fields[0].1.starts_with("50, 40;w=60"), "{fields:?}");
    assert_eq!(fields[1].1, "5");
}

#[test]
fn an_upstream_without_policies_makes_no_empty_header() {
    let theirs = |name: &str| (name == "ratelimit").then(|| "\"a\";r=0;t=9".to_owned());
    let fields = merged(ietf_10(&[state("a", 5, 60, 3, 9)]), theirs);
    assert_eq!(fields, [("ratelimit", "\"a\";r=0;t=9".to_owned())]);
}

#[test]
fn rounds_up_and_never_to_nothing() {
    for (nanoseconds, expected) in [
        (0, "1"),
        (1, "1"),
        (1_000_000_000, "1"),
        (1_000_000_001, "2"),
        (59_100_000_000, "60"),
    ] {
        assert_eq!(retry_after(Duration::from_nanos(nanoseconds)), expected);
    }
}

/// As Envoy's own filter writes them: the strictest first, then all that have a window.
#[test]
fn the_old_headers_name_all_limits_and_the_strictest_first() {
    for (states, limit, remaining, reset) in [
        (
            vec![
                state("first", 1, 60, 5, 10),
                state("second", 4, 3600, 2, 20),
            ],
            r#"4, 1;w=60;name="first", 4;w=3600;name="second""#,
            "2",
            "20",
        ),
        (
            vec![state("", 1, 60, 5, 10), state("x", 4, 0, 2, 20)],
            "4, 1;w=60",
            "2",
            "20",
        ),
        (
            vec![state("a", 5, 1, 0, 3), state("b", 9, 1, 0, 7)],
            r#"9, 5;w=1;name="a", 9;w=1;name="b""#,
            "0",
            "7",
        ),
        (
            vec![state("a\"b\n", 5, 1, 0, 3)],
            r#"5, 5;w=1;name="a'b?""#,
            "0",
            "3",
        ),
    ] {
        let expected = [limit, remaining, reset].map(str::to_owned);
        let found: Vec<String> = x_ratelimit(&states).into_iter().map(|(_, v)| v).collect();
        assert_eq!(found, expected);
    }
    assert_eq!(x_ratelimit(&[]), []);
    assert_eq!(ietf_10(&[]), []);
}

#[test]
fn the_new_headers_name_all_limits() {
    let states = [state("burst", 100, 60, 50, 30), state("day", 9, 0, 0, 20)];
    let expected = [
        ("ratelimit-policy", r#""burst";q=100;w=60, "day";q=9"#),
        ("ratelimit", r#""burst";r=50;t=1, "day";r=0;t=1"#),
    ];
    let expected = expected.map(|(name, value)| (name, value.to_owned()));
    assert_eq!(ietf_10(&states), expected);
}

fn merge(ours: HeaderFields, theirs: &[(&str, &str)]) -> Vec<String> {
    let find = |name: &str| {
        let found = theirs.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    merged(ours, find)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn the_stricter_of_the_old_headers_wins_as_a_whole() {
    let ours = || x_ratelimit(&[state("a", 5, 1, 2, 3)]);
    let all = [r#"5, 5;w=1;name="a""#, "2", "3"];
    let none: [&str; 0] = [];
    let (rem, reset) = ("x-ratelimit-remaining", "x-ratelimit-reset");
    assert_eq!(merge(ours(), &[]), all);
    assert_eq!(merge(ours(), &[(rem, "7")]), all);
    assert_eq!(merge(ours(), &[(rem, "nonsense"), (reset, "1")]), all);
    assert_eq!(merge(ours(), &[(rem, "-1")]), all);
    assert_eq!(merge(ours(), &[(rem, " 1 ")]), none);
    assert_eq!(
        merge(ours(), &[(rem, "2"), (reset, "2")]),
        all,
        "ours takes longer"
    );
    assert_eq!(merge(ours(), &[(rem, "2"), (reset, "9")]), none);
    assert_eq!(merge(ours(), &[(rem, "2"), (reset, "3")]), none);
}

#[test]
fn the_new_headers_stand_side_by_side() {
    let ours = || ietf_10(&[state("a", 5, 1, 2, 3)]);
    let mine = [r#""a";q=5;w=1"#, r#""a";r=2;t=1"#];
    let with = |policy: &'static str, left: &'static str| {
        merge(ours(), &[("ratelimit-policy", policy), ("ratelimit", left)])
    };
    assert_eq!(merge(ours(), &[]), mine);
    assert_eq!(with("nonsense", "limit=5"), mine);
    assert_eq!(
        with(r#""b";q=1"#, r#""b;r=1"#),
        mine,
        "no end of the string"
    );
    assert_eq!(
        with(r#""b,c";q=1"#, r#""b,c";r=9;t=4"#),
        [r#""b,c";q=1, "a";q=5;w=1"#, r#""b,c";r=9;t=4, "a";r=2;t=1"#]
    );
    assert_eq!(
        with(r#""a";q=9, "d";q=1"#, r#""a";r=1, "d";r=0"#),
        [r#""a";q=9, "d";q=1"#, r#""a";r=1, "d";r=0"#],
        "theirs of this name is stricter"
    );
    assert_eq!(
        with(r#""a";q=9, "d";q=1"#, r#""a";r=7, "d";r=0"#),
        [r#""d";q=1, "a";q=5;w=1"#, r#""d";r=0, "a";r=2;t=1"#]
    );
}

proptest! {
    #[test]
    fn merging_takes_any_text(limit in "\\PC*", policy in ".*", remaining in ".*") {
        let theirs = [
            ("ratelimit", limit.as_str()), ("ratelimit-policy", &policy),
            ("x-ratelimit-remaining", &remaining),
        ];
        merge(ietf_10(&[state("a", 5, 1, 2, 3)]), &theirs);
        merge(x_ratelimit(&[state("a", 5, 1, 2, 3)]), &theirs);
    }
}
