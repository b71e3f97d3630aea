//! Who may call an operation: providers and rules of jwt-auth, and what its requests may ask for.

use std::collections::{BTreeMap, BTreeSet};

use comply::openapi::{Described, Document, Way};
use policy::json::Json;
use serde_json::Value;

use super::Remarks;
use super::json::{number, object, text, texts};
use super::target::{Merged, label, merged, targets, widened, with_heads};

/// What a caller of an operation must have.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Access {
    Anonymous,
    Nobody,
    Caller(Caller),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Caller {
    /// Providers; with `needs_all` each of them, else one.
    providers: BTreeSet<String>,
    needs_all: bool,
    is_optional: bool,
    scopes: BTreeSet<String>,
    needs_certificate: bool,
}

/// The part of the bundle.
pub(super) fn part(document: &Document<'_>, rewrites_queries: bool, remarks: &mut Remarks) -> Json {
    let first = document.operations.first().map(|first| &first.hosts);
    for described in &document.operations {
        if Some(&described.hosts) != first {
            remarks.add(
                "operations have different hosts, and rules are about all of them: name them in the \"hosts\" of a match",
                &label(described),
            );
        }
    }
    let mut accesses = Vec::new();
    for described in &document.operations {
        let access = access(document, described, remarks);
        accesses.push((described.method.clone(), described.template.clone(), access));
    }
    let mut of_conflicts = Remarks::default();
    let mut unnamed = Remarks::default();
    let mut found = targets(
        accesses.into_iter(),
        |known, other, place| {
            if *known != other {
                *known = stricter(known, other);
                of_conflicts.add(
                    "operations that no rule can tell apart: the strictest counts",
                    place,
                );
            }
        },
        |place| {
            unnamed.add("no rule can name the path, so nobody may call it", place);
            false
        },
    );
    remarks.extend(of_conflicts);
    remarks.extend(unnamed);
    with_heads(&mut found);
    let rules = merged(found);
    let used: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| match &rule.says {
            Access::Caller(caller) => Some(caller.providers.iter().map(String::as_str)),
            Access::Anonymous | Access::Nobody => None,
        })
        .flatten()
        .collect();
    let provider_names = provider_names(used.into_iter());
    let providers: Vec<(String, Json)> = provider_names
        .iter()
        .filter_map(|(scheme, name)| {
            let found = document.security_scheme(scheme)?;
            Some((
                name.clone(),
                provider(name, found, rewrites_queries, remarks)?,
            ))
        })
        .collect();
    let mut members = Vec::new();
    if !providers.is_empty() {
        members.push(("providers", Json::Object(providers)));
    }
    let mut names = BTreeSet::new();
    let rules = rules
        .iter()
        .map(|rule| written(rule, &provider_names, &mut names));
    let rules: Vec<Json> = rules.collect();
    if !rules.is_empty() {
        members.push(("rules", Json::Array(rules)));
    }
    let requests = requests(document);
    if !requests.is_empty() {
        members.push(("requests", Json::Array(requests)));
    }
    members.push(("default", text("deny")));
    object(members)
}

fn access(document: &Document<'_>, described: &Described<'_>, remarks: &mut Remarks) -> Access {
    let alternatives = described.alternatives();
    let is_open = alternatives.iter().any(Vec::is_empty) || alternatives.is_empty();
    let place = label(described);
    let mut callers: Vec<Caller> = Vec::new();
    for alternative in alternatives.iter().filter(|one| !one.is_empty()) {
        if let Some(caller) = caller(document, alternative, &place, remarks) {
            callers.push(caller);
        }
    }
    let has_others = alternatives.iter().any(|one| !one.is_empty());
    let Some(mut caller) = one_of(callers, &place, remarks) else {
        return match is_open {
            true => Access::Anonymous,
            false => {
                debug_assert!(has_others, "else it is open");
                remarks.add(
                    "no provider verifies what it asks for, so nobody may call it",
                    &place,
                );
                Access::Nobody
            }
        };
    };
    caller.is_optional = is_open;
    // A certificate alone cannot be optional.
    match is_open && caller.providers.is_empty() {
        true => Access::Anonymous,
        false => Access::Caller(caller),
    }
}

