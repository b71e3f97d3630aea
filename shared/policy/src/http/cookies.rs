//! Cookies of a request, and what servers take for one beside RFC 6265.

use super::parameters_alike;

/// The value of a cookie in a `Cookie` header (RFC 6265 section 4.2.1); the first of that name.
#[must_use]
pub fn cookie<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    cookies(header, name).next()
}

/// The values of all cookies of a name, in order. Servers disagree on which one counts.
pub fn cookies<'h>(header: &'h str, name: &str) -> impl Iterator<Item = &'h str> {
    header.split(';').filter_map(move |pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then(|| unquoted(value.trim()))
    })
}

/// A cookie that some server reads in a `Cookie` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieReading<'h> {
    /// Where its name begins in the pair between semicolons that it is in; 0 for the cookie that every server reads there.
    start: usize,
    /// The name, without space around it.
    pub(crate) name: &'h [u8],
    /// The value, without space around it; `None` for a name alone.
    pub(crate) value: Option<&'h [u8]>,
}

/// Every cookie that some server reads in a `Cookie` header.
///
/// To RFC 6265 section 5.4 and most servers a semicolon ends a cookie and nothing else. White space ends one for
/// Python's `http.cookies` (Bottle, aiohttp, CherryPy), white space and commas for WebOb, and commas for RFC 2109 and
/// RFC 2965 (Jetty, Tomcat, Rack 1).
pub(crate) fn cookie_readings(header: &[u8]) -> impl Iterator<Item = CookieReading<'_>> {
    let pairs = header.split(|byte| *byte == b';');
    pairs.flat_map(|pair| {
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        let usual = CookieReading {
            start: 0,
            name: sides.next().unwrap_or(pair).trim_ascii(),
            value: sides.next().map(<[u8]>::trim_ascii),
        };
        let signs = pair.iter().enumerate().filter(|(_, byte)| **byte == b'=');
        // The first name of all has blanks in front, too.
        let first = pair.len().saturating_sub(pair.trim_ascii_start().len());
        let others = signs.filter_map(move |(sign, _)| {
            let name = pair.get(..sign)?.trim_ascii_end();
            let is_before = |byte: &u8| *byte == b'=' || ends_cookie(*byte);
            let before = name.iter().rposition(is_before)?;
            let start = before.saturating_add(1);
            if start <= first || name.get(before) == Some(&b'=') {
                return None;
            }
            Some(CookieReading {
                start,
                name: name.get(start..)?,
                value: pair.get(sign..)?.get(1..).map(cut_value),
            })
        });
        let cut = usual.value.map(cut_value);
        let cut = (cut != usual.value).then_some(CookieReading {
            value: cut,
            ..usual
        });
        std::iter::once(usual).chain(cut).chain(others)
    })
}

/// A value up to what ends it for some server; one in quotes is whole. No byte is read for more than two cookies.
fn cut_value(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_start();
    let quoted = value.strip_prefix(b"\"").and_then(|inner| {
        let closing = inner.iter().position(|byte| *byte == b'"')?;
        value.get(..closing.saturating_add(2))
    });
    quoted.unwrap_or_else(|| {
        let end = value.iter().position(|byte| ends_cookie(*byte));
        let end = end.unwrap_or(value.len());
        value.get(..end).unwrap_or(value)
    })
}

/// Whether some server takes a byte within a pair for the end of a cookie.
const fn ends_cookie(byte: u8) -> bool {
    byte == b',' || byte.is_ascii_whitespace() || matches!(byte, 0x0b | 0x1c..=0x1f)
}

/// Whether there is a cookie that some servers take for the one of this name, beside those that [`cookies`] finds.
#[must_use]
pub fn has_other_spelling_of_cookie(header: &str, name: &str) -> bool {
    let name = name.as_bytes();
    cookie_readings(header.as_bytes()).any(|cookie| {
        let is_usual = cookie.start == 0 && cookie.name == name;
        !is_usual && parameters_alike(cookie.name, name)
    })
}

