use super::*;

#[test]
fn every_mistake_is_named() {
    let text = r#"{
        "sink": {"otlp_http": {"path": "v1", "timeout": "5 s", "clustre": "x", "headers_env": {"X": "A"}}},
        "mode": "observe",
        "assurance": "sync",
        "on_error": "maybe",
        "queue": {"max_bytes": "1KiB", "max_records": 0, "on_full": "block"},
        "batch": {"max_delay": "5ms", "max_bytes": "1B"},
        "rules": [
            {"level": "all", "retention": {"keep": "6 years"}, "sample": "0%"},
            {"match": {"path": ["/x"]}, "retention": {"class": "a b"}, "template": "x?y"}
        ],
        "subject": {"pseudonymize": {"epoch": ""}},
        "fields": {"query": "all", "ip": "pseudonym", "headers": ["Authorization", "x-tenant", "X-Session-Id"]},
        "chain": {"heartbeat": "1ms", "key_id": "a b", "witness": {"otlp_http": {}}}
    }"#;
    let problems = Config::parse(text).unwrap_err().to_string();
    for expected in [
        "sink.otlp_http.cluster: missing",
        r#"sink.otlp_http.path: "v1": expected a path"#,
        r#"sink.otlp_http.timeout: "5 s": unknown unit " s""#,
        r#"sink.otlp_http.clustre: unknown key; did you mean "cluster"?"#,
        r#"sink.otlp_http.headers_env.X: "A": expected the name of a header"#,
        r#"mode: "observe""#,
        r#"assurance: "sync""#,
        r#"on_error: "maybe""#,
        r#"queue.max_bytes: "1KiB": expected from 65536"#,
        "queue.max_records: 0: expected an integer from 1",
        r#"queue.on_full: "block""#,
        r#"batch.max_delay: "5ms": expected from 10ms to 1m"#,
        r#"batch.max_bytes: "1B""#,
        r#"rules[0].level: "all""#,
        r#"rules[0].sample: "0%": expected a share"#,
        "rules[0].retention.class: missing",
        r#"rules[0].retention.keep: "6 years": unknown unit " years""#,
        r#"rules[1].match.path: unknown key; did you mean "paths"?"#,
        r#"rules[1].retention.class: "a b""#,
        r#"rules[1].template: "x?y": expected a path without query"#,
        "subject.pseudonymize.key_env: missing",
        r#"subject.pseudonymize.epoch: """#,
        r#"fields.query: "all""#,
        r#"fields.ip: "pseudonym": needs a key"#,
        r#"fields.headers[0]: "Authorization": such a header holds a secret"#,
        r#"fields.headers[2]: "X-Session-Id": such a header holds a secret"#,
        r#"chain.heartbeat: "1ms": expected from 1s"#,
        r#"chain.key_id: "a b""#,
        "chain.witness",
    ] {
        assert!(
            problems.contains(expected),
            "{expected} is not in\n{problems}"
        );
    }
    let unsigned = r#"{"sink": "host_log", "chain": {"witness": "host_log"}}"#;
    let problems = Config::parse(unsigned).unwrap_err().to_string();
    assert!(problems.contains("need signing_key_env"), "{problems}");
}

#[test]
fn what_a_rule_leaves_open_the_whole_says() {
    let text = r#"{"sink": {"ndjson_http": {"cluster": "c"}}, "assurance": "best_effort",
        "retention": {"class": "basic", "keep": "1y"}, "rules": [{"level": "full"}, {"assurance": "synchronous"}]}"#;
    let config = Config::parse(text).unwrap();
    assert_eq!(config.rule(Some(0)).retention.class, "basic");
    assert_eq!(config.rule(Some(0)).assurance, Assurance::BestEffort);
    assert_eq!(config.rule(Some(1)).assurance, Assurance::Synchronous);
    assert_eq!(config.rule(None).retention.class, "basic");
    assert_eq!(config.rule(Some(7)).level, Level::Metadata);
    assert!(config.is_synchronous());
    let Sink::Http(sink) = config.sink else {
        panic!()
    };
    assert_eq!((sink.path.as_str(), sink.envelope), ("/", Envelope::Ndjson));
}