/// What schemes that are needed together ask for. `None`: no provider can hold one of them.
fn caller(
    document: &Document<'_>,
    schemes: &[(&str, Vec<&str>)],
    place: &str,
    remarks: &mut Remarks,
) -> Option<Caller> {
    let mut caller = Caller::default();
    let mut credentials: BTreeMap<(&str, String), (&str, &Value)> = BTreeMap::new();
    for (name, scopes) in schemes {
        let Some(scheme) = document.security_scheme(name) else {
            remarks.add(&format!("no security scheme is called {name:?}"), place);
            return None;
        };
        if scheme.get("type").and_then(Value::as_str) == Some("mutualTLS") {
            if !scopes.is_empty() {
                remarks.add("no rule knows roles of certificates", place);
                return None;
            }
            caller.needs_certificate = true;
            continue;
        }
        let Some(location) = location(scheme) else {
            remarks.add(
                &format!("no provider verifies the security scheme {name:?}"),
                place,
            );
            return None;
        };
        for scope in scopes {
            if scope.is_empty() || scope.contains(|c: char| c.is_whitespace() || c == ',') {
                remarks.add(&format!("no token has the scope {scope:?}"), place);
                return None;
            }
            caller.scopes.insert((*scope).to_owned());
        }
        let Some((known, other)) = credentials.get_mut(&location) else {
            credentials.insert(location, (name, scheme));
            continue;
        };
        // One token may be what several schemes ask for; two credentials have no room in one place.
        let (Some(own), Some(before)) = (trust(scheme), trust(other)) else {
            remarks.add(
                &format!("nobody can send {known:?} and {name:?} at one place"),
                place,
            );
            return None;
        };
        let spared = match own > before {
            true => {
                *other = scheme;
                std::mem::replace(known, name)
            }
            false => name,
        };
        remarks.add(
            &format!("{spared:?} is the token that {known:?} verifies, which alone is asked for"),
            place,
        );
    }
    let names = credentials.values().map(|(name, _)| (*name).to_owned());
    caller.providers = names.collect();
    caller.needs_all = caller.providers.len() > 1;
    Some(caller)
}

/// One requirement for several alternatives, of which one is enough.
fn one_of(callers: Vec<Caller>, place: &str, remarks: &mut Remarks) -> Option<Caller> {
    let mut callers = callers.into_iter();
    let mut whole = callers.next()?;
    for other in callers {
        let fits = !whole.needs_all
            && !other.needs_all
            && whole.needs_certificate == other.needs_certificate
            && !whole.providers.is_empty()
            && !other.providers.is_empty();
        if !fits {
            remarks.add(
                "of several ways to authenticate only the first is accepted: one rule cannot say both",
                place,
            );
            return Some(whole);
        }
        if whole.scopes != other.scopes {
            remarks.add("ways to authenticate with different scopes: callers need all of them (API keys have theirs in \"scopes\")", place);
        }
        whole.scopes.extend(other.scopes);
        whole.providers.extend(other.providers);
    }
    Some(whole)
}

/// What holds where operations cannot be told apart.
fn stricter(one: &Access, other: Access) -> Access {
    match (one, other) {
        (Access::Anonymous, other) => other,
        (one, Access::Anonymous) => one.clone(),
        (Access::Caller(one), Access::Caller(other))
            if one.providers == other.providers && one.needs_all == other.needs_all =>
        {
            Access::Caller(Caller {
                providers: other.providers,
                needs_all: other.needs_all,
                is_optional: one.is_optional && other.is_optional,
                scopes: one.scopes.union(&other.scopes).cloned().collect(),
                needs_certificate: one.needs_certificate || other.needs_certificate,
            })
        }
        _ => Access::Nobody,
    }
}

/// Where the credential of a scheme is. `None`: it is of a kind that no provider verifies.
fn location(scheme: &Value) -> Option<(&'static str, String)> {
    if trust(scheme).is_some() {
        return Some(("header", "authorization".to_owned()));
    }
    let word = |key: &str| scheme.get(key).and_then(Value::as_str);
    if word("type")? != "apiKey" {
        return None;
    }
    let (place, name) = (word("in")?, word("name")?);
    let place = ["header", "query", "cookie"]
        .into_iter()
        .find(|one| *one == place)?;
    let name = match place {
        "header" => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    };
    Some((place, name))
}

/// How much of what verifies a token a scheme says. `None`: it is about no token.
fn trust(scheme: &Value) -> Option<u8> {
    let word = |key: &str| scheme.get(key).and_then(Value::as_str);
    match word("type")? {
        "openIdConnect" => Some(2),
        "oauth2" => Some(1),
        "http" if word("scheme")?.eq_ignore_ascii_case("bearer") => Some(0),
        _ => None,
    }
}

