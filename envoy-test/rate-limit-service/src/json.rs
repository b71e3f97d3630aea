//! `POST /json`: the same request and response in the JSON form of the messages, status 200 when the
//! request may pass and 429 when not.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::{Engine, Status};
use crate::grpc::unit;

pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/json", post(should_rate_limit))
        .with_state(engine)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    domain: String,
    descriptors: Vec<Descriptor>,
    #[serde(default)]
    hits_addend: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    value: String,
}

async fn should_rate_limit(
    State(engine): State<Arc<Engine>>,
    Json(request): Json<Request>,
) -> (StatusCode, Json<Value>) {
    let hits = u64::from(request.hits_addend.max(1));
    let descriptors: Vec<_> = request
        .descriptors
        .into_iter()
        .map(|descriptor| {
            let entries = descriptor.entries.into_iter();
            let entries: HashMap<_, _> = entries.map(|entry| (entry.key, entry.value)).collect();
            (entries, hits)
        })
        .collect();
    match engine.decide(&request.domain, &descriptors).await {
        Ok(statuses) => {
            let limited = statuses.iter().any(|status| status.limited);
            let status = if limited {
                StatusCode::TOO_MANY_REQUESTS
            } else {
                StatusCode::OK
            };
            let body = json!({
                "overallCode": code(limited),
                "statuses": statuses.iter().map(descriptor_status).collect::<Vec<_>>(),
            });
            (status, Json(body))
        }
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Json(json!(error.to_string())),
        ),
    }
}

const fn code(limited: bool) -> &'static str {
    if limited { "OVER_LIMIT" } else { "OK" }
}

fn descriptor_status(status: &Status) -> Value {
    let code = code(status.limited);
    let Some(limit) = &status.limit else {
        return json!({ "code": code });
    };
    json!({
        "code": code,
        "currentLimit": {
            "name": limit.name,
            "requestsPerUnit": limit.requests,
            "unit": unit(limit).as_str_name(),
        },
        "limitRemaining": limit.remaining,
        "durationUntilReset": format!("{}s", limit.until_reset.as_secs()),
    })
}
