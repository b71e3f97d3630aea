//! Headers, cookies and parameters of requests that one part of a configuration takes away or sets, and
//! another looks for.

use host::key::KeyPart;
use jwt_auth::config::{Config as JwtAuth, CredentialPlace, Location};
use meshward_bundle::config::{Part, split};
use policy::config::{Configuration as _, Warning};
use policy::filters::JWT_AUTH;
use policy::http::folds_alike;
use policy::json::Json;
use token_bucket::config::{Config as TokenBucket, Limit, OnMissingKey};

use super::codes;
use super::rerouted::Placed;
use super::wiring::Fault;

/// What a configuration of one filter reads of requests that nothing can be there for, or takes what others need.
pub(super) fn of_filter(part: Part, text: &str) -> Vec<Warning> {
    let Ok(json) = Json::parse(text.as_bytes()) else {
        return Vec::new();
    };
    match part {
        Part::Auth => {
            let config = JwtAuth::check(text).result.ok();
            config.map_or_else(Vec::new, |config| of_auth(&config, &json))
        }
        Part::Limits => of_bypass(&json),
        Part::Audit | Part::Redact => Vec::new(),
    }
}

/// What the parts of the bundle are at odds about.
pub(super) fn of_bundle(text: &str) -> Vec<Warning> {
    let parts = split(text).parts;
    let whole = Json::parse(text.as_bytes()).unwrap_or(Json::Null);
    let auth = parts.iter().find(|text| text.part == Part::Auth);
    let auth = auth.and_then(|text| JwtAuth::check(&text.json).result.ok());
    let mut warnings: Vec<Warning> = Vec::new();
    for text in &parts {
        let mut found = of_filter(text.part, &text.json);
        if let Some(auth) = &auth {
            found.extend(behind(auth, text.part, &text.json));
        }
        for warning in found {
            // What is said once for all parts stands beside them.
            let path = warning.problem().path();
            let key = path.split(['.', '[']).next().unwrap_or_default();
            let own = whole.member(text.part.key());
            let is_own = own.is_some_and(|own| own.member(key).is_some());
            let warning = match is_own {
                true => warning.under(text.part.key()),
                false => warning,
            };
            let is_known = |known: &Warning| {
                known.code() == warning.code() && known.problem().path() == warning.problem().path()
            };
            if !warnings.iter().any(is_known) {
                warnings.push(warning);
            }
        }
    }
    warnings
}

/// What filters behind jwt-auth look for in vain, where each is a filter of its own.
pub(super) fn of_chain(filters: &[Placed]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (place, auth) in filters.iter().enumerate() {
        let config = (auth.filter == JWT_AUTH)
            .then(|| JwtAuth::check(&auth.config.to_string()).result.ok())
            .flatten();
        let Some(config) = config else {
            continue;
        };
        for (other_place, other) in filters.iter().enumerate() {
            // Of filters that are not in one list nobody knows the order; it should be ours.
            let is_behind = match (auth.chain, other.chain) {
                (Some(chain), Some(other)) => chain == other && place < other_place,
                _ => true,
            };
            let Some(part) = Part::of_filter(other.filter).filter(|_| is_behind) else {
                continue;
            };
            for warning in behind(&config, part, &other.config.to_string()) {
                let problem = warning.problem();
                faults.push(Fault {
                    code: codes::of_warning(warning.code()),
                    is_error: false,
                    bypasses: Vec::new(),
                    span: other.span.clone(),
                    message: format!("{}: {}", problem.path(), problem.message()),
                });
            }
        }
    }
    faults
}

/// Where a configuration looks into a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Header(String),
    Cookie(String),
    Query(String),
}

/// A place, and the path of the key that names it.
struct Look {
    place: Place,
    path: String,
}

