//! Rows of tables as CSV, which is how many stores export what they have.

use std::ops::Range;

/// Where in a line a quoted column has an object in it: between its quotes, in which others are doubled. The
/// delimiter may be any of those in use. A column that has line feeds in it is not all in this line, nor
/// need the quote that begins another one be the first.
pub(crate) fn quoted_columns(line: &str) -> impl Iterator<Item = Range<usize>> {
    let has_object = memchr::memmem::find(line.as_bytes(), OBJECT).is_some();
    let mut at = if has_object { Some(0) } else { None };
    std::iter::from_fn(move || {
        loop {
            let begin = at?;
            let rest = line.get(begin..)?;
            at = None;
            let Some(inner) = rest.strip_prefix('"') else {
                let delimiter = rest.find(DELIMITERS)?;
                at = Some(begin.saturating_add(delimiter).saturating_add(1));
                continue;
            };
            let Some(length) = length(inner) else {
                // The quote ended what had begun in a line before.
                at = Some(begin.saturating_add(1));
                continue;
            };
            let start = begin.saturating_add(1);
            let end = start.saturating_add(length);
            at = Some(end.saturating_add(1));
            if memchr::memmem::find(line.get(start..end)?.as_bytes(), OBJECT).is_some() {
                return Some(start..end);
            }
        }
    })
}

/// How long a column is, to the quote that ends it, before a delimiter or the end of the line.
fn length(inner: &str) -> Option<usize> {
    let mut quotes = memchr::memchr_iter(b'"', inner.as_bytes()).peekable();
    while let Some(quote) = quotes.next() {
        let next = quote.saturating_add(1);
        if quotes.next_if_eq(&next).is_none() {
            let behind = inner.get(next..)?;
            let is_end = behind.is_empty() || behind.starts_with(DELIMITERS);
            return is_end.then_some(quote);
        }
    }
    None
}

/// How an object begins there.
const OBJECT: &[u8] = b"{\"\"";
const DELIMITERS: [char; 5] = [',', ';', '\t', '|', '\r'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_with_objects_are_found() {
        for (line, expected) in [
            (r#"1,"{""a"":""x,y""}",2"#, &[r#"{""a"":""x,y""}"#][..]),
            (
                r#""{""a"":1}";"b";"{""c"":2}""#,
                &[r#"{""a"":1}"#, r#"{""c"":2}"#],
            ),
            // What has begun in a line before ends here.
            (r#"the end","{""a"":1}""#, &[r#"{""a"":1}"#]),
            (r#"","{""a"":1}""#, &[r#"{""a"":1}"#]),
            // What goes on in the next line is not all here.
            (r#"1,"{""a"":1}","a"#, &[r#"{""a"":1}"#]),
            (r#"1,"{""a"":1"#, &[]),
            (r#"1,"{""a"":1}"x"#, &[]),
            (r#"{"a":"{\"\"a\""}"#, &[]),
            ("", &[]),
        ] {
            let found = quoted_columns(line).filter_map(|column| line.get(column));
            let found: Vec<&str> = found.collect();
            assert_eq!(found, expected, "{line}");
        }
    }
}
