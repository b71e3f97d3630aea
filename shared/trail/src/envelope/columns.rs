//! Rows of tables, which is how many stores export what they have: as CSV, or with tabs between columns.

use std::ops::Range;

use super::members::Members;

/// A column with an object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Where in the line the object stands.
    pub(crate) place: Range<usize>,
    spelling: Spelling,
}

/// How a store spells the text of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As CSV: quotes are doubled.
    Quoted,
    /// With tabs: backslashes are doubled, as ClickHouse and PostgreSQL do.
    Escaped,
    /// The column has the text as it is.
    Plain,
}

impl Column {
    /// The text of the column.
    pub(crate) fn text(&self, line: &str) -> String {
        let spelled = line.get(self.place.clone()).unwrap_or_default();
        match self.spelling {
            Spelling::Quoted => spelled.replace("\"\"", "\""),
            Spelling::Escaped => spelled.replace("\\\\", "\\"),
            Spelling::Plain => spelled.to_owned(),
        }
    }

    /// Another text, as the store would spell it.
    pub(crate) fn spelled(&self, text: &str) -> String {
        match self.spelling {
            Spelling::Quoted => text.replace('"', "\"\""),
            Spelling::Escaped => text.replace('\\', "\\\\"),
            Spelling::Plain => text.to_owned(),
        }
    }
}

/// The columns of a row with objects in them.
pub(crate) fn columns(line: &str) -> Vec<Column> {
    let quoted = quoted_columns(line).map(|place| Column {
        place,
        spelling: Spelling::Quoted,
    });
    quoted.chain(tabbed_columns(line)).collect()
}

/// Whether a line that begins with an object is a row whose first column that is, and no object by itself. No text in
/// JSON has a tab, and one between two values is white space.
pub(crate) fn begins_row(line: &str) -> bool {
    line.starts_with("{\"")
        && memchr::memchr(b'\t', line.as_bytes()).is_some()
        && tabbed_columns(line).any(|column| column.place.start == 0)
}

/// Splits a line at its tabs.
fn tabbed_columns(line: &str) -> impl Iterator<Item = Column> {
    let mut at = 0_usize;
    let columns = line.split('\t').filter_map(move |text| {
        let begin = at;
        at = at.saturating_add(text.len()).saturating_add(1);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let is_object = text.starts_with("{\"") && text.ends_with('}');
        let column = is_object.then(|| Column {
            place: begin..begin.saturating_add(text.len()),
            spelling: spelling(text),
        })?;
        let is_whole = || Members::read(&column.text(line)).is_ok();
        (begin > 0 || text.len() < line.trim_ascii_end().len() && is_whole()).then_some(column)
    });
    columns.filter(|_| line.contains("record_integrity"))
}

/// In JSON that is as it is, a quote within a text has one backslash before it.
fn spelling(column: &str) -> Spelling {
    let is_backslash = |a: &u8, b: &u8| (*a == b'\\') == (*b == b'\\');
    let mut runs = column.as_bytes().chunk_by(is_backslash);
    let is_single = |run: &[u8]| run.starts_with(b"\\") && !run.len().is_multiple_of(2);
    match column.contains('\\') && !runs.any(is_single) {
        true => Spelling::Escaped,
        false => Spelling::Plain,
    }
}

/// Where in a line a quoted column has an object in it: between its quotes, in which others are doubled. The
/// delimiter may be any of those in use. A column that has line feeds in it is not all in this line, nor
/// need the quote that begins another one be the first.
fn quoted_columns(line: &str) -> impl Iterator<Item = Range<usize>> {
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

    #[test]
    fn columns_between_tabs_are_read_as_stores_spell_them() {
        let record = r#"{"a":"x \"y\" \\z","unmapped":{"record_integrity":{}}}"#;
        let doubled = record.replace('\\', "\\\\");
        for column in [record, doubled.as_str()] {
            let line = format!("2026-11-30\t{column}\tedge\r");
            let found = columns(&line);
            let texts: Vec<String> = found.iter().map(|one| one.text(&line)).collect();
            assert_eq!(texts, [record]);
            assert_eq!(found[0].spelled(&texts[0]), column);
        }
        for column in [record, doubled.as_str()] {
            let line = format!("{column}\tedge");
            let found = columns(&line);
            let texts: Vec<String> = found.iter().map(|one| one.text(&line)).collect();
            assert_eq!(texts, [record]);
            assert!(begins_row(&line));
        }
        // An object with white space in it or behind it is no row, and without a record there is none to be found.
        for line in [
            format!("{record}\t"),
            record.replacen('{', "{\t", 1),
            record.replacen(",\"unmapped", "\t,\"unmapped", 1),
            record.replacen("{}}}", "{}\t}}", 1),
            "1\t{\"a\":1}\t2".to_owned(),
            "{\"a\":1}\t2".to_owned(),
        ] {
            assert_eq!(columns(&line), [], "{line}");
        }
    }
}