fn of_auth(config: &JwtAuth, json: &Json) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let is_managed = |name: &str| {
        let mut managed = config.managed.iter();
        managed.any(|managed| folds_alike(managed.name.as_bytes(), name.as_bytes()))
    };
    for provider in &config.providers {
        let own = json.member("providers");
        let own = own.and_then(|own| own.member(&provider.name));
        let has_from = |kind: &&&str| {
            let kind = own.and_then(|own| own.member(kind));
            kind.is_some_and(|kind| kind.member("from").is_some())
        };
        let kind = ["api_keys", "introspection"].iter().find(has_from);
        let kind = kind.map_or_else(String::new, |kind| format!(".{kind}"));
        for (place, location) in provider.from.iter().enumerate() {
            let Location::Header { name, prefix } = location else {
                continue;
            };
            let path = format!("providers.{}{kind}.from[{place}].header", provider.name);
            if is_managed(name) {
                let message = format!(
                    "jwt-auth itself sets {name:?} and first of all takes it out of every request, so no credential is ever found there"
                );
                warnings.push(Warning::new("header_taken", path, message));
            } else if let Some(why) =
                essential(name).filter(|_| prefix.is_empty() && !name.ends_with("authorization"))
            {
                let message = format!(
                    "all of {name:?} is taken for a credential and out of every request: {why}"
                );
                warnings.push(Warning::new("header_taken", path, message));
            }
        }
    }
    for Look { place, path } in looks(json) {
        if let Place::Header(name) = place
            && is_managed(&name)
        {
            let message = format!(
                "jwt-auth takes {name:?} out of every request before it looks for it here, so it is never there; go by the claim"
            );
            warnings.push(Warning::new("header_taken", path, message));
        }
    }
    warnings
}

/// Secrets that let requests past all limits are taken out of every request, also where they are something else.
fn of_bypass(json: &Json) -> Vec<Warning> {
    let found = secrets(json).filter_map(|(path, name)| {
        let why = essential(&name)?;
        let message = format!("{name:?} is taken out of every request, whatever it says: {why}");
        Some(Warning::new("header_taken", path, message))
    });
    found.collect()
}

/// The headers of `bypass`, each with the path of the key that names it.
fn secrets(json: &Json) -> impl Iterator<Item = (String, String)> {
    let headers = json.member("bypass").and_then(|by| by.member("headers"));
    let headers = headers.and_then(Json::as_array).unwrap_or_default();
    headers.iter().enumerate().filter_map(|(place, header)| {
        let name = header.member("name")?.as_str()?.to_ascii_lowercase();
        Some((format!("bypass.headers[{place}].name"), name))
    })
}

/// What is lost with a header that has a meaning of its own.
fn essential(name: &str) -> Option<&'static str> {
    Some(match name {
        "authorization" | "proxy-authorization" => "nobody can log in with it",
        "cookie" => "all sessions are lost",
        "content-type" | "content-length" | "transfer-encoding" | "content-encoding" => {
            "neither the filters nor the upstream can read the body"
        }
        "accept" | "expect" | "range" => "the upstream does not see what the client asks for",
        "connection" | "upgrade" | "sec-websocket-key" => "no WebSocket is opened",
        "host" | ":authority" => "hosts give it under another name or not at all",
        "origin" => "cross-origin requests are no longer known as such",
        "x-forwarded-for" | "x-forwarded-proto" | "x-request-id" => {
            "the proxy and the upstream rely on it"
        }
        "x-meshward-identity" => "it is that of the filters, which take it out first",
        _ => return None,
    })
}

