//! How a line changes, whatever format keeps the records in it.

use audit::{canonical, log_line};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy::json::Json;

use super::beside::is_left;
use super::{Beside, Fate, Rewritten};
use crate::envelope::{self, Line};
use crate::scan::scan;

/// How a line changed, or a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// It stays to the byte.
    Not,
    /// This stands in its place.
    To(String),
    /// Nothing is left of it.
    Gone,
}

impl Changed {
    /// A line with its end, after the change.
    pub(super) fn applied(self, line: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Not => line,
            Self::Gone => Vec::new(),
            Self::To(text) => {
                let mut changed = text.into_bytes();
                if line.ends_with(b"\r\n") {
                    changed.push(b'\r');
                }
                if line.ends_with(b"\n") {
                    changed.push(b'\n');
                }
                changed
            }
        }
    }
}

/// Asks how each record is to change, and counts.
pub(super) struct Changer<'f, F> {
    pub(super) fate: &'f mut F,
    pub(super) done: Rewritten,
    /// How many records have stayed, changed or not.
    pub(super) kept: u64,
    /// The number of the line.
    pub(super) number: u64,
}

impl<'f, F: FnMut(&str, &str) -> Fate> Changer<'f, F> {
    pub(super) fn new(fate: &'f mut F) -> Self {
        Self {
            fate,
            done: Rewritten::default(),
            kept: 0,
            number: 0,
        }
    }

    /// Counts a line that still says beside its records what was erased from them.
    pub(super) fn look_beside(&mut self, beside: Beside, line: &str, changed: &Changed) {
        let Changed::To(changed) = changed else {
            return;
        };
        if beside == Beside::Told && is_left(line, changed, self.fate) {
            self.done.beside += 1;
            if self.done.first_beside == 0 {
                self.done.first_beside = self.number;
            }
        }
    }

    /// A line of a file.
    pub(super) fn line(&mut self, line: &str) -> Changed {
        let text = line.trim_start_matches(envelope::is_separator);
        let before = line.strip_suffix(text).unwrap_or_default();
        let changed = match envelope::read(text, &[]) {
            Line::Other | Line::Fragment(_) => Changed::Not,
            Line::Record(text) => self.record(text),
            Line::Holds(_) => self.text(text.trim_ascii_end()),
        };
        match changed {
            Changed::To(changed) => Changed::To(format!("{before}{changed}")),
            other => other,
        }
    }

    /// A text that may be a record, hold some as JSON, or be a line of a log.
    pub(super) fn text(&mut self, text: &str) -> Changed {
        let trimmed = text.trim_ascii();
        if !trimmed.starts_with(['{', '[', '"']) || trimmed.starts_with(log_line::MARK) {
            return self.log_line(text);
        }
        let Ok(mut json) = Json::parse(trimmed.as_bytes()) else {
            return match envelope::values(trimmed) {
                Some(_) if !envelope::begins_row(trimmed) => self.values(trimmed),
                _ => self.log_line(text),
            };
        };
        if is_record(&json) {
            return self.record(trimmed);
        }
        match self.value(&mut json) {
            Kept::Not => Changed::Not,
            Kept::Changed => Changed::To(json.to_string()),
            Kept::Gone => Changed::Gone,
        }
    }

    /// Values that stand one behind the other. What stands between two goes with the one before it.
    fn values(&mut self, text: &str) -> Changed {
        let Some((values, rest)) = envelope::values(text) else {
            return Changed::Not;
        };
        let (mut changed, mut is_changed, mut kept) = (String::new(), false, 0);
        let ends = values.iter().skip(1).map(|value| value.start).chain([rest]);
        for (value, end) in values.iter().zip(ends) {
            let (value, between) = (text.get(value.clone()), text.get(value.end..end));
            let of_value = self.text(value.unwrap_or_default());
            is_changed |= of_value != Changed::Not;
            match of_value {
                Changed::Gone => continue,
                Changed::Not => changed.push_str(value.unwrap_or_default()),
                Changed::To(text) => changed.push_str(&text),
            }
            kept += 1;
            changed.push_str(between.unwrap_or_default());
        }
        let rest = text.get(rest..).unwrap_or_default();
        match self.log_line(rest) {
            Changed::To(text) => {
                is_changed = true;
                changed.push_str(&text);
            }
            Changed::Gone => is_changed = true,
            Changed::Not => changed.push_str(rest),
        }
        match is_changed {
            false => Changed::Not,
            true if kept == 0 && changed.is_empty() => Changed::Gone,
            true => Changed::To(changed),
        }
    }

    fn record(&mut self, text: &str) -> Changed {
        let Some(uid) = uid(text) else {
            return self.values(text);
        };
        match (self.fate)(&uid, text) {
            Fate::Keep => {
                self.kept += 1;
                Changed::Not
            }
            Fate::Drop => {
                self.done.dropped += 1;
                Changed::Gone
            }
            Fate::Replace(text) => {
                self.done.replaced += 1;
                self.kept += 1;
                Changed::To(text)
            }
        }
    }

    /// The line of a log stays; only what it says about a request is gone, or another.
    fn log_line(&mut self, line: &str) -> Changed {
        if let Some((before, object)) =
            envelope::object_behind(line).and_then(|at| line.split_at_checked(at))
        {
            return match self.text(object) {
                Changed::To(changed) => Changed::To(format!("{before}{changed}")),
                other => other,
            };
        }
        if let Some(changed) = self.columns(line) {
            return changed;
        }
        let mut changed = String::new();
        let mut copied = 0;
        for found in log_line::find(line) {
            if let Some(part) = found.part {
                if (self.fate)(part.uid, "") != Fate::Keep {
                    self.done.parts += 1;
                }
                continue;
            }
            let instead = match found.text.map(|text| self.record(text)) {
                None | Some(Changed::Not) => continue,
                Some(Changed::Gone) => log_line::REMOVED.to_owned(),
                Some(Changed::To(text)) => log_line::whole(&text, None),
            };
            changed.push_str(line.get(copied..found.range.start).unwrap_or_default());
            changed.push_str(&instead);
            copied = found.range.end;
        }
        if copied == 0 {
            return Changed::Not;
        }
        changed.push_str(line.get(copied..).unwrap_or_default());
        Changed::To(changed)
    }

