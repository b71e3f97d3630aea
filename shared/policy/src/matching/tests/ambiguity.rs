//! What servers may read in more than one way counts under every reading.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::overrides::OtherHosts;

/// A deny-list of one rule, and the same before a rule for everything.
fn read_both_ways(rule_text: &str, request: &DescribedRequest) -> (Selection, Selection, bool) {
    (
        selected(&[rule_text], request),
        selected(&[rule_text, "{}"], request),
        applies(&rule(rule_text), request),
    )
}

#[test]
fn a_method_in_another_case_or_overridden_is_ambiguous() {
    let with = |method: &str, overrides: &[&str]| DescribedRequest {
        method: method.to_owned(),
        method_overrides: overrides.iter().map(|o| (*o).to_owned()).collect(),
        ..get("/", &[])
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
fn a_path_that_leads_elsewhere_may_belong_to_any_route() {
    let on = |path: &str| DescribedRequest {
        route: Some("public".to_owned()),
        ..get(path, &[])
    };
    let yes = (Selection::Rule(0), Selection::Rule(0), true);
    let no = (Selection::NoRule, Selection::Rule(1), false);
    let ambiguous = Selection::Ambiguous(Ambiguity::Path);
    let (public, private) = (r#"{"routes":["public"]}"#, r#"{"routes":["private"]}"#);
    for path in ["/x", "/projects/a%2Fb", "/a;v=1"] {
        assert_eq!(read_both_ways(public, &on(path)), yes, "{path}");
        assert_eq!(read_both_ways(private, &on(path)), no, "{path}");
    }
    for path in ["/x/..%2fadmin", "//admin", "/;x/admin", "/%zz"] {
        for rule in [public, private] {
            let found = read_both_ways(rule, &on(path));
            assert_eq!(found, (ambiguous, ambiguous, true), "{path}");
        }
    }
}

#[test]
fn more_types_than_anybody_names_may_be_any() {
    let types: Vec<String> = (0..10_000).map(|number| format!("a/a{number}")).collect();
    let request = get("/", &[("content-type", &types.join(","))]);
    assert_eq!(
        request.media_types().len(),
        9,
        "each is compared with all before it"
    );
    let ambiguous = Selection::Ambiguous(Ambiguity::Header);
    let found = read_both_ways(r#"{"content_types":["text/csv"]}"#, &request);
    assert_eq!(found, (ambiguous, ambiguous, true));
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
        let request = get("/", headers);
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
        assert_eq!(read_both_ways(&rule, &get("/admin/x", &[])), same, "{rule}");
        assert_eq!(
            read_both_ways(&rule, &get("/Admin/x", &[])),
            other,
            "{rule}"
        );
        let elsewhere = get("/Administration", &[]);
        assert_eq!(read_both_ways(&rule, &elsewhere), no, "{rule}");
    }
    // The other conditions of the rule do not hold, so nothing is ambiguous.
    let post = r#"{"paths":["/admin/**"],"methods":["POST"]}"#;
    assert_eq!(read_both_ways(post, &get("/ADMIN", &[])), no);
    let both = [rule(&admin("")), rule("{}")];
    let found = candidates(both.iter(), &get("/ADMIN", &[]));
    assert_eq!(found, (vec![0, 1], false));
}

#[test]
fn ordinary_files_are_served_where_rules_agree_about_them() {
    let ambiguous = Selection::Ambiguous(Ambiguity::Path);
    let paths = |list: &str| format!(r#"{{"paths":[{list}]}}"#);
    for (rules, path, expected) in [
        // One rule for all files, whatever their names.
        (&[r#""/files/*""#][..], "/files/a.json", Selection::Rule(0)),
        (
            &[r#""/files/**""#],
            "/files/v1.2/a.tar.gz",
            Selection::Rule(0),
        ),
        (&[r#""/**""#], "/index.php/a.json", Selection::Rule(0)),
        (
            &[r#""/users/*""#],
            "/users/jane.doe@example.com",
            Selection::Rule(0),
        ),
        // What is named with its extension is that file.
        (&[r#""/openapi.json""#], "/openapi.json", Selection::Rule(0)),
        (
            &[r#""/favicon.ico","/robots.txt""#, r#""/**""#],
            "/robots.txt",
            Selection::Rule(0),
        ),
        (
            &[r#""/users.json""#, r#""/users""#],
            "/users.json",
            Selection::Rule(0),
        ),
        (
            &[r#""/wp-admin/admin-ajax.php""#, r#""/wp-admin/**""#],
            "/wp-admin/admin-ajax.php",
            Selection::Rule(0),
        ),
        (
            &[r#""/wp-admin/admin-ajax.php""#, r#""/wp-admin/**""#],
            "/wp-admin/edit.php",
            Selection::Rule(1),
        ),
        (
            &[r#""/index.php/**""#],
            "/index.php/Main_Page",
            Selection::Rule(0),
        ),
        (
            &[r#""/.well-known/**""#],
            "/.well-known/jwks.json",
            Selection::Rule(0),
        ),
        // No rule is about them, with or without.
        (
            &[r#""/admin/**""#],
            "/assets/app.5f3c.js",
            Selection::NoRule,
        ),
        (&[r#""/admin/**""#], "/index.php", Selection::NoRule),
        (&[r#""/admin/**""#], "/index.php/blog", Selection::NoRule),
        (&[r#""/users""#], "/users/7.json", Selection::NoRule),
        // Rules disagree.
        (&[r#""/users""#], "/users.json", ambiguous),
        (
            &[r#""/users/me""#, r#""/users/*""#],
            "/users/me.json",
            ambiguous,
        ),
        (&[r#""/admin/**""#], "/index.php/admin", ambiguous),
        (&[r#""/admin/**""#], "/admin.", ambiguous),
        (&[r#""/open/**""#], "/open%20", ambiguous),
    ] {
        let rules: Vec<String> = rules.iter().map(|list| paths(list)).collect();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        assert_eq!(
            selected(&rules, &get(path, &[])),
            expected,
            "{rules:?} {path}"
        );
    }
    // Somebody has said what the upstream does.
    for (key, expected) in [
        ("ignore_extension", "/admin.css"),
        ("ignore_script", "/index.php/admin"),
    ] {
        for (value, selection) in [(true, Selection::Rule(0)), (false, Selection::NoRule)] {
            let rule = format!(r#"{{"paths":["/admin/**"],"{key}":{value}}}"#);
            let found = selected(&[&rule], &get(expected, &[]));
            assert_eq!(found, selection, "{rule} {expected}");
        }
    }
}

fn others(hosts: &[String]) -> OtherHosts {
    let mut others = OtherHosts::NONE;
    hosts.iter().for_each(|host| others.add(host));
    others
}

#[test]
fn more_methods_or_hosts_than_anybody_needs_are_ambiguous() {
    let many = |count: usize| (0..count).map(|n| format!("X{n}")).collect::<Vec<String>>();
    let request = DescribedRequest {
        method_overrides: many(9),
        other_hosts: others(&many(9)),
        ..get("/", &[])
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
    let request = DescribedRequest {
        lists_all_headers: false,
        ..get("/", &[("x-a", "1")])
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
    let request = DescribedRequest {
        other_hosts: others(&["internal.example.com".to_owned()]),
        ..get("/", &[])
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
fn a_host_that_servers_read_in_different_ways_may_be_any() {
    for host in [
        "admin.example.com:x@public.example.com",
        "admin%2eexample.com",
        "a, b",
    ] {
        let request = DescribedRequest {
            host: crate::http::host_name(host),
            other_hosts: others(&[host.to_owned()]),
            ..get("/", &[])
        };
        let ambiguous = Selection::Ambiguous(Ambiguity::Host);
        let found = read_both_ways(r#"{"hosts":["admin.example.com"]}"#, &request);
        assert_eq!(found, (ambiguous, ambiguous, true), "{host}");
        assert_eq!(read_both_ways("{}", &request).0, Selection::Rule(0));
    }
}

#[test]
fn blanks_around_a_header_are_not_part_of_it() {
    let equals = r#"{"headers":[{"name":"x-tier","equals":"internal"}]}"#;
    let prefix = r#"{"headers":[{"name":"x-tier","prefix":"int"}]}"#;
    for text in [equals, prefix] {
        for value in ["internal", " internal", "internal ", "\tinternal \t"] {
            let request = get("/", &[("x-tier", value)]);
            let rule = Selection::Rule(0);
            assert_eq!(
                read_both_ways(text, &request),
                (rule, rule, true),
                "{value:?}"
            );
        }
        for value in ["\u{b}internal", "\u{a0}internal\u{85}"] {
            let request = get("/", &[("x-tier", value)]);
            let ambiguous = Selection::Ambiguous(Ambiguity::Header);
            let found = read_both_ways(text, &request);
            assert_eq!(found, (ambiguous, ambiguous, true), "{value:?}");
        }
    }
}

#[test]
fn head_is_get_also_where_it_overrides() {
    let request = DescribedRequest {
        method: "POST".to_owned(),
        method_overrides: vec!["head".to_owned()],
        ..get("/", &[])
    };
    let ambiguous = Selection::Ambiguous(Ambiguity::Method);
    let found = read_both_ways(r#"{"methods":["GET"]}"#, &request);
    assert_eq!(found, (ambiguous, ambiguous, true));
}

#[test]
fn no_condition_is_on_the_header_host() {
    let text = r#"{"headers":[{"name":"Host","equals":"a.com"}]}"#;
    let error = config::check(text, |node| Match::read(&node))
        .result
        .unwrap_err();
    assert!(error.to_string().contains(r#""hosts""#), "{error}");
}

#[test]
fn a_host_pattern_is_read_like_the_host_of_a_request() {
    for pattern in ["API.example.com", "api.example.com."] {
        let rule = rule(&format!(r#"{{"hosts":["{pattern}"]}}"#));
        assert!(applies(&rule, &get("/", &[])), "{pattern}");
    }
    let local = DescribedRequest {
        host: crate::http::host_name("[::1]:8080"),
        ..get("/", &[])
    };
    assert!(applies(&rule(r#"{"hosts":["[::1]"]}"#), &local));
}

#[test]
fn an_address_in_another_spelling_may_be_the_host_of_a_rule() {
    for (pattern, host) in [
        ("127.0.0.1", "127.1"),
        ("127.0.0.1", "0x7f000001"),
        ("127.0.0.1", "0177.0.0.1:80"),
        ("127.0.0.1", "[::ffff:7f00:1]"),
        ("::1", "[0:0:0:0:0:0:0:1]"),
    ] {
        let request = DescribedRequest {
            host: crate::http::host_name(host),
            other_hosts: others(&[host.to_owned()]),
            ..get("/", &[])
        };
        let ambiguous = Selection::Ambiguous(Ambiguity::Host);
        let rule = format!(r#"{{"hosts":["{pattern}"]}}"#);
        let found = read_both_ways(&rule, &request);
        assert_eq!(found, (ambiguous, ambiguous, true), "{host}");
    }
    for (pattern, usual) in [
        ("127.1", "127.0.0.1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("2130706433", "127.0.0.1"),
    ] {
        let text = format!(r#"{{"hosts":["{pattern}"]}}"#);
        let checked = config::check(&text, |node| Match::read(&node));
        let error = checked.result.unwrap_err().to_string();
        assert!(
            error.contains(&format!("write this address as {usual:?}")),
            "{error}"
        );
    }
    for pattern in ["2001:db8:1:2:3:4:5:6", "1.example.com", "10.0.0.1"] {
        let _ = rule(&format!(r#"{{"hosts":["{pattern}"]}}"#));
    }
}

#[test]
fn candidates_are_all_rules_that_some_server_means() {
    let rules = [
        rule(r#"{"paths":["/open/**"]}"#),
        rule(r#"{"methods":["POST"]}"#),
        rule(r#"{"paths":["/admin/**"]}"#),
        rule("{}"),
    ];
    let of = |request: &DescribedRequest, count: usize| {
        let rules = rules.get(..count).unwrap();
        candidates(rules.iter(), request)
    };
    assert_eq!(of(&get("/open/x", &[]), 4), (vec![0], false));
    assert_eq!(of(&get("/x", &[]), 3), (vec![], true));
    assert_eq!(of(&get("/open/..%2fadmin", &[]), 4), (vec![0, 2], false));
    assert_eq!(of(&get("/open/..%2fx", &[]), 3), (vec![0], true));
    assert_eq!(of(&get("/%zz", &[]), 4), (vec![0, 2, 3], false));
    assert_eq!(of(&get("/%zz", &[]), 3), (vec![0, 2], true));
    let post = DescribedRequest {
        method: "post".to_owned(),
        ..get("/x", &[])
    };
    assert_eq!(of(&post, 4), (vec![1, 3], false));
}
