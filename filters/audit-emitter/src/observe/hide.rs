//! People whom a record names by pseudonyms are nowhere else in it, where no erasure of the person would reach them.

use policy::request_value::RequestValue;
use policy::values::form_decoded;

use crate::record::Observation;

/// Takes people whom a request names at a place out of what else the record says. `people` are the values there.
pub(super) fn hide(
    place: &RequestValue,
    (people, is_incomplete): (&[String], bool),
    observation: &mut Observation,
) {
    let mut without = |names: &[&str]| {
        let headers = &mut observation.headers;
        headers.retain(|(header, _)| !names.contains(&header.as_str()));
    };
    match place {
        RequestValue::Header(name) => without(&[name]),
        RequestValue::Host(variable) if is_incomplete || !people.is_empty() => {
            without(&["host", "x-forwarded-host"]);
            observation.host = Some(variable.pattern());
        }
        _ => {}
    }
    for person in people {
        let person = person.to_ascii_lowercase();
        let headers = &mut observation.headers;
        headers.retain(|(_, value)| !names(value, &person));
        if (observation.user_agent.as_deref()).is_some_and(|value| names(value, &person)) {
            observation.user_agent = None;
        }
    }
}

/// Whether a text has a name in it, in lower case, as a word by itself and however often it is escaped.
pub(super) fn names(value: &str, person: &str) -> bool {
    let mut text = value.to_ascii_lowercase();
    for _ in 0..MAX_DECODED {
        let is_word = |(at, _): (usize, &str)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let end = at.saturating_add(person.len());
            let after = text.get(end..).and_then(|text| text.chars().next());
            let mut beside = before.into_iter().chain(after);
            !beside.any(char::is_alphanumeric)
        };
        if text.match_indices(person).any(is_word) {
            return true;
        }
        let decoded = form_decoded(text.as_bytes());
        if decoded == text.as_bytes() {
            return false;
        }
        text = String::from_utf8_lossy(&decoded).to_ascii_lowercase();
    }
    false
}

/// An address in the query of an address in a header is escaped twice.
const MAX_DECODED: usize = 4;