/// A provider for a scheme, with what is guessed told. A host that cannot take a key out of a query passes it on.
fn provider(
    name: &str,
    scheme: &Value,
    rewrites_queries: bool,
    remarks: &mut Remarks,
) -> Option<Json> {
    let place = format!("auth.providers.{name}");
    if scheme.get("type").and_then(Value::as_str) == Some("apiKey") {
        remarks.guess("the keys: meshward api-key new", &place);
        let (kind, _) = location(scheme)?;
        let from = object([(kind, text(scheme.get("name")?.as_str()?))]);
        let key = object([
            ("id", text("replace-me")),
            // Nobody has a key with this hash.
            ("sha256", text(&"0".repeat(64))),
        ]);
        let keys = object([
            ("from", Json::Array(vec![from])),
            ("keys", Json::Array(vec![key])),
        ]);
        if kind == "query" && !rewrites_queries {
            remarks.add(
                "this host cannot take a key out of a query, so the upstream sees it (\"forward\": true)",
                &place,
            );
            return Some(object([("api_keys", keys), ("forward", Json::Bool(true))]));
        }
        return Some(object([("api_keys", keys)]));
    }
    remarks.guess("audiences", &place);
    let discovery = scheme.get("openIdConnectUrl").and_then(Value::as_str);
    let discovery = discovery.filter(|url| url.starts_with("https://"));
    let mut keys = vec![("cluster", text("idp"))];
    let issuer = match discovery {
        Some(url) => match url.strip_suffix("/.well-known/openid-configuration") {
            Some(issuer) => issuer.to_owned(),
            None => {
                keys.insert(0, ("uri", text(url)));
                remarks.guess("issuer", &place);
                origin(url)
            }
        },
        None => {
            remarks.guess("issuer", &place);
            let flows = scheme.get("flows").and_then(Value::as_object);
            let mut urls = flows.into_iter().flatten().filter_map(|(_, flow)| {
                let url = flow
                    .get("tokenUrl")
                    .or_else(|| flow.get("authorizationUrl"));
                url.and_then(Value::as_str)
                    .filter(|url| url.starts_with("https://"))
            });
            urls.next()
                .map_or("https://idp.example.com".to_owned(), origin)
        }
    };
    Some(object([
        ("issuer", text(&issuer)),
        ("audiences", texts(["replace-me"])),
        ("jwks", object([("discovery", object(keys))])),
    ]))
}

/// `https://idp.example.com` of an address.
fn origin(url: &str) -> String {
    let start = "https://".len();
    let end = url
        .get(start..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |end| start + end);
    url.get(..end).unwrap_or(url).to_owned()
}

/// The names of the providers of schemes, in the letters that providers have.
fn provider_names<'s>(schemes: impl Iterator<Item = &'s str>) -> BTreeMap<&'s str, String> {
    let plain = |c: char| match c.is_ascii_alphanumeric() || "_.-".contains(c) {
        true => c,
        false => '_',
    };
    let mut names = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for scheme in schemes {
        let name: String = scheme.chars().map(plain).take(60).collect();
        names.insert(scheme, unique(&name, '_', &mut taken));
    }
    names
}

fn written(
    rule: &Merged<Access>,
    providers: &BTreeMap<&str, String>,
    names: &mut BTreeSet<String>,
) -> Json {
    let (name, key, says) = match &rule.says {
        Access::Anonymous => ("anonymous".to_owned(), "allow", text("anonymous")),
        Access::Nobody => ("nobody".to_owned(), "deny", text("everybody")),
        Access::Caller(caller) => (caller.name(), "require", caller.written(providers)),
    };
    let name = unique(&name, ' ', names);
    object([("name", text(&name)), ("match", matches(rule)), (key, says)])
}

pub(super) fn matches<T>(rule: &Merged<T>) -> Json {
    object([
        ("paths", texts(rule.paths.iter().map(String::as_str))),
        ("methods", texts(rule.methods.iter().map(String::as_str))),
    ])
}

/// A name that no other one is, as long as one may be: with a number behind `separator` where needed.
pub(super) fn unique(name: &str, separator: char, names: &mut BTreeSet<String>) -> String {
    let mut end = name.len().min(56);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let start = name.get(..end.min(name.len())).unwrap_or_default();
    let mut own = start.to_owned();
    let mut number = 2;
    while !names.insert(own.clone()) {
        own = format!("{start}{separator}{number}");
        number += 1;
    }
    own
}

