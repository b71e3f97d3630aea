//! `envoy.service.ratelimit.v3.RateLimitService`, in the messages of the `envoy-types` crate.

use std::sync::Arc;

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{
    Code, DescriptorStatus, RateLimit,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitService;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::google::protobuf::Duration;

use crate::engine::{Applied, Engine, Status};

pub(crate) struct Service {
    engine: Arc<Engine>,
}

impl Service {
    pub(crate) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }
}

#[tonic::async_trait]
impl RateLimitService for Service {
    async fn should_rate_limit(
        &self,
        request: tonic::Request<RateLimitRequest>,
    ) -> Result<tonic::Response<RateLimitResponse>, tonic::Status> {
        let request = request.into_inner();
        if request.domain.is_empty() || request.descriptors.is_empty() {
            return Err(tonic::Status::invalid_argument(
                "a request needs a domain and descriptors",
            ));
        }
        let hits = u64::from(request.hits_addend.max(1));
        let descriptors: Vec<_> = request
            .descriptors
            .into_iter()
            .map(|descriptor| {
                let hits = descriptor.hits_addend.map_or(hits, |hits| hits.value);
                let entries = descriptor.entries.into_iter();
                (
                    entries.map(|entry| (entry.key, entry.value)).collect(),
                    hits,
                )
            })
            .collect();
        let statuses = self
            .engine
            .decide(&request.domain, &descriptors)
            .await
            .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let limited = statuses.iter().any(|status| status.limited);
        Ok(tonic::Response::new(RateLimitResponse {
            overall_code: code(limited).into(),
            statuses: statuses.iter().map(descriptor_status).collect(),
            ..RateLimitResponse::default()
        }))
    }
}

const fn code(limited: bool) -> Code {
    if limited { Code::OverLimit } else { Code::Ok }
}

fn descriptor_status(status: &Status) -> DescriptorStatus {
    let limit = status.limit.as_ref();
    DescriptorStatus {
        code: code(status.limited).into(),
        current_limit: limit.map(|limit| RateLimit {
            name: limit.name.clone(),
            requests_per_unit: limit.requests,
            unit: unit(limit).into(),
        }),
        limit_remaining: limit.map_or(0, |limit| limit.remaining),
        duration_until_reset: limit.map(|limit| Duration {
            seconds: i64::try_from(limit.until_reset.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(limit.until_reset.subsec_nanos()).unwrap_or(0),
        }),
        quota: None,
    }
}

pub(crate) fn unit(limit: &Applied) -> Unit {
    match limit.window.as_secs() {
        1 => Unit::Second,
        60 => Unit::Minute,
        3_600 => Unit::Hour,
        86_400 => Unit::Day,
        _ => Unit::Unknown,
    }
}
