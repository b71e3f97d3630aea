//! The quick way through documents that are as simple as tokens and identities nearly always are:
//! no escapes, whole numbers, little nesting.
//!
//! It reads a document exactly as the full parser does, or says that it will not; whoever asks
//! then goes the full way, which also knows what is wrong with a document. Every request with a new
//! token comes through here, in a VM whose code is cold by then: a few branches count.

use super::{FEW_MEMBERS, Json};

/// Reads a simple document. `None` for all others, and for what is no JSON at all.
pub(super) fn read(text: &str) -> Option<Json> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(MAX_DEPTH)?;
    reader.next();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'t> {
    text: &'t str,
    /// Where the next byte is.
    at: usize,
}

impl<'t> Reader<'t> {
    fn value(&mut self, depth: u32) -> Option<Json> {
        let depth = depth.checked_sub(1)?;
        match self.next()? {
            b'"' => Some(Json::String(self.string()?.to_owned())),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.whole_number(),
        }
    }

    fn object(&mut self, depth: u32) -> Option<Json> {
        self.expect(b'{')?;
        let mut members: Vec<(String, Json)> = Vec::new();
        if self.take(b'}') {
            return Some(Json::Object(members));
        }
        loop {
            self.next();
            let name = self.string()?;
            // Each name is compared with all before it, which a long list would not bear.
            if members.len() >= FEW_MEMBERS || members.iter().any(|(known, _)| known == name) {
                return None;
            }
            self.expect(b':')?;
            let value = self.value(depth)?;
            members.push((name.to_owned(), value));
            if self.take(b'}') {
                return Some(Json::Object(members));
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, depth: u32) -> Option<Json> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(b']') {
                return Some(Json::Array(items));
            }
            self.expect(b',')?;
        }
    }

    /// A string without escapes, at its opening quote.
    fn string(&mut self) -> Option<&'t str> {
        let start = self.at.checked_add(1)?;
        let rest = self.text.as_bytes().get(self.at..)?.strip_prefix(b"\"")?;
        let special = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
        let length = rest.iter().position(special)?;
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        let end = start.checked_add(length)?;
        self.at = end.checked_add(1)?;
        self.text.get(start..end)
    }

    /// A number that an integer of 64 bits holds for certain.
    fn whole_number(&mut self) -> Option<Json> {
        let text = self.text.as_bytes().get(self.at..)?;
        let negative = text.first() == Some(&b'-');
        let digits = text.get(usize::from(negative)..)?;
        let count = digits.iter().position(|byte| !byte.is_ascii_digit());
        let (digits, rest) = digits.split_at_checked(count.unwrap_or(digits.len()))?;
        let is_whole = match digits {
            [b'0'] => !negative,
            [b'1'..=b'9', ..] => digits.len() <= MAX_DIGITS,
            _ => false,
        };
        if !is_whole || matches!(rest, [b'.' | b'e' | b'E', ..]) {
            return None;
        }
        // So many digits do not overflow.
        let number = digits.iter().fold(0_i64, |number, digit| {
            let digit = i64::from(digit.wrapping_sub(b'0'));
            number.wrapping_mul(10).wrapping_add(digit)
        });
        self.at = self.text.len().checked_sub(rest.len())?;
        Some(Json::Number(if negative {
            number.wrapping_neg().into()
        } else {
            number.unsigned_abs().into()
        }))
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        let rest = self.text.get(self.at..)?.strip_prefix(word)?;
        self.at = self.text.len().checked_sub(rest.len())?;
        Some(value)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    /// Takes this byte if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        self.at = self.at.saturating_add(usize::from(found));
        found
    }

    /// The next byte that is not white space; it is not taken.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at = self.at.saturating_add(1),
                byte => return Some(*byte),
            }
        }
    }
}

/// Deeper than any token that is accepted.
const MAX_DEPTH: u32 = 33;
/// An `i64` holds all numbers of so many digits.
const MAX_DIGITS: usize = 18;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn full(text: &[u8]) -> Option<Json> {
        serde_json::from_slice(text).ok()
    }

    #[test]
    fn reads_what_tokens_hold() {
        for text in [
            r#"{"iat":1600000000,"exp":4102444800,"sub":"jane","roles":["admin","ops"],"x":{}}"#,
            r#" { "a" : [ ] , "b" : [ 0 , -1 , true , false , null ] , "é" : "日本" } "#,
            "999999999999999999",
            "-999999999999999999",
            "\"\u{7f}\"",
            "{\r\n\t\"a\":\"b\"\r\n}",
        ] {
            let read = read(text);
            assert!(read.is_some(), "{text}");
            assert_eq!(read, full(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn leaves_the_rest_to_the_full_parser() {
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let names: Vec<String> = (0..30).map(|number| format!("\"{number}\":0")).collect();
        let wide = format!("{{{}}}", names.join(","));
        for text in [
            r#""\u0061""#,
            r#"{"a\"":1}"#,
            "1.0",
            "1e3",
            "1E3",
            "-0",
            "18446744073709551615",
            &deep,
            &wide,
        ] {
            assert_eq!(read(text), None, "{text}");
            assert!(full(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn reads_nothing_that_is_no_document() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1"b":2}"#,
            r#"{a:1}"#,
            r#"{1:1}"#,
            "01",
            "-",
            "-a",
            "+1",
            ".5",
            "00",
            "tru",
            "truex",
            "nul",
            "True",
            "\"",
            "\"a",
            "\"a\nb\"",
            "\"\u{0}\"",
            r#"{"a":1,"a":1}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            "{} x",
            "{}{}",
            "\u{feff}{}",
            "\u{a0}1",
            "\u{b}1",
            "'a'",
            "NaN",
            "1_0",
            "١",
        ] {
            assert_eq!(read(text), None, "{text}");
            assert_eq!(full(text.as_bytes()), None, "{text}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        /// Documents of pieces that go together more often than not.
        #[test]
        fn never_reads_a_document_in_another_way(
            pieces in proptest::collection::vec(0..PIECES.len(), 0..24),
        ) {
            let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
            for text in [text.clone(), format!("[{text}]"), format!("{{\"k\":{text}}}")] {
                if let Some(json) = read(&text) {
                    assert_eq!(Some(json), full(text.as_bytes()), "{text}");
                }
            }
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    const PIECES: [&str; 20] = [
        "{", "}", "[", "]", ",", ":", " ", "\"a\"", "\"b\":", "\"a\":1,", "1", "-", "0", "12",
        "true", "null", ".5", "e1", "\"\\n\"", "\"é\"",
    ];
}
