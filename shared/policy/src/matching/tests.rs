#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::config;
use crate::facts::tests::Request;
use crate::identity::{Identity, parse_claims};
use crate::path::tests::{spellings_of_admin, spellings_out_of_open};
use crate::path::{PathError, RequestPath};
#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

fn rule(text: &str) -> Match {
    config::read(text, |node| Match::read(&node)).unwrap()
}

fn selected(rules: &[&str], request: &Request) -> Selection {
    let rules: Vec<Match> = rules.iter().map(|text| rule(text)).collect();
    select(rules.iter(), request)
}

const ADMIN: &str = r#"{"paths":["/admin/**"]}"#;
const PUBLIC: &str = r#"{"paths":["/public/**"]}"#;
const EVERYTHING: &str = r#"{"paths":["/**"]}"#;

#[test]
fn no_spelling_walks_around_a_rule() {
    for spelling in spellings_of_admin() {
        let request = Request::get(spelling, &[]);
        // Protected first, open for the rest: what most people write.
        let open = selected(&[ADMIN, PUBLIC, EVERYTHING], &request);
        assert!(
            matches!(open, Selection::Rule(0) | Selection::Ambiguous(_)),
            "{spelling}: {open:?}"
        );
        // Open parts first, then the protected one.
        let closed = selected(&[PUBLIC, ADMIN], &request);
        assert!(
            matches!(closed, Selection::Rule(1) | Selection::Ambiguous(_)),
            "{spelling}: {closed:?}"
        );
        assert!(applies(&rule(ADMIN), &request), "{spelling}");
    }
}

#[test]
fn what_some_server_reads_elsewhere_is_not_open() {
    const OPEN: &str = r#"{"paths":["/open/**"]}"#;
    const STRICT: &str = r#"{"paths":["/strict/**"]}"#;
    for spelling in spellings_out_of_open() {
        let request = Request::get(spelling, &[]);
        let alone = selected(&[OPEN], &request);
        assert!(
            matches!(
                alone,
                Selection::Ambiguous(_) | Selection::NoRule | Selection::Unreadable(_)
            ),
            "{spelling}: {alone:?}"
        );
        let before = selected(&[OPEN, STRICT], &request);
        assert_ne!(before, Selection::Rule(0), "{spelling}");
        assert!(applies(&rule(OPEN), &request), "{spelling}");
    }
}