/// The mode of the filter is the default of its rules, and no more than that.
#[test]
fn a_rule_has_its_own_mode_or_that_of_the_filter() {
    use policy::mode::Mode::{Enforce, Report};
    for (filter, other, expected) in [
        ("report", "enforce", Report),
        ("enforce", "report", Enforce),
    ] {
        let text = format!(
            r#"{{"sink":"host_log","mode":"{filter}","rules":[{{"mode":"{other}"}},{{}}]}}"#
        );
        let config = Config::parse(&text).unwrap();
        let modes: Vec<_> = config.rules.iter().map(|rule| rule.mode).collect();
        let opposite = if expected == Report { Enforce } else { Report };
        assert_eq!(modes, [opposite, expected], "{filter}");
        assert_eq!(config.rule(None).mode, expected, "{filter}");
    }
}

#[test]
fn what_is_accepted_and_surprises_is_warned_of() {
    let text = r#"{"sink": "host_log", "fields": {"path": "template"},
        "rules": [
            {"match": {"paths": ["/a"]}, "template": "/a"},
            {"match": {"paths": ["/who/**"]}},
            {"match": {"paths": ["/healthz"]}, "level": "none"}
        ]}"#;
    let checked = Config::check(text);
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    let warnings = warnings.join("\n");
    assert!(!warnings.contains("rules[0].template"), "{warnings}");
    // A rule without a template, and what no rule matches.
    assert!(warnings.contains("rules[1].template"), "{warnings}");
    assert!(!warnings.contains("rules[2].template"), "{warnings}");
    assert_eq!(warnings.matches("fields.path").count(), 2, "{warnings}");
    let kept = r#"{"sink": "host_log", "retention": {"class": "a", "keep": "1y"}}"#;
    assert!(Config::check(kept).warnings.is_empty());
}

#[test]
fn people_of_requests_without_records_are_a_warning() {
    let text = r#"{"sink": "host_log", "retention": {"class": "a", "keep": "1y"},
        "subject": {"pseudonymize": {"key_env": "SUBJECT", "epoch": "2026"}},
        "rules": [
            {"match": {"paths": ["/a/*"]}, "level": "none", "data_subject": {"path": "/a/{id}"}},
            {"match": {"paths": ["/b/*"]}, "data_subject": {"path": "/b/{id}"}}
        ]}"#;
    let checked = Config::check(text);
    assert!(checked.result.is_ok(), "{:?}", checked.result);
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("rules[0].data_subject"),
        "{warnings:?}"
    );
}

/// Whoever asks who saw what about a person gets a list that leaves some out.
#[test]
fn people_of_requests_that_leave_no_record_are_a_warning() {
    let text = r#"{"sink": "host_log", "retention": {"class": "a", "keep": "1y"},
        "subject": {"pseudonymize": {"key_env": "SUBJECT", "epoch": "2026"}},
        "rules": [
            {"match": {"paths": ["/a/*"]}, "sample": "50%", "data_subject": {"path": "/a/{id}"}},
            {"match": {"paths": ["/b/*"]}, "assurance": "best_effort", "data_subject": {"path": "/b/{id}"}},
            {"match": {"paths": ["/c/*"]}, "sample": "100%", "data_subject": {"path": "/c/{id}"}},
            {"match": {"paths": ["/d/*"]}, "sample": "50%", "assurance": "best_effort"}
        ]}"#;
    let checked = Config::check(text);
    assert!(checked.result.is_ok(), "{:?}", checked.result);
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("rules[0].sample"), "{warnings:?}");
    assert!(
        warnings[1].starts_with("rules[1].assurance"),
        "{warnings:?}"
    );
}

/// A class of which nothing says how long is named once, and only where something is recorded.
#[test]
fn a_class_without_a_time_is_a_warning() {
    let text = r#"{"sink": "host_log", "retention": {"class": "a", "keep": {"at_least": "6y"}}, "rules": [
            {"match": {"paths": ["/a"]}, "retention": {"class": "b"}},
            {"match": {"paths": ["/b"]}, "retention": {"class": "b"}},
            {"match": {"paths": ["/c"]}, "retention": {"class": "c"}, "level": "none"}
        ]}"#;
    let warnings = Config::check(text).warnings;
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("rules[0].retention"), "{warnings:?}");
    assert!(
        warnings[0].contains("how long the class \"b\""),
        "{warnings:?}"
    );
    let bare = Config::check(r#"{"sink": "host_log"}"#).warnings;
    assert_eq!(bare.len(), 1, "{bare:?}");
}

