//! What several parts say of one thing must be the same: who the client of a request is, what it agrees
//! to, and which path, method, host and route it has are the same for all of them.

use policy::config::Problem;
use policy::json::Json;

use super::{Part, Split};

/// Finds what one part says and a later one contradicts.
pub(super) fn check(split: &mut Split) {
    let texts = &split.parts;
    let read = |json: &str| Json::parse(json.as_bytes()).unwrap_or(Json::Null);
    let parts: Vec<(Part, Json)> = texts.iter().map(|t| (t.part, read(&t.json))).collect();
    for (key, own) in AGREED {
        // What stands beside the parts has been compared with each of them.
        if texts.iter().any(|text| text.inherited.contains(&key)) {
            continue;
        }
        let mut said = parts.iter().filter_map(|(part, json)| {
            let (place, value) = find(json, key)?;
            let path = format!("{}.{place}", part.key());
            Some((path, without(value, own)))
        });
        let Some((first, expected)) = said.next() else {
            continue;
        };
        for (path, _) in said.filter(|(_, value)| !is_same(value, &expected)) {
            let message = format!("contradicts {first:?}; say it once, beside the parts");
            split.problems.push(Problem::new(path, message));
        }
    }
}

/// Where a part says it, and what. The limits have a short form.
fn find<'k>(json: &Json, key: &'k str) -> Option<(&'k str, Json)> {
    let short = || {
        let hops = json.member(HOPS).filter(|_| key == CLIENT_ADDRESS)?;
        let members = vec![(HOPS.to_owned(), hops.clone())];
        Some((HOPS, Json::Object(members)))
    };
    let long = json.member(key);
    long.map(|value| (key, value.clone())).or_else(short)
}

fn without(value: Json, own: &[&str]) -> Json {
    match value {
        Json::Object(members) => {
            let members = members.into_iter();
            let kept = members.filter(|(name, _)| !own.contains(&name.as_str()));
            Json::Object(kept.collect())
        }
        other => other,
    }
}

/// Whether two values say the same, in whatever order of members.
pub(super) fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    let mut others = other.iter();
                    others.any(|(known, it)| known == name && is_same(value, it))
                })
        }
        _ => one == other,
    }
}

/// What the parts must agree on, and what of it each may say for itself: how much of an address counts,
/// and what only the part that knows the caller does.
const AGREED: [(&str, &[&str]); 6] = [
    (CLIENT_ADDRESS, &["ip_prefix"]),
    ("consent", &["lookup", "remember_opt_out"]),
    ("method_override", &[]),
    ("path_override", &[]),
    ("host_override", &[]),
    ("route_trust", &[]),
];

const CLIENT_ADDRESS: &str = "client_address";
const HOPS: &str = "trusted_hops";
