//! What the metadata of routes and virtual hosts says.
//!
//! It is read as a whole, in one call: only then is a `Struct` typed. Envoy hands out single members
//! of one without their types, so that a number cannot be told from eight bytes of text.

use policy::config::{Problem, Problems, join};
use policy::filters::part_key;
use policy::json::Json;

use crate::Host;
use crate::plugin_configuration::dynamic_value;
use crate::protobuf::{Value, fields};

/// The name spaces of ours in some metadata that one filter goes by, or that are nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spaces(Vec<Space>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Space {
    name: String,
    /// The encoded `google.protobuf.Struct`.
    fields: Vec<u8>,
}

/// What is said to a filter in one name space.
struct Said {
    /// It is said to all four filters in one, so the part of each has the key that the bundle gives
    /// it.
    is_for_all: bool,
    /// The encoded `google.protobuf.Value`.
    value: Vec<u8>,
}

/// What one of [`PLACES`] says to a filter. Nothing is read of what is said to others alone.
pub(super) fn read(host: &dyn Host, place: &str, filter: &str) -> Option<Spaces> {
    let metadata = host.property(&["xds", place]).ok()?;
    let spaces = entries(&metadata).filter(|(name, _)| concerns(name, filter));
    let spaces: Vec<Space> = spaces
        .map(|(name, fields)| Space {
            name: String::from_utf8_lossy(name).into_owned(),
            fields: fields.to_vec(),
        })
        .collect();
    (!spaces.is_empty()).then_some(Spaces(spaces))
}

/// Whether a name space is this filter's, that of all, or looks like one of ours and is none.
fn concerns(name: &[u8], filter: &str) -> bool {
    // Nobody means another name by capitals: such a name is wrong, not somebody else's.
    let Some((family, rest)) = name.split_at_checked(FAMILY.len()) else {
        return false;
    };
    if !family.eq_ignore_ascii_case(FAMILY) {
        return false;
    }
    let Some(addressee) = rest.strip_prefix(b".") else {
        return rest.is_empty();
    };
    let others = policy::filters::ORDER.iter();
    let mut others = others.filter(|other| **other != filter);
    !others.any(|other| other.as_bytes().eq_ignore_ascii_case(addressee))
}

impl Spaces {
    /// What a filter is to do differently. `None` where only the other filters are meant.
    ///
    /// # Errors
    /// Something of it cannot be read, is said to nobody, or is said twice.
    pub(super) fn members(&self, filter: &str) -> Result<Option<Vec<(String, Json)>>, Problems> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut said = None;
        for space in &self.0 {
            match space.members(filter) {
                Ok(None) => {}
                Ok(members) if said.is_none() => said = members,
                Ok(_) => problems.push(Problem::new(
                    space.name.as_str(),
                    format!("says what {FAMILY_NAME:?} and \"{FAMILY_NAME}.{filter}\" both say to {filter}; say it in one"),
                )),
                Err(found) => problems.extend(found),
            }
        }
        match problems.is_empty() {
            true => Ok(said),
            false => Err(Problems::from_list(problems)),
        }
    }
}

impl Space {
    fn members(&self, filter: &str) -> Result<Option<Vec<(String, Json)>>, Problems> {
        let own = self.name.strip_prefix(FAMILY_NAME);
        let is_for_all = own.is_some_and(str::is_empty);
        let addressee = own.and_then(|own| own.strip_prefix('.'));
        if !is_for_all && addressee != Some(filter) {
            let message = format!(
                "no filter reads this; expected {FAMILY_NAME:?}, or {FAMILY_NAME:?} and the name of a filter, as in \"{FAMILY_NAME}.{filter}\""
            );
            return Err(Problem::new(self.name.as_str(), message).into());
        }
        let mut value = None;
        let mut problems: Vec<Problem> = Vec::new();
        for (name, found) in entries(&self.fields) {
            if name == CONFIG.as_bytes() {
                value = Some(found.to_vec());
                continue;
            }
            let name = String::from_utf8_lossy(name);
            let message = format!("unknown key; all that is said stands in {CONFIG:?}");
            problems.push(Problem::new(join(&self.name, &name), message));
        }
        match value {
            Some(value) if problems.is_empty() => Said { is_for_all, value }.members(filter),
            None if problems.is_empty() => {
                let message =
                    format!("missing; expected JSON in a string, or an object, in {CONFIG:?}");
                Err(Problem::new(join(&self.name, CONFIG), message).into())
            }
            _ => Err(Problems::from_list(problems)),
        }
    }
}

impl Said {
    fn members(&self, filter: &str) -> Result<Option<Vec<(String, Json)>>, Problems> {
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

/// The members of `config`, which must be an object.
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
/// The name space of what is said to all four filters, and before the name of one.
const FAMILY_NAME: &str = "meshward";
const FAMILY: &[u8] = FAMILY_NAME.as_bytes();
/// The member of a name space that is read.
const CONFIG: &str = "config";
pub(super) const MAX_BYTES: usize = 64 * 1024;
const MAX_DEPTH: u32 = 64;
