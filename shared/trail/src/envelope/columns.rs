//! Rows of tables, which is how many stores export what they have: as CSV, or with tabs between columns. And whatever
//! else has a record in the middle of a line.

use std::ops::Range;

use audit::log_line;
use policy::json::Json;
use serde_json::value::RawValue;

use super::log::has_marker;
use super::members::{self, Members};

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
    /// A string of JSON, as logs write it that are `name="value"`.
    Json,
    /// A string of SQL: quotes are doubled.
    Sql,
    /// A string of MySQL's SQL: quotes and backslashes have a backslash before them.
    Backslashed,
}

impl Column {
    /// The text of the column.
    pub(crate) fn text(&self, line: &str) -> String {
        let spelled = line.get(self.place.clone()).unwrap_or_default();
        match self.spelling {
            Spelling::Quoted => spelled.replace("\"\"", "\""),
            Spelling::Escaped => spelled.replace("\\\\", "\\"),
            Spelling::Plain => spelled.to_owned(),
            Spelling::Json => members::string(&format!("\"{spelled}\""))
                .unwrap_or_default()
                .into_owned(),
            Spelling::Sql => spelled.replace("''", "'"),
            Spelling::Backslashed => without_backslashes(spelled),
        }
    }

    /// Another text, as the store would spell it.
    pub(crate) fn spelled(&self, text: &str) -> String {
        match self.spelling {
            Spelling::Quoted => text.replace('"', "\"\""),
            Spelling::Escaped => text.replace('\\', "\\\\"),
            Spelling::Plain => text.to_owned(),
            Spelling::Json => {
                let spelled = Json::from(text).to_string();
                let inner = spelled
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'));
                inner.unwrap_or_default().to_owned()
            }
            Spelling::Sql => text.replace('\'', "''"),
            Spelling::Backslashed => with_backslashes(text),
        }
    }
}

/// The columns of a row with objects in them.
fn columns(line: &str) -> Vec<Column> {
    let quoted = quoted_columns(line).map(|place| Column {
        place,
        spelling: Spelling::Quoted,
    });
    quoted.chain(tabbed_columns(line)).collect()
}

/// The columns of a row with objects in them, else what has objects in the middle of a line.
pub(crate) fn within(line: &str) -> Vec<Column> {
    let columns = columns(line);
    match columns.is_empty() {
        true => embedded(line),
        false => columns,
    }
}

/// Whether a line that begins with an object is a row whose first column that is, and no object by itself. No text in
/// JSON has a tab, and one between two values is white space.
pub(crate) fn begins_row(line: &str) -> bool {
    line.starts_with("{\"")
        && memchr::memchr(b'\t', line.as_bytes()).is_some()
        && tabbed_columns(line).any(|column| column.place.start == 0)
}

/// Objects in the middle of a line of text, and strings in it that hold some: what a statement of SQL inserts, a field
/// `name=value`, what is behind a time, a tag or a mark. Not where audit-emitter has written into the line itself.
fn embedded(line: &str) -> Vec<Column> {
    let is_written = |found: log_line::LogLine<'_>| match found.part {
        Some(_) => found.text.is_some(),
        None => found.text.is_some_and(|text| text.starts_with("{\"")),
    };
    if !is_ours(line) || log_line::find(line).any(is_written) {
        return Vec::new();
    }
    let mut columns = Vec::new();
    // What fails may be long, and be tried again from the next place on.
    let mut steps = line.len().saturating_mul(MAX_PASSES);
    let mut at = 0;
    while let Some(rest) = line.get(at..)
        && let Some(found) = memchr::memchr3(b'{', b'"', b'\'', rest.as_bytes())
        && steps > 0
    {
        let begin = at + found;
        let is_escaped = line
            .get(..begin)
            .is_some_and(|before| before.ends_with('\\'));
        let rest = line.get(begin..).unwrap_or_default();
        let tried = match is_escaped {
            true => Tried::Failed(1),
            false => Tried::of(rest),
        };
        at = match tried {
            Tried::Failed(length) => {
                steps = steps.saturating_sub(length.max(1));
                begin + 1
            }
            Tried::Object(length) => {
                if rest.get(..length).is_some_and(is_ours) {
                    columns.push(Column {
                        place: begin..begin + length,
                        spelling: Spelling::Plain,
                    });
                }
                begin + length
            }
            Tried::String(spelling, length) => {
                let column = Column {
                    place: begin + 1..begin + 1 + length,
                    spelling,
                };
                if is_ours(&column.text(line)) {
                    columns.push(column);
                    begin + length + 2
                } else {
                    // It may be the end of one that was taken for the beginning.
                    steps = steps.saturating_sub(length);
                    begin + 1
                }
            }
        };
    }
    columns
}

