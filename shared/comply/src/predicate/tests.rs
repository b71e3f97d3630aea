use proptest::prelude::*;
use serde_json::json;

use super::*;

fn holds(text: &str, document: &Value) -> bool {
    Predicate::parse(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .holds(document, ReportMode::IsNothing)
}

#[test]
fn what_a_predicate_means() {
    let document = json!({
        "auth": {
            "rules": [
                {"match": {"paths": ["/a"]}, "require": {"tls": {"min_version": "1.2"}, "scopes": []}},
                {"match": {"paths": ["/b", "/c"]}, "allow": "anonymous", "n": 5}
            ],
            "providers": {"corp": {"max_lifetime": "24h"}, "keys": {"forward": false, "none": null, "empty": ""}}
        },
        "audit": {"retention": {"keep": "6y"}, "rules": [{"retention": {"keep": {"at_least": "7y"}}}]}
    });
    for (text, expected) in [
        ("auth", true),
        ("auth.rules", true),
        ("auth.rules.require.tls.min_version", true),
        ("auth.rules.require.tls.max_version", false),
        // Nothing, false, and lists and texts without anything are not set.
        ("auth.rules.require.scopes", false),
        ("auth.providers.keys.forward", false),
        ("auth.providers.*.none or auth.providers.*.empty", false),
        ("auth.rules.allow == \"anonymous\"", true),
        ("auth.rules.allow != \"anonymous\"", false),
        ("auth.rules.require.tls.min_version != \"1.0\"", true),
        ("auth.rules.match.paths == \"/c\"", true),
        ("auth.rules.match.paths begins \"/\"", true),
        ("auth.rules.match.paths in [\"/x\", \"/c\"]", true),
        ("auth.rules.match.paths in [\"/x\"]", false),
        ("auth.rules.match.paths only [\"/a\", \"/b\", \"/c\"]", true),
        ("auth.rules.match.paths only [\"/a\", \"/b\"]", false),
        ("auth.rules.require.scopes only [\"a\"]", false),
        ("auth.rules[match.paths == \"/b\"].allow", true),
        ("auth.rules[match.paths == \"/a\"].allow", false),
        ("auth.rules[match.paths == \"/b\"][n > 4].allow", true),
        (
            "auth.rules.n >= 5 and auth.rules.n <= 5 and auth.rules.n == 5",
            true,
        ),
        ("auth.rules.n < 5 or auth.rules.n > 5", false),
        ("auth.providers.*.max_lifetime <= 1d", true),
        ("auth.providers.*.max_lifetime < 24h", false),
        ("audit.**.keep >= 6y", true),
        ("audit.**.keep > 6y", false),
        ("audit.**.keep.at_least > 6y", true),
        ("**.at_least == 7y", true),
        ("auth.providers.keys.forward == false", true),
        ("not auth.nothing and (auth.nothing or auth)", true),
        ("not (auth or auth)", false),
        // `and` binds more tightly.
        ("auth or auth.x and auth.y", true),
        ("(auth or auth.x) and auth.y", false),
        // A text is no number, and no span of time.
        ("auth.rules.allow == 5", false),
        ("auth.rules.allow > 5s", false),
    ] {
        assert_eq!(holds(text, &document), expected, "{text}");
    }
}

/// What is only reported is not done.
#[test]
fn report_mode_is_nothing() {
    let document = json!({
        "auth": {"mode": "report", "default": "deny",
                 "rules": [{"mode": "enforce", "require": {"provider": "a"}}, {"require": {"scopes": ["x"]}}]},
        "redact": {"rules": [{"mode": "report", "detect": ["EMAIL"]}, {"detect": ["US_SSN"]}]}
    });
    let text = |text: &str, reported| Predicate::parse(text).unwrap().holds(&document, reported);
    for (path, enforced) in [
        ("auth.rules.require.provider", true),
        ("auth.rules.require.scopes", false),
        ("redact.rules.detect == \"EMAIL\"", false),
        ("redact.rules.detect == \"US_SSN\"", true),
    ] {
        assert_eq!(text(path, ReportMode::IsNothing), enforced, "{path}");
        assert!(text(path, ReportMode::Counts), "{path}");
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, at, what) in [
        ("", 0, "expected a path"),
        ("auth.", 5, "expected a path"),
        ("auth ==", 7, "expected a text in quotes"),
        ("auth == pci", 8, "expected a text in quotes"),
        ("auth == \"x", 8, "expected a quote"),
        ("auth auth", 5, "expected \"and\""),
        ("(auth", 5, "expected \")\""),
        ("auth[x", 6, "expected \"]\""),
        ("auth in \"x\"", 8, "expected \"[\""),
        ("auth and", 8, "expected a path"),
        ("auth = 5", 5, "expected \"and\""),
    ] {
        let error = Predicate::parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
    }
    let deep = format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(Predicate::parse(&deep).is_err());
}

#[test]
fn paths_are_named_from_the_beginning() {
    let predicate = Predicate::parse("a.b[c.d == 1].e and not **.f.*").unwrap();
    let paths = predicate.paths();
    let paths: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
    assert_eq!(paths, ["a.b.c.d", "a.b.e", "**.f.*"]);
}

proptest! {
    #[test]
    fn nothing_makes_it_fail(text in "[a-c.*\\[\\]()=<>\"0-9 andornoti]{0,40}", other in ".{0,30}") {
        let document = json!({"a": [{"b": "1"}, 2], "b": {"c": null}});
        for text in [text, other] {
            if let Ok(predicate) = Predicate::parse(&text) {
                let _ = predicate.holds(&document, ReportMode::IsNothing);
            }
        }
    }
}
