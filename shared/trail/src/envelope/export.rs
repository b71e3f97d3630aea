//! Exports of stores, and whatever else wraps records into objects.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::claims::Claims;
use super::members::{self, Members, raw_items};
use super::{Contents, Origin};

impl<'l> Contents<'l> {
    /// An object that is no record itself.
    pub(super) fn add_export(&mut self, text: &'l str, members: &Members<'l>, origin: Origin) {
        if members
            .get("resourceLogs")
            .or(members.get("resource_logs"))
            .is_some()
        {
            self.add_otlp(text, origin);
        } else if members.get("specversion").is_some() {
            self.add_event(members, origin);
        } else if let Some(source) = members.get("_source") {
            // Elasticsearch and OpenSearch: what was indexed.
            self.add_row(source, origin);
        } else if let Some(hits) = members
            .get("hits")
            .filter(|hits| hits.starts_with(['{', '[']))
        {
            match Members::read(hits).ok().and_then(|hits| hits.get("hits")) {
                Some(inner) => self.add_rows(inner, origin),
                None => self.add_rows(hits, origin),
            }
        } else if let Some(result) = members.get("result").filter(|r| r.starts_with('{')) {
            // Splunk, one result on each line.
            self.add_row(result, origin);
        } else if let Some(results) = members.get("results").filter(|r| r.starts_with('[')) {
            self.add_rows(results, origin);
        } else if let Some(rows) = members
            .get("data")
            .filter(|_| members.get("meta").is_some())
        {
            // ClickHouse, all rows in one document.
            self.add_rows(rows, origin);
        } else if let Some(message) = members.get("MESSAGE") {
            match message.strip_prefix('[') {
                // journald writes what is not printable as an array of bytes.
                Some(_) => {
                    let bytes = serde_json::from_str::<Vec<u8>>(message).unwrap_or_default();
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    self.add_string(Cow::Owned(text), Origin::Log);
                }
                None => self.add_value(message, Origin::Log),
            }
        } else {
            self.add_row(text, origin);
        }
    }

    fn add_rows(&mut self, rows: &'l str, origin: Origin) {
        let Ok(items) = raw_items(rows) else {
            self.foreign += 1;
            return;
        };
        for item in items {
            self.add_item(item.get(), origin);
        }
    }

    /// A row of a table, or a document of an index: a record, or one in a column that holds text.
    fn add_row(&mut self, row: &'l str, origin: Origin) {
        let Ok(members) = Members::read(row) else {
            self.add_value(row, origin);
            return;
        };
        if members.are_of_a_record() {
            self.push(row.into(), origin, None);
            return;
        }
        let before = (self.found.len(), self.parts.len(), self.malformed.len());
        let (first, _, _) = before;
        let foreign = self.foreign;
        for (name, value) in members.iter() {
            let is_body = BODIES.contains(&name);
            self.search(value, if is_body { origin } else { Origin::Log }, 0);
        }
        // One row that says something else, in however many columns.
        self.foreign = foreign
            + u64::from((self.found.len(), self.parts.len(), self.malformed.len()) == before);
        if let [only] = self.found.get_mut(first..).unwrap_or_default()
            && only.origin == Origin::Store
        {
            only.claims = Claims::of_row(&members).map(Box::new);
        }
    }

    /// Whatever is in a value.
    pub(super) fn search(&mut self, value: &'l str, origin: Origin, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match value.as_bytes().first() {
            Some(b'{') => {
                let Ok(members) = Members::read(value) else {
                    return;
                };
                if members.are_of_a_record() {
                    self.push(value.into(), origin, None);
                    return;
                }
                for (_, value) in members.iter() {
                    self.search(value, origin, depth + 1);
                }
            }
            Some(b'[') => {
                for item in raw_items(value).unwrap_or_default() {
                    self.search(item.get(), origin, depth + 1);
                }
            }
            Some(b'"') => self.add_value(value, origin),
            _ => {}
        }
    }

    /// A value that should be a string with a record or with a line of a log.
    fn add_value(&mut self, value: &'l str, origin: Origin) {
        match members::string(value) {
            Some(string) => self.add_string(string, origin),
            None => self.foreign += 1,
        }
    }

    /// An event of CloudEvents, whose data is a record as JSON, as text, or as base64.
    fn add_event(&mut self, event: &Members<'l>, origin: Origin) {
        let first = self.found.len();
        if let Some(data) = event.get("data") {
            if data.starts_with('"') {
                self.add_value(data, origin);
            } else {
                self.add_item(data, origin);
            }
        } else if let Some(data) = event.string("data_base64") {
            let decoded = STANDARD.decode(data.as_bytes()).ok();
            match decoded {
                Some(bytes) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    self.add_string(Cow::Owned(text), origin);
                }
                None => self.foreign += 1,
            }
        } else {
            self.foreign += 1;
        }
        // Several records in one event are not of ours, whatever it says.
        if let [only] = self.found.get_mut(first..).unwrap_or_default() {
            only.claims = Some(Box::new(Claims::of_event(event)));
        }
    }
}

/// What columns and members are called that hold a whole record as text.
const BODIES: [&str; 11] = [
    "Body", "_raw", "body", "data", "event", "json", "message", "payload", "raw", "record", "value",
];
const MAX_DEPTH: usize = 16;
