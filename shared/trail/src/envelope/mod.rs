//! Where records are in a line, whatever keeps them: a line by themselves, a collector's file, a
//! batch of events, the export of a store, or a log in any of the forms in which hosts, container
//! runtimes and journals keep one.
//!
//! | in the line | it is |
//! | --- | --- |
//! | a record, in whatever spelling | a record |
//! | `resourceLogs` | an OTLP request: bodies that are records, structured or text; a log line in a body |
//! | `specversion` | an event of CloudEvents, alone or in an array |
//! | `_source`, `hits`, `result`, `results`, `data` with `meta` | a document of Elasticsearch, Splunk or ClickHouse |
//! | `log` with `stream` | a line of docker's json-file, perhaps a piece of one |
//! | `2026-11-24T21:00:00Z stderr P` | a line of a CRI log, perhaps a piece of one |
//! | `MESSAGE` | a line of journald |
//! | any other object or array | what is in its strings |
//! | a column with doubled quotes, as in `1,"{""act"":…}"`, or an object before or behind a tab | the row of an export as CSV or TSV: what is in its columns |
//! | text, then an object to the end of the line | a line of a log shipper: what is in its strings |
//! | values one behind the other, with nothing, white space, a comma or RS between them | what is in each |
//! | text with an object in it, or with a string of JSON or SQL that holds one | what is in that |
//! | the marker of audit-emitter | a line of a log |
//!
//! Where a string comes from a log, a client may have had a say in it: see [`Origin`].

mod claims;
mod columns;
mod export;
mod fragment;
mod log;
mod members;
mod otlp;
mod parts;
mod values;

use std::borrow::Cow;

use audit::keys::LogKey;

pub use claims::{Claims, Facts};
pub(crate) use claims::{INFO, WARN};
pub(crate) use columns::{begins_row, within};
pub use fragment::{Fragment, Fragments};
pub(crate) use fragment::{JoinedLine, OpenLine};
pub(crate) use log::object_behind;
pub use otlp::any_value;
pub use parts::{Part, Parts};
pub(crate) use values::{is_separator, values};

use crate::hex::decode;
use crate::item::ChainUid;
use members::{Members, raw_items};

/// The program or format that kept a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// What only emitters and operators write to.
    Store,
    /// A log, in which others have a say too: what looks like a record may be a client's words.
    Log,
    /// A line of a log that a known key has tagged, so an emitter's.
    TaggedLog,
}

impl Origin {
    const fn of_log(is_tagged: bool) -> Self {
        if is_tagged {
            Self::TaggedLog
        } else {
            Self::Log
        }
    }
}

/// A record in a line.
#[derive(Debug)]
pub struct Found<'l> {
    /// The text of the record.
    pub text: Cow<'l, str>,
    /// The program or format that kept the record.
    pub origin: Origin,
    /// What the envelope says about the record.
    pub claims: Option<Box<Claims>>,
}

/// What is in a line.
#[derive(Debug, Default)]
pub struct Contents<'l> {
    /// Records, or what should be some.
    pub found: Vec<Found<'l>>,
    /// Parts of records that were too long for a line.
    pub parts: Vec<Part>,
    /// What is there beside, and is none of ours.
    pub foreign: u64,
    /// What should be a record, and cannot be read.
    pub malformed: Vec<String>,
    /// The chains of what has the words of a record, and is in no form that is known.
    pub unread: Vec<ChainUid>,
    /// The keys that tag lines of logs.
    keys: &'l [LogKey],
}

