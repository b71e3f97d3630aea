#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

fn canonical(raw: &str) -> String {
    RequestPath::parse(raw.as_bytes()).unwrap().canonical()
}

/// Every spelling of `/admin/users` that some server takes for it. For each, every rule order must
/// end at the admin rule or at a refusal; `matching` has the test for that.
pub(crate) fn spellings_of_admin() -> impl Iterator<Item = &'static str> {
    lines(include_str!("../../testdata/spellings_of_admin_users.txt"))
}

/// Spellings that lead out of `/open`, or only seem to lead into it.
pub(crate) fn spellings_out_of_open() -> impl Iterator<Item = &'static str> {
    lines(include_str!("../../testdata/spellings_out_of_open.txt"))
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with("# "))
}

#[test]
fn some_reading_of_every_spelling_is_the_plain_path() {
    for spelling in spellings_of_admin() {
        let path = RequestPath::parse(spelling.as_bytes()).unwrap();
        let found = path
            .readings()
            .iter()
            .any(|reading| reading.segments() == ["admin", "users"]);
        assert!(found, "{spelling}: {path:?}");
    }
}

#[test]
fn a_plain_path_has_one_reading() {
    for (raw, expected) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b"),
        ("/a/./b/../c?d=/e", "/a/c"),
        ("/a?b#c", "/a"),
        ("/a%20b/%C3%A9", "/a b/é"),
        ("/A", "/A"),
        ("*", "/*"),
        ("http://h.example", "/"),
        ("http://h.example/a", "/a"),
        ("/redirect/http://x.example/", "/redirect/http:/x.example"),
    ] {
        assert_eq!(canonical(raw), expected, "{raw}");
    }
    for plain in [
        "/a/b",
        "/a/b?c=//d/../e#f",
        "/a%20b/c",
        "/stra%C3%9Fe",
        "/a%40b%2Cc/x:y",
        "/.well-known/x",
        "/a..b/.c",
    ] {
        assert_eq!(
            RequestPath::parse(plain.as_bytes())
                .unwrap()
                .readings()
                .len(),
            1,
            "{plain}"
        );
    }
}

#[test]
fn a_path_that_some_server_takes_elsewhere_is_on_no_route() {
    let is_on_route = |raw: &str, trust: RouteTrust| {
        let path = RequestPath::parse(raw.as_bytes());
        trust.covers(path.as_ref().map_err(|error| *error))
    };
    for raw in [
        "/x/..%2fadmin",
        "/x/%2e%2e/admin",
        "/projects/a%2F..%2F..%2Fadmin",
        "/x/../admin",
        "//admin/users",
        "/api//admin",
        "/;x/admin/users",
        "/admin;x/users",
        "/x/..;/admin",
        "/%61dmin/users",
        "/admi%256e/users",
        "/a%252Fb",
        "/admin%20/users",
        "/admin./users",
        "/x\\..\\admin",
        "/x%5c..%5cadmin",
        "/admin%3Fx/users",
        "/(S(x))/admin",
        "/a#b",
        "/%zz",
        "/a%00",
        "/%ff",
    ] {
        assert!(!is_on_route(raw, RouteTrust::InPlace), "{raw}");
        assert!(!is_on_route(raw, RouteTrust::Unambiguous), "{raw}");
        assert!(is_on_route(raw, RouteTrust::Always), "{raw}");
    }
    // What is everyday: an identifier with a slash, a title with a question mark, the name of a company.
    for raw in [
        "/projects/a%2Fb",
        "/api/v4/projects/group%2Fsub%2Fname/issues?page=2",
        "/@scope%2fname",
        "/wiki/What_is_it%3F",
        "/tags/c%23",
        "/companies/Acme%20Inc.",
        "/page;jsessionid=0123",
    ] {
        assert!(is_on_route(raw, RouteTrust::InPlace), "{raw}");
        assert!(!is_on_route(raw, RouteTrust::Unambiguous), "{raw}");
    }
    for raw in [
        "/",
        "*",
        "/a/b/",
        "/a//",
        "/a/b?c=/../d",
        "/stra%C3%9Fe/%40x/a%20b",
        "/.well-known/x",
        "/Products(1)/a%28b%29",
        "/(draft)/a",
        "/a/100%25",
    ] {
        assert!(is_on_route(raw, RouteTrust::Unambiguous), "{raw}");
    }
}