/// The `Cookie` header without the cookies that some server takes for the one of this name; `None`
/// when nothing is left. Where such a cookie is a part of the value of another one, the other ends before it.
#[must_use]
pub fn without_cookie(header: &str, name: &str) -> Option<String> {
    let keeps = |pair: &str| {
        let alike = cookie_readings(pair.as_bytes())
            .filter(|cookie| parameters_alike(cookie.name, name.as_bytes()));
        let first = alike.map(|cookie| cookie.start).min();
        let kept = pair.get(..first.unwrap_or(pair.len())).unwrap_or_default();
        match first {
            None => kept.trim().to_owned(),
            Some(_) => kept
                .trim_matches(|letter: char| u8::try_from(letter).is_ok_and(ends_cookie))
                .to_owned(),
        }
    };
    let kept: Vec<String> = header
        .split(';')
        .map(keeps)
        .filter(|pair| !pair.is_empty())
        .collect();
    (!kept.is_empty()).then(|| kept.join("; "))
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn cookies_of_a_name() {
        let header = r#"a=1; session="x.y.z"; b==2;c; session=second"#;
        assert_eq!(cookie(header, "session"), Some("x.y.z"));
        assert!(cookies(header, "session").eq(["x.y.z", "second"]));
        assert_eq!(cookie(header, "b"), Some("=2"));
        assert_eq!(cookie(header, "c"), None);
        assert_eq!(cookie(header, "sessio"), None);
        assert_eq!(
            without_cookie(header, "session").as_deref(),
            Some("a=1; b==2; c")
        );
        assert_eq!(without_cookie("session=1", "session"), None);
        assert!(has_other_spelling_of_cookie("a=1; Session=2", "session"));
        assert!(!has_other_spelling_of_cookie(
            "a=session; session=2",
            "session"
        ));
        assert_eq!(
            without_cookie("s.id=1; S_ID=2; a=3", "s_id").as_deref(),
            Some("a=3")
        );
    }

    /// Python's `http.cookies` ends a cookie at white space, WebOb and RFC 2965 at commas.
    #[test]
    fn cookies_behind_a_blank_or_a_comma() {
        for header in [
            "session=GOOD; a=b session=EVIL",
            "session=GOOD; a=b, session=EVIL",
            "session=GOOD; a=b,session=EVIL",
            "session=GOOD; a=\"b\" session=EVIL",
            "session=GOOD; a=b\tsession = EVIL",
            "session=GOOD; a=b\u{b}Session=EVIL; c",
            "session=GOOD; a=b x session=EVIL y=1",
            "a session=EVIL",
            "a=\"b, session=EVIL\"",
        ] {
            assert!(has_other_spelling_of_cookie(header, "session"), "{header}");
            let rest = without_cookie(header, "session").unwrap_or_default();
            assert!(
                !rest.contains("EVIL") && !rest.contains("GOOD"),
                "{header}: {rest}"
            );
            assert!(rest.starts_with('a'), "{header}: {rest}");
        }
        for header in [
            "session=GOOD",
            "session=a=b==; x=session",
            "x=a=session=1",
            "xsession=1; session-x=2; a=b sessions=1",
            "session=\"a b\"",
            "x=1;  session=2",
        ] {
            assert!(!has_other_spelling_of_cookie(header, "session"), "{header}");
        }
    }

    /// A square of a million would not end.
    #[test]
    fn a_long_header_of_cookies_costs_no_square() {
        for (piece, behind) in [
            ("=", ""),
            ("a=", ""),
            (" a=", ""),
            (" a=\"", ""),
            ("=", " ;x"),
            (" ", "=;"),
        ] {
            let most = 1_000_000 / piece.len();
            let blanks = " ".repeat(1_000_000);
            for header in [
                format!("{}{behind}", piece.repeat(most)),
                format!("x{blanks}{}{behind}", piece.repeat(most)),
                format!("{blanks}{}{blanks}{behind}", piece.repeat(most)),
            ] {
                assert!(!has_other_spelling_of_cookie(&header, "session"));
                assert!(without_cookie(&header, "session").is_some());
            }
        }
    }
}