    /// The row of a table, if it is one. A row of which a record is gone is gone too, unless it holds another.
    fn columns(&mut self, line: &str) -> Option<Changed> {
        let before = self.kept;
        let (mut changed, mut copied, mut is_gone) = (String::new(), 0, false);
        for column in envelope::within(line) {
            let instead = match self.text(&column.text(line)) {
                Changed::Not => continue,
                Changed::Gone => String::new(),
                Changed::To(text) => column.spelled(&text),
            };
            is_gone |= instead.is_empty();
            changed.push_str(line.get(copied..column.place.start)?);
            changed.push_str(&instead);
            copied = column.place.end;
        }
        if copied == 0 {
            return None;
        }
        changed.push_str(line.get(copied..)?);
        match is_gone && self.kept == before {
            true => Some(Changed::Gone),
            false => Some(Changed::To(changed)),
        }
    }

    /// A value in a line. An object of which a record is gone is gone too, the row, the event, the log record
    /// that held it, unless it holds another that stays.
    fn value(&mut self, json: &mut Json) -> Kept {
        if is_record(json) {
            let text = canonical::to_string(json);
            return match self.record(&text) {
                Changed::Not => Kept::Not,
                Changed::Gone => Kept::Gone,
                Changed::To(text) => match Json::parse(text.as_bytes()) {
                    Ok(changed) => {
                        *json = changed;
                        Kept::Changed
                    }
                    Err(_) => Kept::Not,
                },
            };
        }
        if let Some(structured) = structured(json) {
            let text = canonical::to_string(&structured);
            return match self.record(&text) {
                Changed::Not => Kept::Not,
                Changed::Gone => Kept::Gone,
                Changed::To(text) => {
                    *json = Json::Object(vec![("stringValue".to_owned(), Json::String(text))]);
                    Kept::Changed
                }
            };
        }
        match json {
            Json::String(text) => match self.text(text) {
                Changed::Not => Kept::Not,
                Changed::Gone => Kept::Gone,
                Changed::To(changed) => {
                    *text = changed;
                    Kept::Changed
                }
            },
            Json::Array(items) => {
                let mut kept = Kept::Not;
                items.retain_mut(|item| {
                    let of_item = self.value(item);
                    if of_item != Kept::Not {
                        kept = Kept::Changed;
                    }
                    of_item != Kept::Gone
                });
                kept
            }
            Json::Object(members) => self.members(members),
            _ => Kept::Not,
        }
    }

    fn members(&mut self, members: &mut [(String, Json)]) -> Kept {
        let mut kept = Kept::Not;
        let before = self.kept;
        let mut gone: Vec<&mut Json> = Vec::new();
        for (name, value) in members {
            let of_value = match (name.as_str(), &*value) {
                ("data_base64" | "bytesValue" | "bytes_value", Json::String(_)) => {
                    self.base64(value)
                }
                ("MESSAGE", Json::Array(bytes)) => match text_of(bytes) {
                    Some(text) => self.message(&text, value),
                    None => Kept::Not,
                },
                _ => self.value(value),
            };
            match of_value {
                Kept::Not => {}
                Kept::Changed => kept = Kept::Changed,
                Kept::Gone => gone.push(value),
            }
        }
        match (gone.is_empty(), self.kept > before) {
            (true, _) => kept,
            (false, false) => Kept::Gone,
            // What is left holds another record.
            (false, true) => {
                gone.into_iter().for_each(|value| *value = Json::Null);
                Kept::Changed
            }
        }
    }

    fn message(&mut self, text: &str, value: &mut Json) -> Kept {
        match self.text(text) {
            Changed::Not => Kept::Not,
            Changed::Gone => Kept::Gone,
            Changed::To(changed) => {
                *value = Json::String(changed);
                Kept::Changed
            }
        }
    }

    fn base64(&mut self, value: &mut Json) -> Kept {
        let decoded = value.as_str().and_then(|text| STANDARD.decode(text).ok());
        let Some(bytes) = decoded else {
            return Kept::Not;
        };
        let kept = self.message(&String::from_utf8_lossy(&bytes), value);
        if let (Kept::Changed, Json::String(text)) = (kept, &mut *value) {
            *text = STANDARD.encode(text.as_bytes());
        }
        kept
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Not,
    Changed,
    Gone,
}

fn is_record(json: &Json) -> bool {
    let unmapped = json.member("unmapped");
    unmapped.is_some_and(|unmapped| unmapped.member("record_integrity").is_some())
}

/// A record that a collector has parsed into the values of OTLP.
fn structured(json: &Json) -> Option<Json> {
    json.member("kvlistValue").or(json.member("kvlist_value"))?;
    let text = json.to_string();
    let record = envelope::any_value(&text)?;
    is_record(&record).then_some(record)
}

fn text_of(bytes: &[Json]) -> Option<String> {
    let byte = |json: &Json| match json {
        Json::Number(number) => u8::try_from(number.as_u64()?).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

fn uid(text: &str) -> Option<String> {
    if let Some(fields) = scan(text) {
        return fields.uid.string(text).map(str::to_owned);
    }
    let json = Json::parse(text.as_bytes()).ok()?;
    let uid = json.member("metadata")?.member("uid")?;
    uid.as_str().map(str::to_owned)
}
