//! What a line says beside its records. Stores write what they index there too, and proxies the request that a line of
//! their log is about, so what was erased from a record may stand beside it.

use policy::json::Json;

use super::Fate;
use super::change::{Changed, Changer};
use crate::item::parse;

/// Whether what was erased from the records of a line stands in it still, beside them.
pub(super) fn is_left(
    line: &str,
    changed: &str,
    fate: &mut impl FnMut(&str, &str) -> Fate,
) -> bool {
    let mut erased: Vec<String> = Vec::new();
    let mut without_records = |uid: &str, text: &str| {
        match fate(uid, text) {
            Fate::Keep => {}
            Fate::Drop => erased.extend(told(text)),
            Fate::Replace(instead) => {
                let left: Vec<String> = told(&instead).collect();
                erased.extend(told(text).filter(|one| !left.contains(one)));
            }
        }
        Fate::Replace("{}".to_owned())
    };
    let mut changer = Changer::new(&mut without_records);
    let Changed::To(beside) = changer.line(line) else {
        return false;
    };
    erased.iter().any(|text| {
        let spelled = Json::from(text.as_str()).to_string();
        let spelled = spelled.trim_matches('"');
        let stands_in = |line: &str| has_word(line, text) || has_word(line, spelled);
        // What is gone with its record does not stand beside it.
        stands_in(&beside) && stands_in(changed)
    })
}

/// What a record says of people: names, the path, addresses.
fn told(text: &str) -> impl Iterator<Item = String> {
    let record = parse(text).unwrap_or(Json::Null);
    let mut told = Vec::new();
    for place in PLACES {
        match record.at(place) {
            Some(Json::String(text)) => told.push(text.clone()),
            Some(Json::Array(items)) => {
                told.extend(items.iter().filter_map(Json::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    let is_telling = |text: &String| text.len() >= MIN_BYTES && !WORDS.contains(&text.as_str());
    told.into_iter().filter(is_telling)
}

/// Whether a text stands in a line, and not as a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..);
        let after = after.and_then(|text| text.chars().next());
        ![before, after]
            .into_iter()
            .flatten()
            .any(char::is_alphanumeric)
    })
}

const PLACES: [&str; 9] = [
    "actor.app_uid",
    "actor.user.name",
    "actor.user.uid",
    "http_request.url.path",
    "http_request.url.query_string",
    "http_request.url.url_string",
    "src_endpoint.ip",
    "src_endpoint.name",
    "unmapped.data_subject.uids",
];
/// What audit-emitter writes where it does not know, or what an erasure leaves.
const WORDS: [&str; 5] = ["anonymous", "erased", "hidden", "unknown", "unverified"];
/// A shorter text is found in any line.
const MIN_BYTES: usize = 4;
