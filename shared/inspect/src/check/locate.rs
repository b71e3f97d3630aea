//! Where the values of a JSON text stand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use policy::config::join;

/// The name and the value of each wanted path that is there, in one pass over the text.
pub(super) fn spans<'p>(
    text: &str,
    wanted: &BTreeSet<&'p str>,
) -> BTreeMap<&'p str, (Range<usize>, Range<usize>)> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
        wanted,
        found: BTreeMap::new(),
    };
    scanner.value("", 0..0, 0);
    scanner.found
}

/// A path, and the paths of what it is in, down to the whole.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let cuts = path.rmatch_indices(['.', '[']).map(|(at, _)| at);
    std::iter::once(path.len())
        .chain(cuts)
        .filter_map(|end| path.get(..end))
        .chain([""])
}

/// The bytes of a path in a text, or of the nearest part of it that was found. `key`: the name, not the value.
pub(super) fn nearest(
    text: &str,
    spans: &BTreeMap<&str, (Range<usize>, Range<usize>)>,
    path: &str,
    key: bool,
) -> Option<Range<usize>> {
    let found = ancestors(path).find_map(|part| Some((part, spans.get(part)?)));
    let (part, (name, value)) = found?;
    let is_scalar = text
        .get(value.clone())
        .is_some_and(|text| !text.starts_with(['{', '[']));
    let takes_value = part == path && !key && is_scalar;
    let span = if takes_value || name.is_empty() {
        value
    } else {
        name
    };
    let end = if span.end - span.start > 200 {
        span.start + 1
    } else {
        span.end
    };
    Some(span.start..end)
}

/// A span of a text that stands within another, where `place` says.
pub(super) fn moved(span: &Range<usize>, place: &dyn Fn(usize) -> usize) -> Range<usize> {
    let first = place(span.start);
    // The last byte of the text stands before the next.
    first..place(span.end.saturating_sub(1)).max(first) + 1
}

struct Scanner<'t, 'p, 'w> {
    bytes: &'t [u8],
    at: usize,
    wanted: &'w BTreeSet<&'p str>,
    found: BTreeMap<&'p str, (Range<usize>, Range<usize>)>,
}

impl Scanner<'_, '_, '_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += match byte {
                b'\\' => 2,
                _ => 1,
            };
            if byte == b'"' {
                break;
            }
        }
        start..self.at.min(self.bytes.len())
    }

    /// The path of a value is made only where something wanted is in it.
    fn value(&mut self, path: &str, name: Range<usize>, depth: usize) {
        self.space();
        let start = self.at;
        let is_on_the_way = depth < 200
            && self
                .wanted
                .range(path..)
                .next()
                .is_some_and(|wanted| wanted.starts_with(path));
        match self.peek() {
            Some(b'{' | b'[') if is_on_the_way => self.members(path, depth),
            Some(b'{' | b'[') => self.skip(),
            Some(b'"') => {
                self.string();
            }
            _ => {
                while self
                    .peek()
                    .is_some_and(|byte| !byte.is_ascii_whitespace() && !b",]}".contains(&byte))
                {
                    self.at += 1;
                }
            }
        }
        if let Some(wanted) = self.wanted.get(path) {
            let value = start..self.at;
            self.found.entry(wanted).or_insert((name, value));
        }
    }

    fn members(&mut self, path: &str, depth: usize) {
        let is_object = self.peek() == Some(b'{');
        self.at += 1;
        let mut index = 0_usize;
        loop {
            self.space();
            match self.peek() {
                None => return,
                Some(b'}' | b']') => {
                    self.at += 1;
                    return;
                }
                Some(b',') => self.at += 1,
                Some(b'"') if is_object => {
                    let name = self.string();
                    let text = self.bytes.get(name.clone()).unwrap_or_default();
                    let text: String = serde_json::from_slice(text).unwrap_or_default();
                    self.space();
                    if self.peek() == Some(b':') {
                        self.at += 1;
                    }
                    self.value(&join(path, &text), name, depth + 1);
                }
                Some(_) => {
                    let before = self.at;
                    self.value(&format!("{path}[{index}]"), before..before, depth + 1);
                    index += 1;
                    if self.at == before {
                        self.at += 1;
                    }
                }
            }
        }
    }

    fn skip(&mut self) {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_by_their_path() {
        let text = r#"{ "limits": [ {"name": "a"}, {"name": "b", "x y": [1, 22]} ], "z": true }"#;
        let wanted = BTreeSet::from(["limits[1].name", r#"limits[1]["x y"][1]"#, "z", "limits[2]"]);
        let found = spans(text, &wanted);
        let value = |path: &str| {
            found
                .get(path)
                .map(|(_, value)| text.get(value.clone()).unwrap())
        };
        assert_eq!(value("limits[1].name"), Some("\"b\""));
        assert_eq!(value(r#"limits[1]["x y"][1]"#), Some("22"));
        assert_eq!(value("z"), Some("true"));
        assert_eq!(value("limits[2]"), None);
        assert_eq!(text.get(found["z"].0.clone()), Some("\"z\""));
        for broken in ["{", "[[[", "{\"a\":", "\"", "{]"] {
            spans(broken, &BTreeSet::from(["a"]));
        }
    }
}