#[test]
fn a_time_to_keep_may_have_two_ends() {
    let keep = |keep: &str| {
        let text =
            format!(r#"{{"sink": "host_log", "retention": {{"class": "a", "keep": {keep}}}}}"#);
        Config::parse(&text).map(|config| config.default_rule.retention.keep)
    };
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    for (text, at_least, at_most) in [
        (r#""5h""#, None, hours(5)),
        (r#"{"at_least": "5h", "at_most": "6h"}"#, hours(5), hours(6)),
        (r#"{"at_least": "5h"}"#, hours(5), None),
        (r#"{"at_most": "6h"}"#, hours(0), hours(6)),
    ] {
        assert_eq!(keep(text).unwrap(), Keep { at_least, at_most }, "{text}");
    }
    for (text, expected) in [
        ("{}", "retention.keep: expected \"at_least\""),
        (
            r#"{"at_least": "7h", "at_most": "6h"}"#,
            "retention.keep: \"at_most\" is shorter",
        ),
        (r#"{"at_leest": "7h"}"#, "at_leest"),
        (r#"{"at_least": "7 h"}"#, "retention.keep.at_least"),
        ("6", "retention.keep"),
    ] {
        let problems = keep(text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}: {problems}");
    }
}

/// Else one record that must stay keeps all that come after it in its chain.
#[test]
fn one_class_is_kept_for_one_time() {
    let mixed = r#"{"sink": "host_log", "retention": {"class": "y", "keep": "1y"},
        "rules": [
            {"match": {"paths": ["/a"]}, "retention": {"class": "x", "keep": "1h"}},
            {"match": {"paths": ["/b"]}, "retention": {"class": "x", "keep": "6y"}},
            {"match": {"paths": ["/c"]}, "retention": {"class": "x"}},
            {"match": {"paths": ["/d"]}, "retention": {"class": "y", "keep": "2y"}},
            {"match": {"paths": ["/e"]}}
        ]}"#;
    let problems = Config::parse(mixed).unwrap_err().to_string();
    for expected in [
        r#"rules[1].retention: the class "x" is kept for another time by rules[0].retention"#,
        r#"rules[2].retention: the class "x""#,
        // What the configuration says for all comes last, as the default rule.
        r#"retention: the class "y" is kept for another time by rules[3].retention"#,
    ] {
        assert!(
            problems.contains(expected),
            "{expected} is not in\n{problems}"
        );
    }
    assert!(!problems.contains("rules[0].retention: the"), "{problems}");
    let maxima = mixed.replace(r#""keep": "6y""#, r#""keep": {"at_most": "1h"}"#);
    let problems = Config::parse(&maxima).unwrap_err().to_string();
    assert!(
        problems.contains("rules[1].retention: the class"),
        "{problems}"
    );
    let same = mixed.replace("6y", "1h").replace("2y", "1y");
    let same = same.replace(r#"{"class": "x"}"#, r#"{"class": "x", "keep": "60m"}"#);
    assert!(Config::parse(&same).is_ok(), "{:?}", Config::parse(&same));
}

/// What is recorded of a request that may fall under all of these rules, and under the default.
fn strictest(rules: &str) -> Rule {
    let text = format!(
        r#"{{"sink":"host_log","subject":{{"pseudonymize":{{"key_env":"K","epoch":"1"}}}},"rules":{rules}}}"#
    );
    let config = Config::parse(&text).unwrap();
    Rule::strictest(&config.rules.iter().collect::<Vec<_>>()).unwrap()
}

/// Who writes a request so that several rules may be meant gets nothing less recorded by that, in
/// whatever order the rules are.
#[test]
fn of_several_rules_each_setting_is_the_one_that_records_most() {
    let both_ways = |one: &str, other: &str| {
        let rules = [format!("[{one},{other}]"), format!("[{other},{one}]")];
        rules.map(|rules| strictest(&rules))
    };
    let sampled = r#"{"sample":"0.1%","level":"full","mode":"report","assurance":"best_effort"}"#;
    for rule in both_ways(sampled, r#"{"assurance":"synchronous"}"#) {
        assert!(rule.sample.is_all(), "{rule:?}");
        assert_eq!(rule.level, Level::Full);
        assert_eq!(rule.assurance, Assurance::Synchronous);
        assert!(rule.mode.enforces());
    }
    // A rule without records says nothing about those of others.
    let silent =
        r#"{"level":"none","assurance":"synchronous","retention":{"class":"long","keep":"9y"}}"#;
    for rule in both_ways(sampled, silent) {
        assert!(!rule.sample.is_all());
        assert_eq!(rule.assurance, Assurance::BestEffort);
        assert_eq!(rule.retention.class, "default");
    }
    // But what is refused is recorded for as long as one of them says.
    for rule in both_ways(silent, r#"{"level":"none"}"#) {
        assert_eq!(rule.retention.class, "long");
        assert_eq!(rule.level, Level::None);
    }
}

#[test]
fn of_several_classes_the_one_that_is_kept_longest_counts() {
    let class = |keep: &str| match keep {
        "" => r#"{"class":"unsaid"}"#.to_owned(),
        keep => format!(r#"{{"class":"said","keep":{keep}}}"#),
    };
    for (shorter, longer) in [
        (r#""1d""#, r#""6y""#),
        (r#""1d""#, ""),
        ("", r#""1y""#),
        ("", r#"{"at_least":"1d"}"#),
        (r#""6y""#, r#"{"at_least":"1d"}"#),
        (r#"{"at_most":"6y"}"#, r#""6y""#),
        (r#"{"at_least":"6y"}"#, r#"{"at_least":"7y"}"#),
    ] {
        let [shorter, longer] = [shorter, longer].map(class);
        // One that is kept shorter has another name.
        let shorter = shorter.replace("said\"", "shorter\"");
        // A level that tells more does not make a record go sooner.
        let one = format!(r#"{{"level":"full","retention":{shorter}}}"#);
        let other = format!(r#"{{"retention":{longer}}}"#);
        for rules in [format!("[{one},{other}]"), format!("[{other},{one}]")] {
            let rule = strictest(&rules);
            assert!(!rule.retention.class.contains("shorter"), "{rules}");
        }
    }
}

#[test]
fn of_several_rules_all_people_may_be_meant_and_one_name_at_most() {
    let patients = r#"{"template":"/p/{id}","data_subject":{"query":"patient"}}"#;
    let rule = strictest(&format!("[{patients},{{}},{patients}]"));
    assert_eq!(rule.data_subject.len(), 1);
    assert!(rule.may_be_about_others);
    assert_eq!(rule.template.as_deref(), Some("/p/{id}"));
    let rule = strictest(&format!("[{patients},{patients}]"));
    assert!(!rule.may_be_about_others);
    let users = r#"{"template":"/u/{id}","data_subject":[{"query":"user"},{"query":"patient"}]}"#;
    let rule = strictest(&format!("[{patients},{users}]"));
    assert_eq!(rule.data_subject.len(), 2);
    assert!(rule.may_be_about_others);
    assert_eq!(rule.template, None);
    // However many rules there are.
    let many: Vec<String> = (0..100)
        .map(|number| format!(r#"{{"data_subject":{{"query":"q{number}"}}}}"#))
        .collect();
    let rule = strictest(&format!("[{}]", many.join(",")));
    assert!(rule.data_subject.len() < 40 && rule.may_be_about_others);
}

/// Whoever writes names into his request leaves no place for those whom the response is about.
#[test]
fn people_in_bodies_of_requests_come_last() {
    let config = r#"{"sink":"host_log","subject":{"pseudonymize":{"key_env":"K","epoch":"1"}},"rules":[{"data_subject":[
        {"request":"$.ids[*]"},{"response":"$[*].patient"},{"claim":"sub"},{"request":"$.id"},{"query":"patient"}]}]}"#;
    let config = Config::parse(config).unwrap();
    let places: Vec<String> = config.rules[0]
        .data_subject
        .iter()
        .map(|source| match source {
            DataSubjectSource::Claim(claim) => claim.clone(),
            DataSubjectSource::Request(_) => "query".to_owned(),
            DataSubjectSource::Body { path, .. } => path.clone(),
        })
        .collect();
    assert_eq!(places, ["$[*].patient", "sub", "query", "$.ids[*]", "$.id"]);
}

/// `--pseudonym-key-env EPOCH=VARIABLE` is how commands are told of a key.
#[test]
fn an_epoch_is_one_that_commands_can_be_given() {
    let config = r#"{"sink":"host_log","subject":{"pseudonymize":{"key_env":"K","epoch":"a=b"}}}"#;
    let problems = Config::parse(config).unwrap_err().to_string();
    assert!(
        problems.contains("subject.pseudonymize.epoch"),
        "{problems}"
    );
}
