mod ambiguity;
mod objects;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::config;
use crate::facts::DescribedRequest;
use crate::facts::tests::get;
use crate::identity::{Identity, parse_claims};
use crate::path::tests::{spellings_of_admin, spellings_out_of_open};
use crate::path::{PathError, RequestPath};
#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

fn rule(text: &str) -> Match {
    config::read(text, |node| Match::read(&node)).unwrap()
}

fn selected(rules: &[&str], request: &DescribedRequest) -> Selection {
    let rules: Vec<Match> = rules.iter().map(|text| rule(text)).collect();
    select(rules.iter(), request)
}

const ADMIN: &str = r#"{"paths":["/admin/**"]}"#;
const PUBLIC: &str = r#"{"paths":["/public/**"]}"#;
const EVERYTHING: &str = r#"{"paths":["/**"]}"#;

#[test]
fn no_spelling_walks_around_a_rule() {
    for spelling in spellings_of_admin() {
        let request = get(spelling, &[]);
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
        let request = get(spelling, &[]);
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
        let found = selected(&wildcards, &get(path, &[]));
        assert_eq!(found, Selection::Ambiguous(Ambiguity::Path), "{path}");
    }
    let found = selected(&wildcards, &get("/files/x/", &[]));
    assert_eq!(found, Selection::Rule(0));
    assert!(applies(
        &rule(r#"{"paths":["/files/*/x"]}"#),
        &get("/files//x", &[])
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
        let found = selected(&[PUBLIC, ADMIN], &get(spelling, &[]));
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
            selected(&[PUBLIC, ADMIN], &get(path, &[])),
            expected,
            "{path}"
        );
    }
}

#[test]
fn an_unreadable_path_matches_no_path_rule() {
    let request = get("/%zz", &[]);
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
    let request = DescribedRequest {
        route: Some("orders".to_owned()),
        identity: Some(identity),
        ..get(
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
    let anonymous = get("/orders/1", &[]);
    assert!(!applies(&rule(r#"{"scopes":["a"]}"#), &anonymous));
    assert!(!applies(&rule(r#"{"routes":["orders"]}"#), &anonymous));
}

#[test]
fn a_match_that_could_never_hold_is_a_mistake() {
    for text in [
        r#"{"headers":[{"name":"x-a","exists":true},{"name":"x-a","absent":true}]}"#,
        r#"{"paths":[]}"#,
        r#"{"paths":["orders"]}"#,
        r#"{"path":["/x"]}"#,
        r#"{"methods":["get"]}"#,
        r#"{"methods":["ANY"]}"#,
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
        r#"{"scopes":["a b"]}"#,
        r#"{"scopes":""}"#,
        "[]",
    ] {
        assert!(
            config::read(text, |node| Match::read(&node)).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_scope_with_a_comma_in_it_is_probably_two() {
    let checked = config::check(r#"{"scopes":["a,b"]}"#, |node| Match::read(&node));
    let codes: Vec<&str> = checked.warnings.iter().map(config::Warning::code).collect();
    assert_eq!(codes, ["scope_comma"]);
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
            .any(|reading| match reading.segments() {
                // `/admin.x` may be `/admin` with an extension.
                [only] => only.split('.').next() == Some("admin"),
                [first, ..] => first == "admin",
                [] => false,
            });
        let found = selected(&[ADMIN, EVERYTHING], &get(&spelled, &[]));
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
