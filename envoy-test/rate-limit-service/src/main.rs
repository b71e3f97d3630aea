//! A rate limit service for the test bed: the engine `limitador` with its counters in Redis, behind
//! the protocol that gateways speak, `envoy.service.ratelimit.v3` over gRPC, and behind `POST /json`,
//! which is the same in JSON as envoyproxy/ratelimit serves it.
//!
//! ```text
//! rate-limit-service --redis redis://127.0.0.1:6379 --listen 127.0.0.1:0 --limit edge/tenant=5/60
//! ```
//!
//! A limit is `<domain>/<entry key>[,<entry key>]=<requests>/<seconds>`. The first line of output
//! says where it listens.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to its user"
)]

mod engine;
mod grpc;
mod json;

use std::process::ExitCode;
use std::sync::Arc;

use engine::{Engine, LimitText};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rate-limit-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Error> {
    let (mut redis, mut listen, mut limits) = (None, "127.0.0.1:0".to_owned(), Vec::new());
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--redis" => redis = Some(value),
            "--listen" => listen = value,
            "--limit" => limits.push(LimitText::parse(&value)?),
            _ => return Err(format!("there is no option {name}").into()),
        }
    }
    let redis = redis.ok_or("--redis is missing")?;
    let engine = Arc::new(Engine::connect(&redis, &limits).await?);
    let service = RateLimitServiceServer::new(grpc::Service::new(Arc::clone(&engine)));
    let routes = tonic::service::Routes::new(service)
        .into_axum_router()
        .merge(json::router(engine));
    let listener = TcpListener::bind(&listen).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, routes).await?;
    Ok(())
}
