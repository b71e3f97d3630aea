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
        "/a..b/...",
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
        prop_assert_eq!(&read.readings()[0], &long);
        if is_plain(&path) {
            let mut readings = vec![long];
            readings::add_all(&path, &mut readings).unwrap();
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