/// What was found where a value could begin.
enum Tried {
    /// Nothing, after so many bytes.
    Failed(usize),
    /// An object of so many bytes.
    Object(usize),
    /// A string with so many bytes between its quotes.
    String(Spelling, usize),
}

impl Tried {
    fn of(text: &str) -> Self {
        if text.starts_with("{\"") {
            let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
            return match stream.next() {
                Some(Ok(value)) => Self::Object(value.get().len()),
                Some(Err(error)) => Self::Failed(error.column()),
                None => Self::Failed(1),
            };
        }
        let (quote, spelling) = match text.as_bytes() {
            [b'"', ..] => (b'"', Spelling::Json),
            [b'\'', b'{', b'\\', ..] => (b'\'', Spelling::Backslashed),
            [b'\'', b'{', ..] => (b'\'', Spelling::Sql),
            _ => return Self::Failed(1),
        };
        let inner = text.get(1..).unwrap_or_default();
        match string_length(inner.as_bytes(), quote, spelling) {
            Some(length) => Self::String(spelling, length),
            None => Self::Failed(text.len()),
        }
    }
}

/// How long a string is, to the quote that ends it.
fn string_length(inner: &[u8], quote: u8, spelling: Spelling) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = inner.get(at..)?;
        at += match spelling {
            Spelling::Sql => memchr::memchr(quote, rest)?,
            _ => memchr::memchr2(quote, b'\\', rest)?,
        };
        match (inner.get(at..)?, spelling) {
            ([b'\'', b'\'', ..], Spelling::Sql) | ([b'\\', _, ..], _) => at += 2,
            ([b'\\'], _) => return None,
            _ => return Some(at),
        }
    }
}

fn without_backslashes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.extend(match character {
            '\\' => characters.next(),
            other => Some(other),
        });
    }
    plain
}

fn with_backslashes(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '"' | '\'') {
            spelled.push('\\');
        }
        spelled.push(character);
    }
    spelled
}

/// Whether there may be a record in a text, or what audit-emitter has written.
fn is_ours(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"record_integrity").is_some() || has_marker(text)
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
/// How often a line is read as a whole, at most, before what else may be in it is left.
const MAX_PASSES: usize = 8;
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
    fn objects_are_found_in_the_middle_of_a_line() {
        let record = r#"{"a":"it's \"x\" \\z","unmapped":{"record_integrity":{}}}"#;
        let json = Json::from(record).to_string();
        let sql = record.replace('\'', "''");
        let mysql = with_backslashes(record);
        for (line, count) in [
            (format!("MESSAGE={record}"), 1),
            (
                format!("<14>1 2026-12-01T00:00:00Z h app - - - \u{feff}{record}"),
                1,
            ),
            (format!("2026-12-01 {{job=\"a\"}} {record} x"), 1),
            (format!("INSERT INTO t VALUES (1,'{sql}'),(2,'{sql}');"), 2),
            (
                format!("INSERT INTO t VALUES (1,'{mysql}'),(2,'{mysql}');"),
                2,
            ),
            (format!("level=info user=\"it's\" msg={json} n=1"), 1),
            (format!("a\" b={json} {{\"x\":1}} {record}"), 2),
            (format!("71 <14>1 {record}82 <14>1 {record}"), 2),
        ] {
            let found = embedded(&line);
            let texts: Vec<String> = found.iter().map(|one| one.text(&line)).collect();
            assert_eq!(texts, vec![record; count], "{line}");
            for column in &found {
                assert_eq!(
                    column.spelled(record),
                    line.get(column.place.clone()).unwrap()
                );
            }
        }
        let marked = log_line::whole(record, None);
        assert_eq!(embedded(&format!("x {marked} {record}")), []);
        assert_eq!(embedded("x {\"a\":1} \"\\\"b\\\"\""), []);
    }

    /// What clients send costs a few passes at most.
    #[test]
    fn what_looks_like_many_beginnings_is_left() {
        for piece in [
            "{\"",
            "\" ",
            "'{",
            "'{\\",
            "{\"a\":\"\\\"",
            "{\"a\":{\"a\":[",
        ] {
            let line = format!("record_integrity {}", piece.repeat(1 << 17));
            assert_eq!(embedded(&line), []);
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
