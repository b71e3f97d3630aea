//! What the nginx hosts make of a message: what they show of it, and what of an edit arrives.

use super::HeaderPairs;
use super::Profile;
use super::stream::pairs;
use crate::HeaderMap;

/// The headers of a message as this host keeps them.
pub(super) fn as_kept_by(profile: Profile, map: HeaderMap, headers: &HeaderPairs) -> HeaderPairs {
    match profile {
        Profile::Envoy => of_envoy(headers),
        Profile::Apisix => of_apisix(headers),
        Profile::Kong => of_kong(map, headers),
    }
}

/// Envoy joins the values of the headers that it knows.
fn of_envoy(headers: &HeaderPairs) -> HeaderPairs {
    let mut kept = HeaderPairs::new();
    for (name, value) in headers {
        let joined = JOINED_BY_ENVOY.contains(&name.as_slice());
        match kept.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) if joined => {
                known.push(b',');
                known.extend_from_slice(value);
            }
            _ => pairs::add(&mut kept, name, value),
        }
    }
    kept
}

/// The pseudo-headers come last, and the authority is the host.
fn of_apisix(headers: &HeaderPairs) -> HeaderPairs {
    let mut kept = HeaderPairs::new();
    let mut pseudo = HeaderPairs::new();
    for (name, value) in headers {
        match name.as_slice() {
            b":authority" => {
                pairs::add(&mut kept, b"host", value);
                pairs::add(&mut pseudo, name, value);
            }
            _ if name.starts_with(b":") => pairs::add(&mut pseudo, name, value),
            _ => pairs::add(&mut kept, name, value),
        }
    }
    kept.extend(pseudo);
    kept
}

/// Names are as a client of HTTP/1.1 writes them, the path is decoded, and the authority is the
/// server's own name.
fn of_kong(map: HeaderMap, headers: &HeaderPairs) -> HeaderPairs {
    let mut kept = HeaderPairs::new();
    for (name, value) in headers {
        match (map, name.as_slice()) {
            (HeaderMap::RequestHeaders, b":authority") => {
                kept.push((name.clone(), b"server.kong.internal:8000".to_vec()));
                kept.push((b"Host".to_vec(), value.clone()));
            }
            (HeaderMap::RequestHeaders, b":path") => {
                kept.push((name.clone(), decoded_path(value)));
            }
            _ => kept.push((capitalized(name), value.clone())),
        }
    }
    kept
}

/// The list of a header map: APISIX shows at most so many, and of many response headers those at
/// the end, with nothing where the others should be.
pub(super) fn listed(profile: Profile, map: HeaderMap, headers: &HeaderPairs) -> HeaderPairs {
    if profile != Profile::Apisix {
        return headers.clone();
    }
    let (pseudo, named): (HeaderPairs, HeaderPairs) = headers
        .iter()
        .cloned()
        .partition(|(name, _)| name.starts_with(b":"));
    match map {
        HeaderMap::RequestHeaders => named
            .into_iter()
            .take(LISTED_REQUEST_HEADERS)
            .chain(pseudo)
            .collect(),
        HeaderMap::ResponseHeaders if named.len() > PART_OF_A_LIST => {
            let last = named.chunks(PART_OF_A_LIST).next_back().unwrap_or_default();
            let mut listed = last.to_vec();
            listed.extend(pseudo);
            listed.resize(headers.len(), (Vec::new(), Vec::new()));
            listed
        }
        _ => headers.clone(),
    }
}

/// What Kong sends on, whatever a plugin has written.
#[derive(Clone, Debug, Default)]
pub(super) struct Unwritten {
    /// The path and the authority as the client has sent them.
    pseudo: HeaderPairs,
    /// Headers that a plugin has removed.
    pub(super) removed: HeaderPairs,
}

impl Unwritten {
    pub(super) fn of(headers: &HeaderPairs) -> Self {
        let kept = headers
            .iter()
            .filter(|(name, _)| name == b":path" || name == b":authority");
        Self {
            pseudo: kept.cloned().collect(),
            removed: HeaderPairs::new(),
        }
    }

    pub(super) fn path(&self) -> Option<&[u8]> {
        let path = self.pseudo.iter().find(|(name, _)| name == b":path");
        path.map(|(_, value)| value.as_slice())
    }

    /// The headers that arrive where a plugin would have `headers` arrive.
    pub(super) fn sent(&self, headers: &HeaderPairs) -> HeaderPairs {
        let written = headers.iter().filter(|(name, _)| {
            let same = |(known, _): &(Vec<u8>, Vec<u8>)| known == name;
            name != b"Host" && !self.pseudo.iter().any(same)
        });
        let all = self.pseudo.iter().chain(written).chain(&self.removed);
        all.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect()
    }
}

/// APISIX takes a path for one without a query, and keeps the query of before.
pub(super) fn path_as_written_on_apisix(before: &[u8], written: &[u8]) -> Vec<u8> {
    let mut path = Vec::new();
    for byte in written {
        match byte {
            b'?' | b'#' | b'%' | b' ' => path.extend(format!("%{byte:02X}").bytes()),
            _ => path.push(*byte),
        }
    }
    if let Some(place) = before.iter().position(|byte| *byte == b'?') {
        path.extend_from_slice(before.get(place..).unwrap_or_default());
    }
    path
}

/// The last of several headers with one name.
pub(super) fn one_for_each_name(headers: &HeaderPairs) -> HeaderPairs {
    let mut kept = HeaderPairs::new();
    for (name, value) in headers {
        pairs::replace(&mut kept, name, value);
    }
    kept
}

/// A path as nginx reads it: escapes decoded, dot segments and empty ones resolved.
fn decoded_path(path: &[u8]) -> Vec<u8> {
    let end = path.iter().position(|byte| *byte == b'?');
    let (path, query) = path.split_at(end.unwrap_or(path.len()));
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        match escaped {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    if !decoded.starts_with(b"/") {
        return [&decoded, query].concat();
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut ends_open = false;
    for segment in decoded.split(|byte| *byte == b'/').skip(1) {
        ends_open = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if ends_open {
        segments.push(b"");
    }
    [b"/", segments.join(&b'/').as_slice(), query].concat()
}

fn capitalized(name: &[u8]) -> Vec<u8> {
    let mut at_start = true;
    let capitals = name.iter().map(|byte| {
        let byte = if at_start {
            byte.to_ascii_uppercase()
        } else {
            *byte
        };
        at_start = byte == b'-';
        byte
    });
    if name.starts_with(b":") {
        return name.to_vec();
    }
    capitals.collect()
}

const JOINED_BY_ENVOY: [&[u8]; 6] = [
    b"accept",
    b"accept-encoding",
    b"authorization",
    b"content-type",
    b"user-agent",
    b"x-forwarded-for",
];
const LISTED_REQUEST_HEADERS: usize = 100;
/// nginx keeps headers in a list of parts.
const PART_OF_A_LIST: usize = 20;