#[test]
fn a_path_that_overrides_leads_elsewhere() {
    let overridden = |paths: &[&str], prefixes: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
        let overrides = Overrides {
            paths: owned(paths),
            prefixes: owned(prefixes),
            ..Overrides::default()
        };
        let path = RequestPath::parse_overridden(b"/v1/admin", &overrides);
        RouteTrust::InPlace.covers(path.as_ref().map_err(|error| *error))
    };
    assert!(overridden(&["/v1/admin"], &["/v2"]));
    assert!(!overridden(&["/admin"], &[]));
    assert!(!overridden(&[], &["/v1"]));
}

#[test]
fn a_path_and_what_overrides_it_have_few_readings_together() {
    let read = |paths: usize, prefixes: usize| {
        let overrides = Overrides {
            paths: (0..paths).map(|n| format!("/q{n}//%5cc")).collect(),
            prefixes: (0..prefixes).map(|n| format!("/q{n}")).collect(),
            ..Overrides::default()
        };
        RequestPath::parse_overridden(b"/c//b", &overrides)
    };
    let counts: Vec<Result<usize, PathError>> = (0..=8)
        .map(|paths| read(paths, paths).map(|path| path.readings().len()))
        .collect();
    assert!(counts[0].is_ok_and(|count| count > 1), "{counts:?}");
    assert!(counts[1].is_ok(), "{counts:?}");
    assert_eq!(counts[8], Err(PathError::TooAmbiguous), "{counts:?}");
    let are_few = |count: &Result<usize, PathError>| {
        count.is_err() || count.is_ok_and(|count| count <= MAX_READINGS)
    };
    assert!(counts.iter().all(are_few), "{counts:?}");
}

#[test]
fn an_address_in_an_odd_spelling_overrides_nothing() {
    let read = |given: &str| {
        let overrides = Overrides {
            paths: vec![given.to_owned()],
            ..Overrides::default()
        };
        let path = RequestPath::parse_overridden(b"/x", &overrides);
        path.map(|path| path.readings().len())
    };
    for given in ["http://h/admin/x", "/http:/h/admin", "admin/x:y", "/a:b"] {
        assert_eq!(read(given), Ok(2), "{given}");
    }
    for given in [
        "http:h/admin/x",
        "https:/h/admin/x",
        r"https:\\h\admin\x",
        "http:u@h/admin/x",
        "http:/h/x/../admin/x",
        "HTTP:///h/admin/x",
        r"http://\h/admin/x",
        "a+b:/admin/x",
        "a+b://h/admin/x",
    ] {
        assert!(read(given).is_err(), "{given}");
    }
}

#[test]
fn no_prefix_hides_another() {
    let read = |path: &str, prefixes: &[String]| {
        let overrides = Overrides {
            prefixes: prefixes.to_vec(),
            ..Overrides::default()
        };
        let path = RequestPath::parse_overridden(path.as_bytes(), &overrides)?;
        Ok(path
            .readings()
            .iter()
            .map(Reading::to_text)
            .collect::<Vec<_>>())
    };
    let nine: Vec<String> = (0..9).map(|n| format!("/p{n}")).collect();
    assert_eq!(read("/v1/admin", &nine), Err(PathError::TooAmbiguous));
    for (path, prefix) in [
        ("/v1/admin/users", "/v1"),
        ("/a%20b/admin/users", "/a b"),
        ("/a%25b/admin/users", "/a%b"),
        ("/a%3fb/admin/users", "/a?b"),
        ("/a%23b/admin/users", "/a#b"),
        ("/a%2cb%20c/admin/users", "/a,b c"),
        ("/a%20badmin/users", "/a b"),
        ("/a%20b/admin/users", "/a%20b"),
    ] {
        let texts = read(path, &[prefix.to_owned()]).unwrap();
        assert!(
            texts.contains(&"/admin/users".to_owned()),
            "{path} {prefix}: {texts:?}"
        );
    }
}

