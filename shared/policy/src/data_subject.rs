//! About whom a message is: the values that bodies name people with, as pii-redactor finds them and
//! audit-emitter records them (as pseudonyms, never as they are).
//!
//! They travel in the stream property [`crate::filters::DATA_SUBJECTS_PROPERTY`]. The list is
//! bounded, whatever a body says: what has no place in it is counted.

use crate::finding::{Direction, by_word};
use crate::json::{Json, push_string};

/// The people that one path into the bodies of one direction has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSubjects {
    /// The way that the body goes.
    pub direction: Direction,
    /// The path, as the configuration has it.
    pub path: String,
    /// The people, each once.
    pub values: Vec<String>,
    /// How many values more there were, which have no place here; some may be there twice.
    pub omitted: u64,
    /// Not all of the body was read: it is not JSON, or breaks off.
    pub is_incomplete: bool,
}

impl DataSubjects {
    /// A list without people, for what `path` names in this direction.
    #[must_use]
    pub fn new(direction: Direction, path: &str) -> Self {
        Self {
            direction,
            path: path.to_owned(),
            values: Vec::new(),
            omitted: 0,
            is_incomplete: false,
        }
    }

    /// Adds somebody. Whoever is there already is not added again, and who has no place is counted.
    /// Returns whether the list is longer now.
    pub fn add(&mut self, value: &str) -> bool {
        if value.is_empty() || self.values.iter().any(|known| known == value) {
            return false;
        }
        if self.values.len() >= MAX_DATA_SUBJECTS || value.len() > MAX_VALUE_BYTES {
            self.omitted = self.omitted.saturating_add(1);
            return false;
        }
        self.values.push(value.to_owned());
        true
    }

    /// Adds what was found to a list.
    pub fn add_to(self, list: &mut Vec<Self>) {
        let has_room = list.len() < MAX_PATHS;
        let known = list
            .iter_mut()
            .find(|known| known.direction == self.direction && known.path == self.path);
        match known {
            Some(known) => {
                for value in &self.values {
                    let _ = known.add(value);
                }
                known.omitted = known.omitted.max(self.omitted);
                known.is_incomplete |= self.is_incomplete;
            }
            None if has_room => list.push(self),
            None => {}
        }
    }

    /// Reads the property; what is not understood is left out.
    #[must_use]
    pub fn parse_list(text: &[u8]) -> Vec<Self> {
        let list = Json::parse(text).ok();
        let items = list.as_ref().and_then(Json::as_array).unwrap_or_default();
        items.iter().filter_map(Self::from_json).collect()
    }

    fn from_json(json: &Json) -> Option<Self> {
        let direction = json.member("direction")?.as_str()?;
        let values = json.member("values").and_then(Json::as_array);
        let values = values.unwrap_or_default().iter();
        Some(Self {
            direction: by_word(
                [Direction::Request, Direction::Response],
                Direction::as_str,
                direction,
            )?,
            path: json.member("path")?.as_str()?.to_owned(),
            values: values
                .take(MAX_DATA_SUBJECTS)
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
            omitted: json.member("omitted").and_then(Json::as_u64).unwrap_or(0),
            is_incomplete: json.member("incomplete") == Some(&Json::Bool(true)),
        })
    }

    /// Writes the lists as the JSON that the property between filters holds.
    #[must_use]
    pub fn list_to_json(list: &[Self]) -> String {
        let mut json = String::from("[");
        for (place, found) in list.iter().enumerate() {
            json.push_str(if place == 0 { "{" } else { ",{" });
            json.push_str("\"direction\":");
            push_string(&mut json, found.direction.as_str());
            json.push_str(",\"path\":");
            push_string(&mut json, &found.path);
            json.push_str(",\"values\":[");
            for (place, value) in found.values.iter().enumerate() {
                if place > 0 {
                    json.push(',');
                }
                push_string(&mut json, value);
            }
            json.push(']');
            if found.omitted > 0 {
                json.push_str(",\"omitted\":");
                json.push_str(&found.omitted.to_string());
            }
            if found.is_incomplete {
                json.push_str(",\"incomplete\":true");
            }
            json.push('}');
        }
        json.push(']');
        json
    }
}

/// People of one path of one message, and of one record.
pub const MAX_DATA_SUBJECTS: usize = 100;
/// Nobody has a longer number or name; a longer one is counted.
pub const MAX_VALUE_BYTES: usize = 256;
/// The most paths that are kept for one stream.
const MAX_PATHS: usize = 16;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn patients(values: &[&str]) -> DataSubjects {
        let mut found = DataSubjects::new(Direction::Response, "$.patient.id");
        for value in values {
            let _ = found.add(value);
        }
        found
    }

    #[test]
    fn survives_the_property() {
        let mut list = vec![patients(&["7", "a \"b\""])];
        let mut asked = DataSubjects::new(Direction::Request, "$.id");
        asked.omitted = 3;
        asked.is_incomplete = true;
        list.push(asked);
        let text = DataSubjects::list_to_json(&list);
        assert_eq!(DataSubjects::parse_list(text.as_bytes()), list);
        assert_eq!(DataSubjects::parse_list(b"nonsense"), []);
        assert_eq!(DataSubjects::parse_list(br#"[{"path":1}]"#), []);
    }

    #[test]
    fn each_is_there_once() {
        let mut list = Vec::new();
        patients(&["7", "8", "7", ""]).add_to(&mut list);
        patients(&["8", "9"]).add_to(&mut list);
        assert_eq!(list, [patients(&["7", "8", "9"])]);
    }

    #[test]
    fn ten_thousand_are_counted() {
        let mut found = patients(&[]);
        for number in 0..10_000 {
            let _ = found.add(&number.to_string());
        }
        assert!(!found.add(&"x".repeat(10_000)));
        assert_eq!(found.values.len(), MAX_DATA_SUBJECTS);
        assert_eq!(found.omitted, 10_001 - MAX_DATA_SUBJECTS as u64);
        assert!(DataSubjects::list_to_json(&[found]).len() < 2_000);
    }
}