/// What a filter behind jwt-auth looks for, and jwt-auth has taken out or set.
fn behind(auth: &JwtAuth, part: Part, text: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let Some(json) = Json::parse(text.as_bytes()).ok() else {
        return warnings;
    };
    if !matches!(part, Part::Limits | Part::Redact) {
        return warnings;
    }
    if auth.strictest_mode().enforces() {
        for Look { place, path } in looks(&json) {
            if let Some(taken) = taken(auth, &place) {
                let message = format!(
                    "jwt-auth takes the credential in {taken} out of the request first, so it is not there for any verified caller; use \"consumer\" or a claim such as \"claim:sub\", or \"forward\": true in its provider"
                );
                warnings.push(Warning::new("credential_taken", path, message));
            }
        }
    }
    let is_managed = |name: &str| {
        let mut managed = auth.managed.iter();
        managed.any(|managed| folds_alike(managed.name.as_bytes(), name.as_bytes()))
    };
    for (path, name) in secrets(&json).filter(|(_, name)| is_managed(name)) {
        let message = format!(
            "jwt-auth sets {name:?}, and this takes it out of every request again: the upstream never gets it"
        );
        warnings.push(Warning::new("header_taken", path, message));
    }
    // An address or a consent is the client's or a proxy's to say, and not a token's.
    for key in ["client_address", "consent"] {
        let header = json.member(key).and_then(|value| value.member("header"));
        let named = header.map(|header| header.member("name").unwrap_or(header));
        let name = named.and_then(Json::as_str).unwrap_or_default();
        if is_managed(name) {
            let message = format!(
                "jwt-auth takes {name:?} out of every request and sets it from a claim, so this is what the token says"
            );
            let path = format!("{key}.header");
            warnings.push(Warning::new("header_taken", path, message));
        }
    }
    if part == Part::Limits
        && auth.allows_preflight
        && let Ok(config) = TokenBucket::check(text).result
    {
        let limits = config.limits.iter().enumerate();
        warnings.extend(limits.filter_map(|(place, limit)| {
            let what = of_preflights(limit)?;
            let message = format!(
                "preflights, which jwt-auth lets pass without a caller, {what}; leave OPTIONS out of \"methods\" here, and give it a limit of its own"
            );
            let path = format!("limits[{place}]");
            Some(Warning::new("preflights_counted", path, message))
        }));
    }
    warnings
}

/// What a limit by caller does with CORS preflights, which have none.
fn of_preflights(limit: &Limit) -> Option<&'static str> {
    let by_caller = |part: &KeyPart| matches!(part, KeyPart::Claim(_) | KeyPart::Consumer);
    if !limit.mode.enforces()
        || !limit.key.iter().any(by_caller)
        || limit.matches.asks_for_identity()
        || !limit.matches.may_have_method("OPTIONS")
    {
        return None;
    }
    match &limit.on_missing_key {
        OnMissingKey::Skip => None,
        OnMissingKey::Deny => Some("are refused by this limit"),
        OnMissingKey::Shared => Some("all share one bucket of this limit"),
        OnMissingKey::Fallback(parts) if parts.contains(&KeyPart::Ip) => {
            Some("are counted by address: all users behind one share a bucket of this limit")
        }
        OnMissingKey::Fallback(_) => Some("are counted by the fallback, which many users share"),
    }
}

/// The place of a credential that some provider does not forward.
fn taken(auth: &JwtAuth, place: &Place) -> Option<String> {
    let is_here = |known: &CredentialPlace| match (known, place) {
        (CredentialPlace::Header { name, .. }, Place::Header(other)) => {
            folds_alike(name.as_bytes(), other.as_bytes())
        }
        (CredentialPlace::Cookie(name), Place::Cookie(other))
        | (CredentialPlace::Query(name), Place::Query(other)) => name == other,
        _ => false,
    };
    let known = auth.places.iter().find(|known| is_here(known))?;
    let mut users = auth.providers.iter().filter(|provider| {
        let mut from = provider.from.iter();
        from.any(|location| known.has(location))
    });
    if users.all(|provider| provider.forward) {
        return None;
    }
    Some(match place {
        Place::Header(name) => format!("the header {name:?}"),
        Place::Cookie(name) => format!("the cookie {name:?}"),
        Place::Query(name) => format!("the query parameter {name:?}"),
    })
}

/// Everything that a configuration looks for in requests.
fn looks(json: &Json) -> Vec<Look> {
    let mut found = Vec::new();
    visit(json, "", &mut found);
    found
}

