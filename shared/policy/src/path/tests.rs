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
pub(crate) const SPELLINGS_OF_ADMIN: &[&str] = &[
    "/admin/users",
    "/admin/users/",
    "/admin/users?x=1",
    "/admin/users#x",
    "//admin/users",
    "/admin//users",
    "/./admin/users",
    "/admin/./users",
    "/x/../admin/users",
    "/../admin/users",
    "/../../admin/users",
    "/public/../admin/users",
    "/public/x/../../admin/users",
    "/%61dmin/users",
    "/%61%64%6d%69%6e/users",
    "/%61%64%6D%69%6E/users",
    "/admin%2fusers",
    "/admin%2Fusers",
    "/admin%5cusers",
    "/admin\\users",
    "\\admin\\users",
    "/%2e/admin/users",
    "/public/%2e%2e/admin/users",
    "/public/.%2e/admin/users",
    "/public/%2e./admin/users",
    "/public/..%2fadmin/users",
    "/public%2f..%2fadmin/users",
    "/public/..\\admin/users",
    "/public\\..\\admin/users",
    "/public/..%5cadmin/users",
    "/public/..;/admin/users",
    "/public/..;x=1/admin/users",
    "/public/%2e%2e;/admin/users",
    "/admin;x=1/users",
    "/admin;/users",
    "/admin/users;jsessionid=1",
    "/;x/admin/users",
    "/admin%3bx=1/users",
    "/%2561dmin/users",
    "/admin%252fusers",
    "/public/%252e%252e/admin/users",
    "/public/..%252fadmin/users",
    "/%252561dmin/users",
    "http://evil.example/admin/users",
    "http://evil.example//admin/users",
    "https://user@evil.example:1/%61dmin/users",
    "/admin/x/../users",
    "/admin/public/../users",
    "/public//../admin/users",
    "/public/;/../../admin/users",
];

#[test]
fn some_reading_of_every_spelling_is_the_plain_path() {
    for spelling in SPELLINGS_OF_ADMIN {
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
        ("/a%20b/%C3%A9", "/a b/é"),
        ("/A", "/A"),
        ("*", "/*"),
        ("http://h.example", "/"),
        ("http://h.example/a", "/a"),
        ("/redirect/http://x.example/", "/redirect/http:/x.example"),
    ] {
        assert_eq!(canonical(raw), expected, "{raw}");
    }
    for plain in ["/a/b", "/a%20b/c", "/a/../b", "/%61"] {
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
fn what_cannot_be_read_is_an_error() {
    for (raw, error) in [
        (&b"/%zz"[..], PathError::BrokenEscape),
        (b"/%", PathError::BrokenEscape),
        (b"/%4", PathError::BrokenEscape),
        (b"/a%00b", PathError::ControlCharacter),
        (b"/a%0d%0ab", PathError::ControlCharacter),
        (b"/a\x01b", PathError::ControlCharacter),
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
        PathPattern::parse(pattern, false)
            .unwrap()
            .matches(&path.readings()[0])
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
    let folded = PathPattern::parse("/Admin/**", true).unwrap();
    for path in ["/admin/x", "/ADMIN", "/aDmin"] {
        assert!(folded.matches(&RequestPath::parse(path.as_bytes()).unwrap().readings()[0]));
    }
}

#[test]
fn patterns_that_could_never_match_are_errors() {
    for pattern in [
        "", "a", "/a/**/b", "/a*", "/a/../b", "/a%20", "/a;b", "/a?b", "/a\\b",
    ] {
        assert!(PathPattern::parse(pattern, false).is_err(), "{pattern}");
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
        prop_assert_eq!(read.readings()[0].clone(), long);
        prop_assert!(!is_plain(&path) || read.readings().len() == 1);
    }

    /// Whatever is done to a path that every server undoes, the canonical reading stays.
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
        prop_assert_eq!(path.readings().len(), 1);
        prop_assert_eq!(path.canonical(), plain);
    }
}