/// What a line of a file holds.
#[derive(Debug)]
pub enum Line<'l> {
    /// A record without anything around it.
    Record(&'l str),
    /// Something that holds records, or could.
    Holds(Contents<'l>),
    /// A line of a log in a line of a container's log, or a piece of one.
    Fragment(Fragment<'l>),
    /// An empty line, or one without anything of ours.
    Other,
}

/// Reads a line of a file. `keys` are those that may have tagged lines of logs.
#[must_use]
pub fn read<'l>(line: &'l str, keys: &'l [LogKey]) -> Line<'l> {
    let line = line.strip_prefix(values::RECORD_SEPARATOR).unwrap_or(line);
    let is_row = begins_row(line);
    if line.starts_with(AS_EMITTED) && !is_row {
        return Line::Record(line.strip_suffix('\r').unwrap_or(line));
    }
    // Files with a byte order mark that were put one behind the other.
    let line = without_space(line.strip_prefix('\u{feff}').unwrap_or(line));
    if let Some(fragment) = fragment::of(line) {
        return Line::Fragment(fragment);
    }
    let mut contents = Contents::with_keys(keys);
    if is_row {
        contents.add_log_line(line);
        return Line::Holds(contents);
    }
    let is_record = contents.add_text(line, Origin::Store);
    if is_record {
        return Line::Record(line);
    }
    if contents.is_empty() {
        return Line::Other;
    }
    Line::Holds(contents)
}

/// What is in a line that [`read`] took for a record and that is none: values one behind the other. `None`: it is one
/// value, or has something else behind a value.
#[must_use]
pub fn read_values<'l>(line: &'l str, keys: &'l [LogKey]) -> Option<Contents<'l>> {
    let (_, end) = values(line)?;
    let rest = line.get(end..)?;
    let mut contents = Contents::with_keys(keys);
    let are_values =
        (rest.is_empty() || rest.starts_with('{')) && contents.add_values(line, Origin::Store);
    are_values.then_some(contents)
}

/// Reads what a line of a container's log says.
#[must_use]
pub fn read_log<'l>(text: Cow<'l, str>, keys: &'l [LogKey]) -> Contents<'l> {
    let mut contents = Contents::with_keys(keys);
    contents.add_string(text, Origin::Log);
    contents
}

/// Whether a file that begins with this line may have lines that are no records.
#[must_use]
pub fn may_have_other_lines(line: &str) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !matches!(read(line, &[]), Line::Record(_))
}

impl<'l> Contents<'l> {
    fn with_keys(keys: &'l [LogKey]) -> Self {
        Self {
            keys,
            ..Self::default()
        }
    }

    const fn is_empty(&self) -> bool {
        self.found.is_empty() && self.parts.is_empty() && self.malformed.is_empty()
    }

    fn push(&mut self, text: Cow<'l, str>, origin: Origin, claims: Option<Claims>) {
        self.found.push(Found {
            text,
            origin,
            claims: claims.map(Box::new),
        });
    }

    /// Takes in a text that may be JSON or a line of a log. Returns whether it is a record, or should
    /// be one, which is then for the caller.
    fn add_text(&mut self, text: &'l str, origin: Origin) -> bool {
        match text.as_bytes().first() {
            Some(b'{') => self.add_object(text, origin),
            Some(b'[') => {
                match raw_items(text) {
                    Ok(items) => {
                        for item in items {
                            self.add_item(item.get(), origin);
                        }
                    }
                    Err(_) if self.add_values(text, origin) => {}
                    // A log of a proxy begins its lines with a date in brackets.
                    Err(error) if is_json_array(text) && !log::has_marker(text) => self
                        .malformed
                        .push(format!("not an array of records: {error}")),
                    Err(_) => self.add_log_line(text),
                }
                false
            }
            // JSON in a string, which is how some exports keep a line.
            Some(b'"') => {
                match members::whole_string(text) {
                    Some(inner) => self.add_string(inner, origin),
                    None => self.add_log_line(text),
                }
                false
            }
            Some(_) => {
                self.add_log_line(text);
                false
            }
            None => false,
        }
    }

    /// An item of an array: an object, or a value of a row.
    fn add_item(&mut self, text: &'l str, origin: Origin) {
        match text.as_bytes().first() {
            Some(b'{') => {
                if self.add_object(text, origin) {
                    self.push(text.into(), origin, None);
                }
            }
            Some(b'[') => self.search(text, origin, 0),
            Some(b'"') => {
                if let Some(string) = members::string(text) {
                    self.add_string(string, origin);
                }
            }
            _ => self.foreign += 1,
        }
    }

    /// As [`Contents::add_text`], for the text of an object.
    fn add_object(&mut self, text: &'l str, origin: Origin) -> bool {
        if !may_be_ours(text) {
            self.foreign += 1;
            return false;
        }
        let members = match Members::read(text) {
            Ok(members) => members,
            Err(_) if self.add_values(text, origin) => return false,
            // What was cut off, or changed so that it is no JSON, is still to be told of.
            Err(_) if !text.starts_with(r#"{"resource"#) && log::has_marker(text) => {
                self.add_log_line(text);
                return false;
            }
            Err(error) if text.starts_with(r#"{"resource"#) => {
                self.malformed.push(format!("not an OTLP request: {error}"));
                return false;
            }
            Err(_) => return true,
        };
        if members.are_of_a_record() {
            return true;
        }
        self.add_export(text, &members, origin);
        false
    }

    /// Takes in values that stand one behind the other. Returns whether there are some.
    fn add_values(&mut self, text: &'l str, origin: Origin) -> bool {
        let Some((values, rest)) = values(text) else {
            return false;
        };
        let rest = text.get(rest..).unwrap_or_default();
        // Where words stand behind them it is a line of a log, and a client may have had a say in it.
        let origin = match rest {
            "" => origin,
            value if value.starts_with('{') => origin,
            _ => Origin::Log,
        };
        for value in values {
            self.add_item(text.get(value).unwrap_or_default(), origin);
        }
        match rest {
            "" => {}
            // It has no end, or is none.
            value if value.starts_with('{') => self.push(value.into(), origin, None),
            words => self.add_log_line(words),
        }
        true
    }

    /// A string that may be a record, or a line of a log.
    fn add_string(&mut self, string: Cow<'l, str>, origin: Origin) {
        match string {
            Cow::Borrowed(text) => {
                let text = without_space(text);
                if self.add_text(text, origin) {
                    self.push(text.into(), origin, None);
                }
            }
            Cow::Owned(text) => {
                let mut inner = Contents::with_keys(self.keys);
                inner.add_string(Cow::Borrowed(&text), origin);
                self.append(inner);
            }
        }
    }

    /// The same, of a line that does not stay.
    pub(crate) fn into_owned(self) -> Contents<'static> {
        let mut owned = Contents::default();
        owned.append(self);
        owned
    }

    fn append(&mut self, other: Contents<'_>) {
        self.found
            .extend(other.found.into_iter().map(|found| Found {
                text: found.text.into_owned().into(),
                origin: found.origin,
                claims: found.claims,
            }));
        self.parts.extend(other.parts);
        self.foreign += other.foreign;
        self.malformed.extend(other.malformed);
        self.unread.extend(other.unread);
    }
}

