//! What the metadata of routes and virtual hosts says.
//!
//! It is read as a whole, in one call: only then is a `Struct` typed. Envoy hands out single members
//! of one without their types, so that a number cannot be told from eight bytes of text.

use policy::config::{Problem, Problems};
use policy::filters::part_key;
use policy::json::Json;

use crate::Host;
use crate::plugin_configuration::dynamic_value;
use crate::protobuf::{Value, fields};

/// What is said to a filter, as it stands in the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// It is said to all four filters in one, so the part of each has the key that the bundle gives
    /// it.
    is_for_all: bool,
    /// A `google.protobuf.Value`.
    value: Vec<u8>,
}

/// What one of [`PLACES`] says to a filter.
pub(super) fn read(host: &dyn Host, place: &str, filter: &str) -> Option<Said> {
    let metadata = host.property(&["xds", place]).ok()?;
    let of = |is_for_all, value: &[u8]| Said {
        is_for_all,
        value: value.to_vec(),
    };
    let is_own = |name: &[u8]| name.strip_prefix(PREFIX) == Some(filter.as_bytes());
    said_to(&metadata, is_own)
        .map(|value| of(false, value))
        .or_else(|| said_to(&metadata, |name| name == FAMILY).map(|value| of(true, value)))
}

impl Said {
    /// What a filter is to do differently. `None` where only the other filters are meant.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn members(&self, filter: &str) -> Result<Option<Vec<(String, Json)>>, Problems> {
        if self.value.len() > MAX_BYTES {
            let message = format!("{} bytes; expected at most {MAX_BYTES}", self.value.len());
            return Err(Problems::whole(message));
        }
        let wrong = || Problems::whole("expected JSON in a string, or a google.protobuf.Struct");
        let json = dynamic_value(&self.value, MAX_DEPTH).ok_or_else(wrong)?;
        let members = members(json)?;
        if !self.is_for_all {
            return Ok(Some(members));
        }
        match unknown_part(&members) {
            Some(problem) => Err(problem.into()),
            None => part(members, filter),
        }
    }
}

/// The members of `config`.
pub(super) fn members(config: Json) -> Result<Vec<(String, Json)>, Problems> {
    let json = match config {
        Json::String(text) => {
            Json::parse(text.as_bytes()).map_err(|error| Problems::whole(error.to_string()))?
        }
        tree => tree,
    };
    match json {
        Json::Object(members) => Ok(members),
        other => Err(Problems::whole(expected_object(&other))),
    }
}

fn expected_object(found: &Json) -> String {
    format!("expected an object, found {}", found.kind())
}

/// A part that none of the filters has.
pub(super) fn unknown_part(members: &[(String, Json)]) -> Option<Problem> {
    let known = policy::filters::ORDER.map(part_key);
    let (key, _) = members
        .iter()
        .find(|(key, _)| !known.contains(&key.as_str()))?;
    let message = format!("unknown part; known here: {}", known.join(", "));
    Some(Problem::new(key.as_str(), message))
}

/// Of what is said to all filters, what is for one.
pub(super) fn part(
    members: Vec<(String, Json)>,
    filter: &str,
) -> Result<Option<Vec<(String, Json)>>, Problems> {
    let key = part_key(filter);
    match members.into_iter().find(|(name, _)| name == key) {
        None => Ok(None),
        Some((_, Json::Object(members))) => Ok(Some(members)),
        Some((_, other)) => Err(Problem::new(key, expected_object(&other)).into()),
    }
}

/// The member `config` of a name space, in `envoy.config.core.v3.Metadata`.
fn said_to(metadata: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> Option<&[u8]> {
    let space = entries(metadata).find_map(|(name, value)| is_meant(name).then_some(value))?;
    entries(space).find_map(|(name, value)| (name == b"config").then_some(value))
}

/// The entries of a map from strings to messages, which is field 1: `filter_metadata` of metadata,
/// and the fields of a `Struct`.
fn entries(message: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    fields(message).map_while(Result::ok).filter_map(|field| {
        let (1, Value::Bytes(entry)) = field else {
            return None;
        };
        let (mut name, mut value) = (&[][..], None);
        for part in fields(entry).map_while(Result::ok) {
            match part {
                (1, Value::Bytes(bytes)) => name = bytes,
                (2, Value::Bytes(bytes)) => value = Some(bytes),
                _ => {}
            }
        }
        Some((name, value?))
    })
}

/// The route's comes first, so it counts where both say something.
pub(super) const PLACES: [&str; 2] = ["route_metadata", "virtual_host_metadata"];
const PREFIX: &[u8] = b"meshward.";
/// The name space of what is said to all four filters.
const FAMILY: &[u8] = b"meshward";
pub(super) const MAX_BYTES: usize = 64 * 1024;
const MAX_DEPTH: u32 = 64;
