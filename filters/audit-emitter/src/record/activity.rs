//! What was asked for, what the filters decided about it, and which data the response held.

use audit::canonical::Writer;

use super::{
    Envelope, MAX_NAME_BYTES, MAX_TEXT_BYTES, Observation, Personal, cut, name, number, string,
    text,
};
use crate::config::{Level, PathForm, QueryForm};

/// Create, Read, Update, Delete, Other of the class.
pub(super) fn id(method: Option<&str>) -> u64 {
    match method {
        Some("POST") => 1,
        Some("GET" | "HEAD" | "OPTIONS") => 2,
        Some("PUT" | "PATCH") => 3,
        Some("DELETE") => 4,
        Some(_) => OTHER,
        None => 0,
    }
}

/// The object `api`: the rule's template names the operation, else the route, else the method.
pub(super) fn write_api(w: &mut Writer, observation: &Observation, envelope: &Envelope<'_>) {
    let method = observation.method.as_deref();
    w.object(|w| {
        let named = envelope
            .template
            .map(|template| format!("{} {template}", method.unwrap_or("?")));
        let operation = named
            .as_deref()
            .or(observation.route.as_deref())
            .or(method)
            .unwrap_or("unparsed");
        name(w, "operation", Some(operation));
        if let Some(id) = &observation.request_id {
            w.member("request", |w| w.object(|w| text(w, "uid", Some(id))));
        }
        if let Some(host) = &observation.host {
            w.member("service", |w| w.object(|w| name(w, "name", Some(host))));
        }
    });
}

/// The object `http_request`; absent for what was no HTTP.
pub(super) fn write_http_request(
    w: &mut Writer,
    observation: &Observation,
    level: Level,
    personal: &Personal,
) {
    let Some(method) = observation.method.as_deref() else {
        return;
    };
    let cut_member = |w: &mut Writer, member: &str, value: Option<&String>| {
        if let Some(value) = value {
            w.cut_member(member, |w| w.fragment(value));
        }
    };
    w.member("http_request", |w| {
        w.object(|w| {
            cut_member(w, "http_headers", personal.headers.as_ref());
            name(w, "http_method", Some(method).filter(|m| is_known(m)));
            let length = observation.request_bytes;
            number(w, "length", length.filter(|_| level >= Level::Full));
            // A URL of the schema has a path.
            if personal.path.is_some() {
                w.member("url", |w| {
                    w.object(|w| {
                        name(w, "hostname", observation.host.as_deref());
                        cut_member(w, "path", personal.path.as_ref());
                        cut_member(w, "query_string", personal.query.as_ref());
                        cut_member(w, "url_string", personal.path_as_sent.as_ref());
                    });
                });
            }
            cut_member(w, "user_agent", personal.user_agent.as_ref());
        });
    });
}

/// The path as canonical text, or the template in its place: a path itself may name people.
pub(super) fn path(observation: &Observation, envelope: &Envelope<'_>) -> Option<String> {
    let path = observation.path.as_deref()?;
    let written = match envelope.fields.path {
        PathForm::Full => path,
        PathForm::Template => envelope.template.unwrap_or(NO_TEMPLATE),
    };
    Some(string(&cut(written, MAX_TEXT_BYTES)))
}

/// The path as it was sent, as canonical text, where it is recorded at all and is another.
pub(super) fn path_as_sent(observation: &Observation, envelope: &Envelope<'_>) -> Option<String> {
    let sent = observation.path_as_sent.as_deref()?;
    (envelope.fields.path == PathForm::Full).then(|| string(&cut(sent, MAX_TEXT_BYTES)))
}

/// What the configuration wants of the query, as canonical text.
pub(super) fn query(observation: &Observation, envelope: &Envelope<'_>) -> Option<String> {
    let query = observation
        .query
        .as_deref()
        .filter(|query| !query.is_empty())?;
    let written = match envelope.fields.query {
        QueryForm::None => return None,
        QueryForm::Hash => envelope.subject?.pseudonym(query),
        QueryForm::Keys => {
            let keys = query.split('&').map(|pair| match pair.split_once('=') {
                Some((key, _)) => key,
                // A parameter without a name is a value.
                None => "",
            });
            let keys = keys.filter(|key| !key.is_empty()).take(MAX_KEYS);
            let keys: Vec<_> = keys.map(|key| cut(key, MAX_KEY_BYTES)).collect();
            keys.join("&")
        }
    };
    Some(string(&cut(&written, MAX_TEXT_BYTES)))
}

/// The headers that the configuration names, as canonical text.
pub(super) fn headers(observation: &Observation) -> Option<String> {
    if observation.headers.is_empty() {
        return None;
    }
    let mut writer = Writer::of_part(64);
    writer.array(|w| {
        for (header, value) in &observation.headers {
            w.item(|w| {
                w.object(|w| {
                    w.text_member("name", header);
                    w.text_member("value", &cut(value, MAX_NAME_BYTES));
                });
            });
        }
    });
    Some(writer.into_text())
}

/// A method that the schema does not know.
pub(super) fn other_method(observation: &Observation) -> Option<&str> {
    let method = observation.method.as_deref();
    method.filter(|method| !is_known(method))
}

/// The array `authorizations`: what every filter decided, by which rule, and why.
pub(super) fn write_authorizations(w: &mut Writer, observation: &Observation) {
    if observation.decisions.is_empty() {
        return;
    }
    w.member("authorizations", |w| {
        w.array(|w| {
            for decision in &observation.decisions {
                w.item(|w| {
                    w.object(|w| {
                        w.text_member("decision", decision.outcome.as_str());
                        w.member("policy", |w| {
                            w.object(|w| {
                                let reason = decision.reason.as_str();
                                name(w, "desc", Some(reason).filter(|r| !r.is_empty()));
                                w.member("is_applied", |w| w.boolean(!decision.report_only));
                                let rule = match &decision.rule {
                                    Some(rule) => format!("{}/{rule}", decision.filter),
                                    None => decision.filter.clone(),
                                };
                                name(w, "name", Some(&rule));
                            });
                        });
                    });
                });
            }
        });
    });
}

/// The methods of the schema.
fn is_known(method: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    KNOWN.contains(&method)
}

/// The id of an activity that the class has no other for, which is then named by its method.
pub(super) const OTHER: u64 = 99;
/// What is recorded of a path that must not be, where the rule has no template.
const NO_TEMPLATE: &str = "/{path}";
const MAX_KEYS: usize = 32;
const MAX_KEY_BYTES: usize = 64;