impl Caller {
    fn name(&self) -> String {
        let words: Vec<&str> = self.providers.iter().map(String::as_str).collect();
        let mut by = words.join(if self.needs_all { " and " } else { " or " });
        if self.needs_certificate {
            by.push_str(if by.is_empty() {
                "certificate"
            } else {
                " with a certificate"
            });
        }
        let scopes: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        match scopes.is_empty() {
            true => by,
            false => format!("{by}: {}", scopes.join(" ")),
        }
    }

    fn written(&self, providers: &BTreeMap<&str, String>) -> Json {
        let mut members = Vec::new();
        let names = self.providers.iter();
        let names: Vec<&str> = names
            .filter_map(|name| providers.get(name.as_str()))
            .map(String::as_str)
            .collect();
        match names.as_slice() {
            [] => {}
            [one] => members.push(("provider", text(one))),
            several => {
                let key = if self.needs_all { "all_of" } else { "any_of" };
                members.push((key, texts(several.iter().copied())));
            }
        }
        if !self.scopes.is_empty() {
            members.push(("scopes", texts(self.scopes.iter().map(String::as_str))));
        }
        if self.is_optional {
            members.push(("optional", Json::Bool(true)));
        }
        if self.needs_certificate {
            members.push(("tls", object([("client_certificate", Json::Bool(true))])));
        }
        object(members)
    }
}

/// The largest numbers of query parameters, and which requests have no body.
fn requests(document: &Document<'_>) -> Vec<Json> {
    let limits = document.operations.iter().map(|described| {
        let parameters = document.query_parameters(described);
        let all: BTreeMap<String, Option<u64>> = parameters
            .into_iter()
            .map(|(name, schema)| (name.to_owned(), most(schema)))
            .collect();
        (described.method.clone(), described.template.clone(), all)
    });
    let mut found = targets(limits, |known, other, _| widen(known, &other), |_| true);
    widened(&mut found, widen);
    found
        .iter_mut()
        .for_each(|target| target.says.retain(|_, most| most.is_some()));
    found.retain(|target| !target.says.is_empty());
    let rules = merged(found);
    let written = rules.iter().map(|rule| {
        let most = rule.says.iter();
        let most = most.filter_map(|(name, most)| Some((name.clone(), number((*most)?))));
        object([
            ("match", matches(rule)),
            ("max_query", Json::Object(most.collect())),
        ])
    });
    written.chain(bodiless(document)).collect()
}

/// Operations with a method that may have a body, and that document none.
fn bodiless(document: &Document<'_>) -> Vec<Json> {
    let operations = document.operations.iter().map(|described| {
        let has_body = !document.body(described, Way::Request).is_empty();
        let may_have = ["POST", "PUT", "PATCH", "DELETE"].contains(&described.method.as_str());
        (
            described.method.clone(),
            described.template.clone(),
            has_body || !may_have,
        )
    });
    let widen = |known: &mut bool, other: &bool| *known |= other;
    let mut found = targets(operations, |known, other, _| widen(known, &other), |_| true);
    widened(&mut found, widen);
    found.retain(|target| !target.says);
    let rules = merged(found);
    let written = rules
        .iter()
        .map(|rule| object([("match", matches(rule)), ("max_body", text("0B"))]));
    written.collect()
}

/// What is enough for both.
fn widen(own: &mut BTreeMap<String, Option<u64>>, other: &BTreeMap<String, Option<u64>>) {
    for (name, most) in other {
        match own.get_mut(name) {
            None => {}
            Some(known) => *known = known.zip(*most).map(|(one, other)| one.max(other)),
        }
    }
}

/// The largest number, where a parameter is a plain one.
fn most(schema: &Value) -> Option<u64> {
    let is_integer = schema.get("type").and_then(Value::as_str) == Some("integer");
    let maximum = schema.get("maximum").and_then(Value::as_u64)?;
    let is_exclusive = schema.get("exclusiveMaximum") == Some(&Value::Bool(true));
    let minimum = schema.get("minimum");
    let may_be_negative = minimum.is_some_and(|minimum| minimum.as_u64().is_none());
    (is_integer && !may_be_negative).then(|| match is_exclusive {
        true => maximum.saturating_sub(1),
        false => maximum,
    })
}