#[test]
fn an_empty_segment_is_none_or_one_or_fits_a_wildcard() {
    let wildcards = [r#"{"paths":["/files/*"]}"#, r#"{"paths":["/files/**"]}"#];
    for path in ["/files//x", "/files/;/x", "/files/%2fx"] {
        let found = selected(&wildcards, &Request::get(path, &[]));
        assert_eq!(found, Selection::Ambiguous(Ambiguity::Path), "{path}");
    }
    let found = selected(&wildcards, &Request::get("/files/x/", &[]));
    assert_eq!(found, Selection::Rule(0));
    assert!(applies(
        &rule(r#"{"paths":["/files/*/x"]}"#),
        &Request::get("/files//x", &[])
    ));
}

#[test]
fn a_protected_prefix_holds_when_the_spelling_leads_out_of_it() {
    // An upstream that takes these for something below /admin must not be reached by way of the
    // public rule, although the canonical reading is public.
    for spelling in [
        "/admin/..%2fpublic/x",
        "/admin%2f..%2fpublic/x",
        "/admin/%2e%2e/public/x",
        "/admin/..;/public/x",
        "/admin/%252e%252e/public",
    ] {
        let found = selected(&[PUBLIC, ADMIN], &Request::get(spelling, &[]));
        assert_eq!(found, Selection::Ambiguous(Ambiguity::Path), "{spelling}");
    }
}

#[test]
fn spellings_that_change_no_rule_are_served() {
    for (path, expected) in [
        ("/public/a%20b", Selection::Rule(0)),
        ("/public/group%2Fproject", Selection::Rule(0)),
        ("/public/x;version=1", Selection::Rule(0)),
        ("/public//x", Selection::Rule(0)),
        ("/public/100%25", Selection::Rule(0)),
        ("/other//x", Selection::NoRule),
    ] {
        assert_eq!(
            selected(&[PUBLIC, ADMIN], &Request::get(path, &[])),
            expected,
            "{path}"
        );
    }
}

#[test]
fn an_unreadable_path_matches_no_path_rule() {
    let request = Request::get("/%zz", &[]);
    let unreadable = Selection::Unreadable(PathError::BrokenEscape);
    assert_eq!(selected(&[ADMIN], &request), unreadable);
    assert_eq!(selected(&[EVERYTHING], &request), unreadable);
    assert_eq!(selected(&["{}", ADMIN], &request), Selection::Rule(0));
    assert_eq!(
        selected(&[r#"{"methods":["PUT"],"paths":["/x"]}"#, "{}"], &request),
        Selection::Rule(1)
    );
    assert!(applies(&rule(ADMIN), &request));
}

#[test]
fn every_condition_counts() {
    let identity = Identity {
        scopes: vec!["a".to_owned(), "b".to_owned()],
        claims: parse_claims(br#"{"tenant":"acme"}"#).unwrap(),
        ..Identity::default()
    };
    let request = Request {
        route: Some("orders".to_owned()),
        identity: Some(identity),
        ..Request::get(
            "/orders/1",
            &[
                ("x-beta", "1"),
                ("content-type", "Application/JSON; charset=utf-8"),
                ("sec-gpc", "1"),
            ],
        )
    };
    for (text, expected) in [
        ("{}", true),
        (r#"{"routes":["orders"]}"#, true),
        (r#"{"routes":["order"]}"#, false),
        (r#"{"hosts":["API.example.com"]}"#, true),
        (r#"{"hosts":["*.example.com"]}"#, true),
        (r#"{"hosts":["*.api.example.com"]}"#, false),
        (r#"{"hosts":["example.com"]}"#, false),
        (r#"{"methods":["GET","PUT"]}"#, true),
        (r#"{"methods":["PUT"]}"#, false),
        (r#"{"paths":["/Orders/*"]}"#, true),
        (r#"{"paths":["/Orders/*"],"ignore_case":false}"#, false),
        (r#"{"paths":["/Orders/*"],"ignore_case":true}"#, true),
        (r#"{"headers":[{"name":"X-Beta","equals":"1"}]}"#, true),
        (
            r#"{"headers":[{"name":"x-beta","equals":"1"},{"name":"x-other","exists":true}]}"#,
            false,
        ),
        (r#"{"headers":[{"name":"x-other","absent":true}]}"#, true),
        (r#"{"headers":[{"name":"x-beta","prefix":"2"}]}"#, false),
        (r#"{"content_types":["application/json"]}"#, true),
        (r#"{"content_types":["application/*"]}"#, true),
        (r#"{"content_types":["text/*"]}"#, false),
        (r#"{"scopes":["a","b"]}"#, true),
        (r#"{"scopes":["a","c"]}"#, false),
        (r#"{"claims":[{"claim":"tenant","equals":"acme"}]}"#, true),
        (r#"{"consent":{"denied":["sharing"]}}"#, true),
        (r#"{"consent":{"granted":["sharing"]}}"#, false),
        (r#"{"paths":["/orders/*"],"methods":["PUT"]}"#, false),
    ] {
        assert_eq!(applies(&rule(text), &request), expected, "{text}");
    }
    let anonymous = Request::get("/orders/1", &[]);
    assert!(!applies(&rule(r#"{"scopes":["a"]}"#), &anonymous));
    assert!(!applies(&rule(r#"{"routes":["orders"]}"#), &anonymous));
}

#[test]
fn a_claim_on_what_the_request_names_counts_under_each_reading() {
    let own = rule(
        r#"{"paths":["/users/**"],"claims":[{"claim":"sub","equals":{"path":"/users/{id}/**"}}]}"#,
    );
    let of_jane = |path: &str| Request {
        identity: Some(Identity {
            subject: Some("jane".to_owned()),
            ..Identity::default()
        }),
        ..Request::get(path, &[])
    };
    for (path, applied, chosen) in [
        ("/users/jane/x", true, Selection::Rule(0)),
        ("/users/joe/x", false, Selection::NoRule),
        (
            "/users/joe%2f..%2fjane/x",
            true,
            Selection::Ambiguous(Ambiguity::Path),
        ),
    ] {
        let request = of_jane(path);
        assert_eq!(applies(&own, &request), applied, "{path}");
        assert_eq!(select([&own].into_iter(), &request), chosen, "{path}");
    }
}

#[test]
fn a_segment_that_no_path_of_the_rule_has_is_a_mistake() {
    let read = |paths: &str, pattern: &str| {
        let text = format!(
            r#"{{"paths":{paths},"claims":[{{"claim":"sub","equals":{{"path":"{pattern}"}}}}]}}"#
        );
        config::read(&text, |n| Match::read(&n)).map_err(|problems| problems.to_string())
    };
    for (paths, pattern) in [
        (r#"["/users/*"]"#, "/users/{id}"),
        (r#"["/users/**"]"#, "/users/{id}/orders"),
        (r#"["/a","/users/*"]"#, "/users/{id}/**"),
        (r#"["/**"]"#, "/users/{id}"),
        (r#"["/Users/*"]"#, "/users/{id}"),
    ] {
        assert!(read(paths, pattern).is_ok(), "{paths} {pattern}");
    }
    for (paths, pattern) in [
        (r#"["/orders/**"]"#, "/users/{id}"),
        (r#"["/users"]"#, "/users/{id}"),
        (r#"["/users/*/orders"]"#, "/users/{id}"),
    ] {
        let problems = read(paths, pattern).unwrap_err();
        assert!(problems.contains("claims[0]"), "{problems}");
        assert!(problems.contains("always be missing"), "{problems}");
    }
}

/// A deny-list of one rule, and the same before a rule for everything.
fn read_both_ways(rule_text: &str, request: &Request) -> (Selection, Selection, bool) {
    (
        selected(&[rule_text], request),
        selected(&[rule_text, "{}"], request),
        applies(&rule(rule_text), request),
    )
}

#[test]
fn a_method_in_another_case_or_overridden_is_ambiguous() {
    let with = |method: &str, overrides: &[&str]| Request {
        method: method.to_owned(),
        method_overrides: overrides.iter().map(|o| (*o).to_owned()).collect(),
        ..Request::get("/", &[])
    };
    let yes = (Selection::Rule(0), Selection::Rule(0), true);
    let no = (Selection::NoRule, Selection::Rule(1), false);
    let ambiguous = Selection::Ambiguous(Ambiguity::Method);
    let maybe = (ambiguous, ambiguous, true);
    let post = r#"{"methods":["POST"]}"#;
    let get = r#"{"methods":["GET"]}"#;
    let get_and_head = r#"{"methods":["GET","HEAD"]}"#;
    for (rule, request, expected) in [
        (post, with("POST", &[]), yes),
        (post, with("post", &[]), maybe),
        (post, with("Post", &[]), maybe),
        (post, with("PUT", &[]), no),
        (post, with("put", &[]), no),
        (post, with("GET", &["POST"]), maybe),
        (post, with("GET", &[" post "]), maybe),
        (post, with("POST", &["DELETE"]), maybe),
        (post, with("POST", &["POST"]), yes),
        (post, with("PUT", &["DELETE"]), no),
        (post, with("POST", &[""]), yes),
        (get, with("HEAD", &[]), maybe),
        (get, with("head", &[]), maybe),
        (get_and_head, with("HEAD", &[]), yes),
        ("{}", with("post", &["DELETE"]), yes),
    ] {
        let method = &request.method;
        assert_eq!(
            read_both_ways(rule, &request),
            expected,
            "{rule} {method} {:?}",
            request.method_overrides
        );
    }
}

#[test]
fn a_header_with_several_values_is_ambiguous() {
    let yes = (Selection::Rule(0), Selection::Rule(0), true);
    let no = (Selection::NoRule, Selection::Rule(1), false);
    let ambiguous = Selection::Ambiguous(Ambiguity::Header);
    let maybe = (ambiguous, ambiguous, true);
    let equals = r#"{"headers":[{"name":"x-a","equals":"1"}]}"#;
    let prefix = r#"{"headers":[{"name":"x-a","prefix":"ab"}]}"#;
    let list = r#"{"headers":[{"name":"x-a","equals":"1, 2"}]}"#;
    let absent = r#"{"headers":[{"name":"x-a","absent":true}]}"#;
    let exists = r#"{"headers":[{"name":"x-a","exists":true}]}"#;
    let json = r#"{"content_types":["application/json"]}"#;
    for (rule, headers, expected) in [
        (equals, &[("x-a", "1")][..], yes),
        (equals, &[("x-a", "1"), ("x-a", "2")], maybe),
        (equals, &[("x-a", "2"), ("x-a", "1")], maybe),
        (equals, &[("x-a", "1"), ("x-a", "1")], maybe),
        (equals, &[("x-a", "1"), ("x-a", "")], maybe),
        (equals, &[("x-a", "2,1")], maybe),
        (equals, &[("x-a", "2, 1")], maybe),
        (equals, &[("x-a", "2"), ("x-a", "3")], no),
        (equals, &[("x-a", "11,2")], no),
        (list, &[("x-a", "1, 2")], yes),
        (list, &[("x-a", "1"), ("x-a", "2")], maybe),
        (prefix, &[("x-a", "abc, d")], yes),
        (prefix, &[("x-a", "abc"), ("x-a", "d")], maybe),
        (prefix, &[("x-a", "d"), ("x-a", "abc")], maybe),
        (absent, &[("x-a", "1"), ("x-a", "2")], no),
        (absent, &[], yes),
        // Names that upstreams fold into the one asked for.
        (equals, &[("x_a", "1")], maybe),
        (equals, &[("x.a", "1")], maybe),
        (equals, &[("x-a", "1"), ("x_a", "2")], maybe),
        (equals, &[("x-a", "1"), ("xa", "2")], yes),
        (equals, &[("x_a", "2")], no),
        (prefix, &[("x_a", "abc")], maybe),
        (absent, &[("x_a", "1")], maybe),
        (exists, &[("x_a", "1")], maybe),
        (exists, &[("x-a", "1"), ("x_a", "1")], yes),
        (json, &[("content-type", "application/json")], yes),
        (
            json,
            &[("content-type", "application/json; charset=\"a,b\"")],
            yes,
        ),
        (
            json,
            &[
                ("content-type", "application/json"),
                ("content-type", "application/json"),
            ],
            yes,
        ),
        (
            json,
            &[
                ("content-type", "application/grpc"),
                ("content-type", "application/json"),
            ],
            maybe,
        ),
        (
            json,
            &[("content-type", "text/plain, application/json")],
            maybe,
        ),
        (json, &[("content-type", "text/plain")], no),
        (json, &[], no),
    ] {
        let request = Request::get("/", headers);
        assert_eq!(
            read_both_ways(rule, &request),
            expected,
            "{rule} {headers:?}"
        );
    }
}

#[test]
fn a_path_in_another_case_is_ambiguous_until_somebody_says_what_the_upstream_does() {
    let yes = (Selection::Rule(0), Selection::Rule(0), true);
    let no = (Selection::NoRule, Selection::Rule(1), false);
    let ambiguous = Selection::Ambiguous(Ambiguity::Path);
    let maybe = (ambiguous, ambiguous, true);
    let admin = |ignore_case: &str| format!(r#"{{"paths":["/admin/**"]{ignore_case}}}"#);
    for (ignore_case, same, other) in [
        ("", yes, maybe),
        (r#","ignore_case":true"#, yes, yes),
        (r#","ignore_case":false"#, yes, no),
    ] {
        let rule = admin(ignore_case);
        assert_eq!(
            read_both_ways(&rule, &Request::get("/admin/x", &[])),
            same,
            "{rule}"
        );
        assert_eq!(
            read_both_ways(&rule, &Request::get("/Admin/x", &[])),
            other,
            "{rule}"
        );
        let elsewhere = Request::get("/Administration", &[]);
        assert_eq!(read_both_ways(&rule, &elsewhere), no, "{rule}");
    }
    // The other conditions of the rule do not hold, so nothing is ambiguous.
    let post = r#"{"paths":["/admin/**"],"methods":["POST"]}"#;
    assert_eq!(read_both_ways(post, &Request::get("/ADMIN", &[])), no);
    let both = [rule(&admin("")), rule("{}")];
    let found = candidates(both.iter(), &Request::get("/ADMIN", &[]));
    assert_eq!(found, (vec![0, 1], false));
}

#[test]
fn more_methods_or_hosts_than_anybody_needs_are_ambiguous() {
    let many = |count: usize| (0..count).map(|n| format!("X{n}")).collect::<Vec<String>>();
    let request = Request {
        method_overrides: many(9),
        other_hosts: many(9),
        ..Request::get("/", &[])
    };
    for (text, ambiguity) in [
        (r#"{"methods":["POST"]}"#, Ambiguity::Method),
        (r#"{"hosts":["a.example.com"]}"#, Ambiguity::Host),
    ] {
        let ambiguous = Selection::Ambiguous(ambiguity);
        let found = read_both_ways(text, &request);
        assert_eq!(found, (ambiguous, ambiguous, true), "{text}");
    }
}

#[test]
fn a_condition_on_headers_may_hold_where_not_all_are_known() {
    let request = Request {
        lists_all_headers: false,
        ..Request::get("/", &[("x-a", "1")])
    };
    let ambiguous = Selection::Ambiguous(Ambiguity::Header);
    for text in [
        r#"{"headers":[{"name":"x-a","equals":"1"}]}"#,
        r#"{"headers":[{"name":"x-b","exists":true}]}"#,
        r#"{"headers":[{"name":"x-b","absent":true}]}"#,
    ] {
        let found = read_both_ways(text, &request);
        assert_eq!(found, (ambiguous, ambiguous, true), "{text}");
    }
}

#[test]
fn a_method_that_nobody_knows_is_probably_another_one() {
    let check = |method: &str| {
        let text = format!(r#"{{"methods":["{method}"]}}"#);
        let checked = config::check(&text, |node| Match::read(&node));
        let warnings = checked.warnings.iter().map(ToString::to_string);
        let errors = checked.result.err().map(|error| error.to_string());
        errors
            .into_iter()
            .chain(warnings)
            .collect::<Vec<String>>()
            .join("\n")
    };
    for (method, expected) in [
        ("get", r#"did you mean "GET"?"#),
        ("Delte", r#"did you mean "DELETE"?"#),
        ("GTE", r#"did you mean "GET"? (method_unknown)"#),
        ("PSOT", r#"did you mean "POST"? (method_unknown)"#),
        ("a b", "expected a method in upper case"),
    ] {
        let said = check(method);
        assert!(said.contains(expected), "{method}: {said}");
    }
    for method in ["GET", "PURGE", "VERSION-CONTROL", "SUBSCRIBE", "M-SEARCH"] {
        assert_eq!(check(method), "", "{method}");
    }
}

#[test]
fn a_host_that_is_named_twice_is_ambiguous() {
    let request = Request {
        other_hosts: vec!["internal.example.com".to_owned()],
        ..Request::get("/", &[])
    };
    let ambiguous = Selection::Ambiguous(Ambiguity::Host);
    for host in ["internal.example.com", "api.example.com"] {
        let rule = format!(r#"{{"hosts":["{host}"]}}"#);
        let found = read_both_ways(&rule, &request);
        assert_eq!(found, (ambiguous, ambiguous, true), "{host}");
    }
    let both = read_both_ways(r#"{"hosts":["*.example.com"]}"#, &request);
    assert_eq!(both, (Selection::Rule(0), Selection::Rule(0), true));
}

#[test]
fn a_host_pattern_is_read_like_the_host_of_a_request() {
    for pattern in ["API.example.com", "api.example.com."] {
        let rule = rule(&format!(r#"{{"hosts":["{pattern}"]}}"#));
        assert!(applies(&rule, &Request::get("/", &[])), "{pattern}");
    }
    let local = Request {
        host: crate::http::host_name("[::1]:8080"),
        ..Request::get("/", &[])
    };
    assert!(applies(&rule(r#"{"hosts":["[::1]"]}"#), &local));
}

#[test]
fn candidates_are_all_rules_that_some_server_means() {
    let rules = [
        rule(r#"{"paths":["/open/**"]}"#),
        rule(r#"{"methods":["POST"]}"#),
        rule(r#"{"paths":["/admin/**"]}"#),
        rule("{}"),
    ];
    let of = |request: &Request, count: usize| {
        let rules = rules.get(..count).unwrap();
        candidates(rules.iter(), request)
    };
    assert_eq!(of(&Request::get("/open/x", &[]), 4), (vec![0], false));
    assert_eq!(of(&Request::get("/x", &[]), 3), (vec![], true));
    assert_eq!(
        of(&Request::get("/open/..%2fadmin", &[]), 4),
        (vec![0, 2], false)
    );
    assert_eq!(of(&Request::get("/open/..%2fx", &[]), 3), (vec![0], true));
    assert_eq!(of(&Request::get("/%zz", &[]), 4), (vec![0, 2, 3], false));
    assert_eq!(of(&Request::get("/%zz", &[]), 3), (vec![0, 2], true));
    let post = Request {
        method: "post".to_owned(),
        ..Request::get("/x", &[])
    };
    assert_eq!(of(&post, 4), (vec![1, 3], false));
}

#[test]
fn a_match_that_could_never_hold_is_a_mistake() {
    for text in [
        r#"{"paths":[]}"#,
        r#"{"paths":["orders"]}"#,
        r#"{"path":["/x"]}"#,
        r#"{"methods":["get"]}"#,
        r#"{"hosts":["api.example.com:443"]}"#,
        r#"{"hosts":["*example.com"]}"#,
        r#"{"hosts":["*."]}"#,
        r#"{"hosts":["a.com,b.com"]}"#,
        "{\"hosts\":[\"m\u{fc}nchen.de\"]}",
        r#"{"headers":[{"name":"x","equals":" 1"}]}"#,
        r#"{"paths":["/users/{id}"]}"#,
        r#"{"paths":["/users/:id"]}"#,
        r#"{"paths":["/admin "]}"#,
        r#"{"paths":["/admin\u0001"]}"#,
        r#"{"paths":["/admin\u200b/**"]}"#,
        r#"{"hosts":["a.*.com"]}"#,
        r#"{"content_types":["json"]}"#,
        r#"{"headers":[{"name":"x"}]}"#,
        r#"{"headers":[{"name":"x y","exists":true}]}"#,
        r#"{"consent":{}}"#,
        "[]",
    ] {
        assert!(
            config::read(text, |node| Match::read(&node)).is_err(),
            "{text}"
        );
    }
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    /// A request ends at the open rule only if no reading is protected.
    #[test]
    fn a_request_ends_at_the_open_rule_only_if_no_reading_is_protected(
        raw in "(/|//|\\\\|%2f|%5c|;|;x|\\.|\\.\\.|%2e|%252e|%252f|admin|%61dmin|public|x){1,8}",
    ) {
        let spelled = format!("/{raw}");
        let Ok(path) = RequestPath::parse(spelled.as_bytes()) else { return Ok(()) };
        let protected = path
            .readings()
            .iter()
            .any(|reading| reading.segments().first().is_some_and(|first| first == "admin"));
        let found = selected(&[ADMIN, EVERYTHING], &Request::get(&spelled, &[]));
        prop_assert_eq!(found == Selection::Rule(1), !protected, "{}", spelled);
    }
}

#[test]
fn a_match_covers_what_it_certainly_holds_for() {
    let read = |text: &str| config::read(text, |node| Match::read(&node)).unwrap();
    for (wide, narrow, expected) in [
        ("{}", r#"{"paths":["/a"]}"#, true),
        (r#"{"paths":["/a"]}"#, "{}", false),
        (r#"{"paths":["/a/**"]}"#, r#"{"paths":["/a/b","/a"]}"#, true),
        (r#"{"paths":["/a/*"]}"#, r#"{"paths":["/a/b","/a"]}"#, false),
        (r#"{"paths":["/a/*"]}"#, r#"{"paths":["/a/**"]}"#, false),
        (
            r#"{"paths":["/a/**"]}"#,
            r#"{"paths":["/A/b"],"ignore_case":true}"#,
            true,
        ),
        (
            r#"{"paths":["/a/**"],"ignore_case":false}"#,
            r#"{"paths":["/a/b"]}"#,
            false,
        ),
        (
            r#"{"paths":["/a"],"methods":["GET","POST"]}"#,
            r#"{"paths":["/a"],"methods":["GET"]}"#,
            true,
        ),
        (r#"{"methods":["GET"]}"#, r#"{"paths":["/a"]}"#, false),
        (
            r#"{"paths":["/A/**"],"ignore_case":true}"#,
            r#"{"paths":["/a/b"]}"#,
            true,
        ),
        (
            r#"{"hosts":["*.a.com"]}"#,
            r#"{"hosts":["b.a.com","*.c.a.com"]}"#,
            true,
        ),
        (r#"{"hosts":["*.a.com"]}"#, r#"{"hosts":["a.com"]}"#, false),
        (
            r#"{"hosts":["b.a.com"]}"#,
            r#"{"hosts":["*.a.com"]}"#,
            false,
        ),
        (
            r#"{"content_types":["text/*"]}"#,
            r#"{"content_types":["text/xml"]}"#,
            true,
        ),
        (
            r#"{"content_types":["text/*"]}"#,
            r#"{"content_types":["textile/x"]}"#,
            false,
        ),
        (
            r#"{"headers":[{"name":"x-a","exists":true}]}"#,
            r#"{"headers":[{"name":"x-a","equals":"1"}]}"#,
            true,
        ),
        (
            r#"{"headers":[{"name":"x-a","exists":true}]}"#,
            r#"{"headers":[{"name":"x-a","absent":true}]}"#,
            false,
        ),
        (
            r#"{"headers":[{"name":"x-a","prefix":"a"}]}"#,
            r#"{"headers":[{"name":"x-a","equals":"ab"}]}"#,
            true,
        ),
        (
            r#"{"headers":[{"name":"x-a","exists":true}]}"#,
            r#"{"paths":["/a"]}"#,
            false,
        ),
        (
            r#"{"paths":["/a"]}"#,
            r#"{"paths":["/a"],"headers":[{"name":"x-a","exists":true}]}"#,
            true,
        ),
    ] {
        assert_eq!(
            read(wide).covers(&read(narrow)),
            expected,
            "{wide} {narrow}"
        );
    }
}