#[test]
fn a_script_runs_whatever_stands_behind_it() {
    let fit = |pattern: &str, path: &str, script| {
        let routing = PathRouting {
            script,
            ..PathRouting::default()
        };
        let pattern = PathPattern::parse(pattern, routing).unwrap();
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        pattern.fit(&path.readings()[0])
    };
    use Significance::{Ignored, Significant, Unknown};
    for (pattern, path, script, expected) in [
        ("/wp-login.php", "/wp-login.php", Unknown, PathFit::Yes),
        ("/wp-login.php", "/wp-login.php/1", Unknown, PathFit::Maybe),
        (
            "/wp-login.php",
            "/WP-LOGIN.PHP/a/b/c",
            Unknown,
            PathFit::Maybe,
        ),
        ("/wp-login.php", "/wp-login.php/1", Ignored, PathFit::Maybe),
        ("/wp-login.php", "/wp-login.php/1", Significant, PathFit::No),
        ("/wp-login.php", "/wp-login.txt/1", Unknown, PathFit::No),
        ("/wp-login.php/**", "/wp-login.php/1", Unknown, PathFit::Yes),
        (
            "/cgi-bin/*",
            "/cgi-bin/admin.cgi/x/y",
            Unknown,
            PathFit::Maybe,
        ),
        ("/a/admin.aspx", "/a/admin.aspx/x", Unknown, PathFit::Maybe),
        ("/index.php", "/index.php/users", Unknown, PathFit::Maybe),
        ("/index.php", "/index.php/users", Ignored, PathFit::No),
        ("/users", "/index.php/users", Ignored, PathFit::Yes),
        ("/b/wp-login.php", "/a/wp-login.php/1", Unknown, PathFit::No),
    ] {
        assert_eq!(
            fit(pattern, path, script),
            expected,
            "{pattern} {path} {script:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for (raw, error) in [
        (&b"/%zz"[..], PathError::BrokenEscape),
        (b"/%", PathError::BrokenEscape),
        (b"/%4", PathError::BrokenEscape),
        (b"/a%00b", PathError::ControlCharacter),
        (b"/a%0d%0ab", PathError::ControlCharacter),
        (b"/a\x01b", PathError::ControlCharacter),
        (b"/admin ", PathError::ControlCharacter),
        (b"/%c0%ae%c0%ae/admin", PathError::NotUtf8),
        (b"/%ff", PathError::NotUtf8),
        (b"/\xff", PathError::NotUtf8),
        (b"", PathError::NotAbsolute),
        (b"admin", PathError::NotAbsolute),
        (b"?x", PathError::NotAbsolute),
        (b"://admin", PathError::NotAbsolute),
    ] {
        assert_eq!(
            RequestPath::parse(raw),
            Err(error),
            "{}",
            String::from_utf8_lossy(raw)
        );
    }
}

#[test]
fn patterns_match_whole_paths() {
    let matches = |pattern: &str, path: &str| {
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        PathPattern::parse(pattern, PathRouting::default())
            .unwrap()
            .fit(&path.readings()[0])
            == PathFit::Yes
    };
    for (pattern, path, expected) in [
        ("/healthz", "/healthz", true),
        ("/healthz", "/healthz/", true),
        ("/healthz/", "/healthz", true),
        ("/healthz", "/healthz/x", false),
        ("/healthz", "/healthzx", false),
        ("/healthz", "/Healthz", false),
        ("/a/*/b", "/a/x/b", true),
        ("/a/*/b", "/a/b", false),
        ("/a/*/b", "/a/x/y/b", false),
        ("/a/**", "/a", true),
        ("/a/**", "/a/x/y", true),
        ("/a/**", "/ab", false),
        ("/**", "/", true),
        ("/**", "/x", true),
        ("/", "/", true),
        ("/", "/x", false),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn upstreams_differ_on_the_case_of_letters() {
    let fits = |case, path: &str| {
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        let routing = PathRouting {
            case,
            ..PathRouting::default()
        };
        PathPattern::parse("/Admin/\u{e9}t\u{e9}/**", routing)
            .unwrap()
            .fit(&path.readings()[0])
    };
    let maybe = PathFit::Maybe;
    for (path, unknown, ignored) in [
        ("/Admin/\u{e9}t\u{e9}/x", PathFit::Yes, PathFit::Yes),
        ("/admin/\u{e9}t\u{e9}", maybe, PathFit::Yes),
        ("/ADMIN/%C3%89T%C3%89/x", maybe, PathFit::Yes),
        // Upper case makes `I` of a dotless `i`: some servers compare so.
        ("/adm\u{131}n/\u{e9}t\u{e9}", maybe, maybe),
        ("/adm\u{130}n/\u{e9}t\u{e9}", maybe, maybe),
        ("/admins/\u{e9}t\u{e9}", PathFit::No, PathFit::No),
        ("/admin/ete", PathFit::No, PathFit::No),
    ] {
        assert_eq!(fits(Significance::Unknown, path), unknown, "{path}");
        assert_eq!(fits(Significance::Ignored, path), ignored, "{path}");
        let significant = if unknown == PathFit::Yes {
            unknown
        } else {
            PathFit::No
        };
        assert_eq!(fits(Significance::Significant, path), significant, "{path}");
    }
}

#[test]
fn upstreams_differ_on_extensions_and_scripts() {
    use Significance::{Ignored, Significant, Unknown};
    let (no, maybe, yes) = (PathFit::No, PathFit::Maybe, PathFit::Yes);
    for (pattern, path, unknown, ignored, significant) in [
        ("/users", "/users.json", maybe, yes, no),
        ("/users", "/users.json/", maybe, yes, no),
        ("/users", "/users.a.b", maybe, maybe, no),
        ("/users", "/users2.json", no, no, no),
        ("/users", "/.users", no, no, no),
        ("/", "/.json", no, no, no),
        ("/users/*", "/users/7.json", yes, yes, yes),
        ("/users/*/items", "/users/7/items.xml", maybe, yes, no),
        ("/admin/**", "/admin.js", maybe, yes, no),
        ("/admin/**", "/admin/a.js", yes, yes, yes),
        ("/users", "/users.v1/x", no, no, no),
        // What a pattern spells out is about that file.
        ("/openapi.json", "/openapi.json", yes, yes, yes),
        ("/v1.2/**", "/v1.2", yes, yes, yes),
        ("/admin/**", "/index.php/admin", maybe, yes, no),
        ("/admin/**", "/index.PHP/admin", maybe, yes, no),
        (
            "/blog/admin/**",
            "/blog/app_dev.php/admin/x",
            maybe,
            yes,
            no,
        ),
        ("/b", "/index.php/app.php/b", no, no, no),
        ("/index.php/b", "/index.php/app.php/b", maybe, maybe, no),
        ("/*/status", "/index.php/status", maybe, no, yes),
        ("/index.php/**", "/index.php/admin", yes, yes, yes),
        ("/admin/**", "/index.php5/admin.html", maybe, yes, no),
        // A path that ends with a script is about that script.
        ("/wp-admin/**", "/wp-admin/admin-ajax.php", yes, yes, yes),
        ("/", "/index.php", no, no, no),
        ("/admin", "/notes.txt/admin", no, no, no),
    ] {
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        for (significance, expected) in [
            (Unknown, unknown),
            (Ignored, ignored),
            (Significant, significant),
        ] {
            let routing = PathRouting {
                extension: significance,
                script: significance,
                ..PathRouting::default()
            };
            let fit = PathPattern::parse(pattern, routing)
                .unwrap()
                .fit(&path.readings()[0]);
            assert_eq!(
                fit,
                expected,
                "{pattern} {} {significance:?}",
                path.canonical()
            );
        }
    }
}

#[test]
fn the_value_of_a_variable_has_its_dots_unless_the_upstream_looks_past_them() {
    use Significance::{Ignored, Unknown};
    for (path, unknown, ignored) in [
        ("/users/jane.doe", Some("jane.doe"), Some("jane")),
        (
            "/users/jane.doe.json",
            Some("jane.doe.json"),
            Some("jane.doe"),
        ),
        ("/users/7/x.json", Some("7"), Some("7")),
        ("/index.php/users/7", None, Some("7")),
    ] {
        for (significance, expected) in [(Unknown, unknown), (Ignored, ignored)] {
            let mut variable = PathVariable::parse("/users/{id}/**").unwrap();
            variable.set_routing(PathRouting {
                extension: significance,
                script: significance,
                ..PathRouting::default()
            });
            let path = RequestPath::parse(path.as_bytes()).unwrap();
            let value = variable.value(&path.readings()[0]);
            assert_eq!(value, expected, "{} {significance:?}", path.canonical());
        }
    }
}

#[test]
fn what_overrides_a_path_is_a_reading_of_it() {
    let read = |path: &str, paths: &[&str], prefixes: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let overrides = Overrides {
            paths: owned(paths),
            prefixes: owned(prefixes),
            ..Overrides::default()
        };
        let path = RequestPath::parse_overridden(path.as_bytes(), &overrides)?;
        let texts = path.readings().iter().map(Reading::to_text);
        Ok(texts.collect::<Vec<String>>())
    };
    for (path, paths, prefixes, expected) in [
        (
            "/open",
            &["/admin?x=1"][..],
            &[][..],
            &["/open", "/admin"][..],
        ),
        ("/open", &["admin"], &[], &["/open", "/admin"]),
        ("/open", &["http://host/admin"], &[], &["/open", "/admin"]),
        ("/open", &["/open/"], &[], &["/open"]),
        ("/open", &["/x/..%2fadmin"], &[], &["/open", "/admin"]),
        ("/open/admin", &[], &["/open"], &["/open/admin", "/admin"]),
        (
            "/open/admin",
            &[],
            &["/open/", "/"],
            &["/open/admin", "/admin"],
        ),
        (
            "/x/open/admin",
            &[],
            &["open"],
            &["/x/open/admin", "/admin"],
        ),
        ("/openadmin", &[], &["/open"], &["/openadmin", "/admin"]),
        (
            "/%61pi/admin",
            &[],
            &["/api"],
            &["/api/admin", "/%61pi/admin", "/admin"],
        ),
        ("/API/admin", &[], &["/api"], &["/API/admin", "/admin"]),
        ("/api/admin", &[], &["/%61PI"], &["/api/admin", "/admin"]),
        ("/api/admin", &[], &["/a%zz"], &["/api/admin"]),
        // A path that a header gives has the prefix taken off as well.
        (
            "/open",
            &["/API/admin"],
            &["/api"],
            &["/open", "/API/admin", "/admin"],
        ),
        ("/orders", &[], &["/api"], &["/orders"]),
        ("/orders?x=/api/admin", &[], &["/api"], &["/orders"]),
    ] {
        let found = read(path, paths, prefixes).unwrap();
        for text in expected {
            assert!(
                found.iter().any(|found| found == text),
                "{path} {paths:?} {prefixes:?}: {found:?}"
            );
        }
        let is_plain = !paths.iter().any(|path| path.contains(".."));
        assert!(
            !is_plain || found.len() == expected.len(),
            "{path} {paths:?}: {found:?}"
        );
    }
    assert_eq!(read("/open", &["/%zz"], &[]), Err(PathError::BrokenEscape));
    let many: Vec<String> = (0..9).map(|number| format!("/{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(read("/open", &many, &[]), Err(PathError::TooAmbiguous));
}

#[test]
fn patterns_that_could_never_match_are_errors() {
    for pattern in [
        "", "a", "/a/**/b", "/a*", "/a/../b", "/a%20", "/a;b", "/a?b", "/a\\b",
    ] {
        assert!(
            PathPattern::parse(pattern, PathRouting::default()).is_err(),
            "{pattern}"
        );
    }
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn never_panics_and_leaves_no_dot_or_empty_segment(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(path) = RequestPath::parse(&raw) {
            let canonical = &path.readings()[0];
            for segment in canonical.segments() {
                prop_assert!(!segment.is_empty() && segment != "." && segment != "..");
                prop_assert!(!segment.contains(['/', '\\', ';']) || segment == "*");
            }
        }
    }

    /// The short way for plain paths gives the readings of the long one.
    #[test]
    fn plain_paths_are_read_alike(path in "/[a-zA-Z0-9/_.~@:,+=!$&'()*-]{0,24}") {
        let read = RequestPath::parse(path.as_bytes()).unwrap();
        let long = Reading::canonical(&decode(&path).unwrap());
        prop_assert_eq!(&read.readings()[0], &long);
        if is_plain(&path) {
            let mut readings = vec![long];
            readings::add_all(&path, &mut readings, &mut Work::default()).unwrap();
            prop_assert_eq!(readings, read.readings());
        }
    }

    /// Whatever is escaped, the canonical reading stays. Escapes that no client needs make a second
    /// reading, of a server that does not decode, and no more.
    #[test]
    fn encoding_any_character_changes_nothing(
        segments in proptest::collection::vec("[a-z]{1,6}", 1..4),
        encode in proptest::collection::vec(any::<bool>(), 32),
    ) {
        let plain = format!("/{}", segments.join("/"));
        let spelled: String = plain
            .chars()
            .zip(encode.iter().cycle())
            .map(|(character, encode)| match (encode, character) {
                (true, '/') | (false, _) => character.to_string(),
                (true, other) => format!("%{:02x}", u32::from(other)),
            })
            .collect();
        let path = RequestPath::parse(spelled.as_bytes()).unwrap();
        let is_escaped = spelled != plain;
        prop_assert_eq!(path.readings().len(), if is_escaped { 2 } else { 1 });
        prop_assert_eq!(path.canonical(), plain);
    }
}

#[test]
fn a_path_that_can_be_read_in_too_many_ways_is_refused() {
    let deep = "/%25252561";
    let wide = "/%252f;\\..%5c//.%2e/%3f#".repeat(4);
    let long = format!("/{}", ";/".repeat(1024));
    for path in [deep, &wide, &long] {
        let read = RequestPath::parse(path.as_bytes());
        assert_eq!(read, Err(PathError::TooAmbiguous), "{path}");
    }
    // What servers agree on may be as long as it likes, and one ambiguity many times is still one.
    for path in [
        "/a/b%20c".repeat(4096),
        "/a%2fb".repeat(256),
        "/a;v=1".repeat(256),
        format!("/x{}", "//a".repeat(256)),
    ] {
        let read = RequestPath::parse(path.as_bytes()).unwrap();
        assert!(read.readings().len() <= 6, "{}", read.readings().len());
    }
}