fn visit(json: &Json, path: &str, found: &mut Vec<Look>) {
    match json {
        Json::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                visit(item, &format!("{path}[{place}]"), found);
            }
        }
        Json::Object(members) => {
            for (name, value) in members {
                let inner = policy::config::join(path, name);
                let text = value.member("name").unwrap_or(value).as_str();
                let place = match name.as_str() {
                    // What is set, said to others, or in responses.
                    _ if NOT_OF_REQUESTS.contains(&name.as_str()) => continue,
                    "header" => text.map(|name| Place::Header(name.to_ascii_lowercase())),
                    "cookie" => text.map(|name| Place::Cookie(name.to_owned())),
                    "query" => text.map(|name| Place::Query(name.to_owned())),
                    _ => None,
                };
                found.extend(place.map(|place| Look {
                    place,
                    path: inner.clone(),
                }));
                match (name.as_str(), value) {
                    ("match" | "bypass", Json::Object(_)) => {
                        let headers = value.member("headers").and_then(Json::as_array);
                        for (place, header) in headers.unwrap_or_default().iter().enumerate() {
                            if let Some(name) = header.member("name").and_then(Json::as_str) {
                                found.push(Look {
                                    place: Place::Header(name.to_ascii_lowercase()),
                                    path: format!("{inner}.headers[{place}].name"),
                                });
                            }
                        }
                        visit(value, &inner, found);
                    }
                    ("key" | "fallback", Json::Array(parts)) => {
                        for (place, part) in parts.iter().enumerate() {
                            let (kind, name) = part
                                .as_str()
                                .and_then(|part| part.split_once(':'))
                                .unwrap_or_default();
                            let named = match kind {
                                "header" => Place::Header(name.to_ascii_lowercase()),
                                "cookie" => Place::Cookie(name.to_owned()),
                                "query" => Place::Query(name.to_owned()),
                                _ => continue,
                            };
                            found.push(Look {
                                place: named,
                                path: format!("{inner}[{place}]"),
                            });
                        }
                    }
                    _ => visit(value, &inner, found),
                }
            }
        }
        _ => {}
    }
}

const NOT_OF_REQUESTS: [&str; 9] = [
    "claims_to_headers",
    "from",
    "gpc_status",
    "introspection",
    "jwks",
    "payload_header",
    "refusal",
    "responses",
    "service",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(auth: &str, limits: &str) -> Vec<&'static str> {
        let text = format!(
            r#"{{"auth": {{"providers": {{"k": {{"api_keys": {{"from": [{{"header": "x-api-key"}}],
                "keys": [{{"id": "a", "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}]}},
                "forward": {forward}}}}}, "rules": [{{"require": {{"provider": "k"}}}}]{auth}}},
                "limits": {{"limits": [{limits}]}}}}"#,
            forward = auth.contains("forward"),
            auth = auth.replace("forward", ""),
        );
        meshward_bundle::config::check(&text).result.unwrap();
        of_bundle(&text).iter().map(Warning::code).collect()
    }

    #[test]
    fn a_credential_is_missed_only_where_it_is_taken() {
        let by_key = r#"{"name": "a", "key": ["header:x-api-key"], "rate": "5/h"}"#;
        assert_eq!(codes("", by_key), ["credential_taken"]);
        assert_eq!(codes("forward", by_key), Vec::<&str>::new());
        assert_eq!(codes(r#","mode": "report""#, by_key), Vec::<&str>::new());
        let by_other =
            r#"{"name": "a", "key": ["header:x-other", "query:x-api-key"], "rate": "5/h"}"#;
        assert_eq!(codes("", by_other), Vec::<&str>::new());
    }

    #[test]
    fn preflights_are_counted_by_user_only_where_they_pass_and_nothing_leaves_them_out() {
        let allow = r#","cors_preflight": "allow""#;
        let limit =
            |more: &str| format!(r#"{{"name": "a", "key": ["claim:sub"], "rate": "5/h"{more}}}"#);
        assert_eq!(codes(allow, &limit("")), ["preflights_counted"]);
        assert_eq!(codes("", &limit("")), Vec::<&str>::new());
        for more in [
            r#", "match": {"methods": ["GET"]}"#,
            r#", "match": {"scopes": ["a"]}"#,
            r#", "on_missing_key": "skip""#,
            r#", "mode": "report""#,
        ] {
            assert_eq!(codes(allow, &limit(more)), Vec::<&str>::new(), "{more}");
        }
    }
}
