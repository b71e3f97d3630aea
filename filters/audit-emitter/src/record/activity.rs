//! What was asked for, what the filters decided about it, and which data the answer held.

use policy::json::Json;

use super::{Observation, name, object, text};
use crate::config::Level;

/// Create, Read, Update, Delete, Other of the class.
pub(super) fn id(method: Option<&str>) -> u64 {
    match method {
        Some("POST") => 1,
        Some("GET" | "HEAD" | "OPTIONS") => 2,
        Some("PUT" | "PATCH") => 3,
        Some("DELETE") => 4,
        Some(_) => 99,
        None => 0,
    }
}

/// The object `api`: the route names the operation, else the method does.
pub(super) fn api(observation: &Observation) -> Json {
    let unparsed = "unparsed".to_owned();
    let operation = observation.route.as_ref().or(observation.method.as_ref());
    let request = observation
        .request_id
        .as_ref()
        .map(|id| object([("uid", text(Some(id)))]));
    let service = observation
        .host
        .as_ref()
        .map(|host| object([("name", name(Some(host)))]));
    object([
        ("operation", name(operation.or(Some(&unparsed)))),
        ("request", request),
        ("service", service),
    ])
}

/// The object `http_request`; absent for what was no HTTP.
pub(super) fn http_request(observation: &Observation, level: Level) -> Option<Json> {
    let method = observation.method.as_ref()?;
    // A URL of the schema has a path.
    let url = observation.path.as_ref().map(|path| {
        object([
            ("path", text(Some(path))),
            ("hostname", name(observation.host.as_ref())),
        ])
    });
    let user_agent = observation.user_agent.as_ref();
    let length = observation.request_bytes;
    Some(object([
        (
            "http_method",
            name(Some(method).filter(|method| is_known(method))),
        ),
        ("url", url),
        (
            "user_agent",
            text(user_agent.filter(|_| level >= Level::Request)),
        ),
        (
            "length",
            length.filter(|_| level >= Level::Full).map(Json::from),
        ),
    ]))
}

/// A method that the schema does not know.
pub(super) fn other_method(observation: &Observation) -> Option<Json> {
    name(
        observation
            .method
            .as_ref()
            .filter(|method| !is_known(method)),
    )
}

/// The array `authorizations`: what every filter decided, by which rule, and why.
pub(super) fn authorizations(observation: &Observation) -> Option<Json> {
    let items = observation.decisions.iter().map(|decision| {
        let rule = decision.rule.as_ref().map_or_else(
            || decision.filter.clone(),
            |rule| format!("{}/{rule}", decision.filter),
        );
        let reason = Some(&decision.reason).filter(|reason| !reason.is_empty());
        let policy = object([
            ("name", name(Some(&rule))),
            ("desc", name(reason)),
            ("is_applied", Some(Json::Bool(!decision.report_only))),
        ]);
        object([
            ("decision", Some(Json::from(decision.outcome.as_str()))),
            ("policy", Some(policy)),
        ])
    });
    let items: Vec<Json> = items.collect();
    (!items.is_empty()).then_some(Json::Array(items))
}

/// The array `resources`: the data that the response held, by what was found in it.
pub(super) fn resources(observation: &Observation) -> Option<Json> {
    let counts = observation
        .decisions
        .iter()
        .flat_map(|decision| &decision.counts);
    let classes = counts.map(|(kind, count)| {
        let details = object([
            ("type", name(Some(kind))),
            ("count", Some(Json::from(*count))),
        ]);
        object([
            ("category_id", Some(Json::from(data_category(kind)))),
            ("discovery_details", Some(Json::Array(vec![details]))),
        ])
    });
    let classes: Vec<Json> = classes.collect();
    let unnamed = "unknown".to_owned();
    let path = observation.path.as_ref().or(Some(&unnamed));
    (!classes.is_empty()).then(|| {
        Json::Array(vec![object([
            ("name", text(path)),
            ("data_classifications", Some(Json::Array(classes))),
        ])])
    })
}

/// Personal, Financial or Security of the data classification.
fn data_category(kind: &str) -> u64 {
    match kind {
        "CREDIT_CARD" | "IBAN_CODE" => 3,
        "JWT" => 6,
        _ => 1,
    }
}

/// The methods of the schema.
fn is_known(method: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    KNOWN.contains(&method)
}