/// The chain that a text names as a record does, in whatever it is wrapped and escaped.
pub(crate) fn named_chain(text: &str) -> Option<ChainUid> {
    let at = memchr::memmem::find(text.as_bytes(), b"record_integrity")?;
    let rest = text.get(at..)?;
    let at = memchr::memmem::find(rest.as_bytes(), b"chain_uid")?;
    let rest = rest.get(at + b"chain_uid".len()..)?.as_bytes();
    // Quotes, a colon and as many backslashes as it was escaped with.
    let start = rest.iter().take(40).position(u8::is_ascii_hexdigit)?;
    decode::<16>(rest.get(start..start + 32)?)
}

/// JSON may have white space around it; in a line of a log, what is at the end may belong to a record.
fn without_space(text: &str) -> &str {
    let trimmed = text.trim_ascii();
    if trimmed.starts_with(['{', '[']) {
        trimmed
    } else {
        text.strip_suffix('\r').unwrap_or(text)
    }
}

/// Whether text can hold anything of ours: without a parser, since nearly all that cannot is long.
fn may_be_ours(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"record_integrity").is_some()
        || log::has_marker(text)
        // Spelled by somebody who escapes what need not be.
        || memchr::memmem::find(text.as_bytes(), b"\\u00").is_some()
        // Bytes as numbers, which is how a journal writes what is not printable.
        || memchr::memmem::find(text.as_bytes(), b"\"MESSAGE\"").is_some()
        || memchr::memmem::find(text.as_bytes(), b"data_base64").is_some()
        // A piece of a line.
        || text.starts_with(r#"{"resourceLogs""#)
}

/// Whether text begins as an array of records does.
fn is_json_array(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .unwrap_or_default()
        .trim_ascii_start();
    inner.starts_with(['{', '[', '"', ']'])
}

/// Records as audit-emitter writes them begin so; they need no closer look here.
const AS_EMITTED: &str = r#"{"act"#;

#[cfg(test)]
mod tests;
