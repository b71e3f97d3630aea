//! The classes of data that a filter has found in an answer.

use std::borrow::Cow;

use serde::Deserialize;

use crate::scan::leading_integer;

/// A class of data that was found in an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Classified<'t> {
    name: Cow<'t, str>,
    pub(super) count: u64,
}

impl Classified<'_> {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// What `resources` of a record says.
pub(super) fn data_classes(text: &str) -> Vec<Classified<'_>> {
    as_emitted(text).unwrap_or_else(|| read(text))
}

/// Reads what is written in the form that audit-emitter uses. `None`: it is written in another.
fn as_emitted(text: &str) -> Option<Vec<Classified<'_>>> {
    let mut classes = Vec::with_capacity(4);
    let mut rest = text.strip_prefix(r#"[{"data_classifications":["#)?;
    loop {
        rest = rest.strip_prefix(r#"{"category_id":"#)?;
        let (_, length) = leading_integer(rest.as_bytes())?;
        rest = rest.get(length..)?;
        rest = rest.strip_prefix(r#","discovery_details":[{"count":"#)?;
        let (count, length) = leading_integer(rest.as_bytes())?;
        rest = rest.get(length..)?.strip_prefix(r#","type":""#)?;
        let (kind, behind) = rest.split_once('"')?;
        if kind.contains('\\') {
            return None;
        }
        add(&mut classes, Cow::Borrowed(kind), count);
        rest = behind.strip_prefix("}]}")?;
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    let name = rest.strip_prefix(r#"],"name":""#)?.strip_suffix(r#""}]"#)?;
    (!name.contains(['"', '\\'])).then_some(classes)
}

fn read(text: &str) -> Vec<Classified<'_>> {
    let Ok(resources) = serde_json::from_str::<Vec<Resource<'_>>>(text) else {
        return Vec::new();
    };
    let classifications = resources.into_iter().flat_map(|r| r.data_classifications);
    let details = classifications.flat_map(|classification| classification.discovery_details);
    let mut classes = Vec::new();
    for detail in details {
        add(&mut classes, detail.kind, detail.count);
    }
    classes
}

fn add<'t>(classes: &mut Vec<Classified<'t>>, name: Cow<'t, str>, count: u64) {
    match classes.iter_mut().find(|class| class.name == name) {
        Some(class) => class.count = class.count.saturating_add(count),
        None => classes.push(Classified { name, count }),
    }
}

#[derive(Deserialize)]
struct Resource<'t> {
    #[serde(default, borrow)]
    data_classifications: Vec<Classification<'t>>,
}

#[derive(Deserialize)]
struct Classification<'t> {
    #[serde(default, borrow)]
    discovery_details: Vec<Detail<'t>>,
}

#[derive(Deserialize)]
struct Detail<'t> {
    #[serde(default)]
    count: u64,
    #[serde(rename = "type", borrow)]
    kind: Cow<'t, str>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is read fast is what is read with care.
        #[test]
        fn both_ways_agree(
            found in prop::collection::vec((0_u64..20, 0_u64..300, "[A-C]{1,2}|a\\\\n|é"), 0..4),
            name in "[a-c]{0,3}|\\\\\"",
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6), 0..2),
        ) {
            let found: Vec<String> = found.iter().map(|(category, count, kind)| format!(
                r#"{{"category_id":{category},"discovery_details":[{{"count":{count},"type":"{kind}"}}]}}"#
            )).collect();
            let mut text = format!(r#"[{{"data_classifications":[{}],"name":"{name}"}}]"#, found.join(","));
            prop_assert_eq!(as_emitted(&text).is_some(), !found.is_empty() && !text.contains('\\'));
            for (at, piece) in edits {
                let at = text.floor_char_boundary(at.index(text.len()));
                text.insert_str(at, ["\"", ",", "{}", "},{", "0", "\",\"x\":\""][piece]);
            }
            // The scanner lets nothing else pass.
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert_eq!(data_classes(&text), read(&text), "{}", text);
            }
        }
    }
}
