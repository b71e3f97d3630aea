//! [`Host`] on the raw calls, with what the guest's side of the ABI makes of the statuses.

use std::time::Duration;

use super::calls::nanoseconds;
use super::{Failure, FakeHost, LocalReply};
use crate::protobuf::Writer;
use crate::{
    Buffer, CallToken, ContextId, Direction, GrpcCall, HeaderMap, Headers, Host, HttpCall,
    LocalResponse, LogLevel, MetricId, MetricKind, SharedValue, Status,
};

use super::state::text_pairs;

impl Host for FakeHost {
    fn wall_clock_ns(&self) -> u64 {
        nanoseconds(self.process.wall_clock())
    }

    fn monotonic_ns(&self) -> u64 {
        nanoseconds(self.process.monotonic())
    }

    fn abi_clock_ns(&self) -> Result<u64, Status> {
        self.status(self.get_current_time())
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Status> {
        self.fill_random(bytes);
        Ok(())
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        self.environment().get(name).cloned()
    }

    fn log(&self, level: LogLevel, line: &str) {
        let _ = self.status(self.write_log(level, line.as_bytes()));
    }

    fn headers(&self, map: HeaderMap) -> Result<Headers, Status> {
        let pairs = self.status(self.get_header_map_pairs(map))?;
        Ok(Headers::from_pairs(&pairs))
    }

    fn header(&self, map: HeaderMap, name: &str) -> Result<Option<Vec<u8>>, Status> {
        let value = self.get_header_map_value(map, name.as_bytes());
        match self.status(value) {
            Err(Status::NotFound) => Ok(None),
            other => other.map(Some),
        }
    }

    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        self.status(self.replace_header_map_value(map, name.as_bytes(), value))
    }

    fn add_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        self.status(self.add_header_map_value(map, name.as_bytes(), value))
    }

    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<(), Status> {
        match self.status(self.remove_header_map_value(map, name.as_bytes())) {
            Err(Status::NotFound) => Ok(()),
            other => other,
        }
    }

    fn buffer(&self, kind: Buffer, start: usize, max: usize) -> Result<Vec<u8>, Status> {
        match self.status(self.get_buffer_bytes(kind, start, in_the_vm(max))) {
            Err(Status::NotFound) => Ok(Vec::new()),
            other => other,
        }
    }

    fn replace_buffer(&self, kind: Buffer, size: usize, bytes: &[u8]) -> Result<(), Status> {
        self.status(self.set_buffer_bytes(kind, 0, in_the_vm(size), bytes))
    }

    fn send_local_response(&self, response: &LocalResponse<'_>) -> Result<(), Status> {
        let grpc_status = response
            .grpc_status
            .and_then(|status| i32::try_from(status).ok());
        let reply = LocalReply {
            status: u32::from(response.status),
            headers: text_pairs(response.headers),
            body: response.body.to_vec(),
            grpc_status: grpc_status.unwrap_or(-1),
            details: response.details.as_bytes().to_vec(),
        };
        self.status(self.send_local_reply(reply))
    }

    fn resume(&self, direction: Direction) -> Result<(), Status> {
        self.status(self.continue_stream(direction))
    }

    fn reset_stream(&self, direction: Direction) -> Result<(), Status> {
        self.status(self.close_stream(direction))
    }

    fn set_effective_context(&self, context: ContextId) -> Result<(), Status> {
        self.status(self.change_effective_context(context))
    }

    fn property(&self, path: &[&str]) -> Result<Vec<u8>, Status> {
        self.status(self.get_property(&path.join("\0")))
    }

    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), Status> {
        self.status(self.set_property_value(&path.join("\0"), value))
    }

    fn shared_data(&self, key: &str) -> Result<SharedValue, Status> {
        self.status(self.get_shared_data(key))
    }

    fn set_shared_data(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), Status> {
        self.status(self.write_shared_data(key, value, cas.unwrap_or(0)))
    }

    fn http_call(&self, call: &HttpCall<'_>) -> Result<CallToken, Status> {
        self.status(self.start_http_call(
            call.upstream.as_bytes(),
            text_pairs(call.headers),
            call.body,
            super::HeaderPairs::new(),
            call.timeout,
        ))
    }

    fn grpc_call(&self, call: &GrpcCall<'_>) -> Result<CallToken, Status> {
        if call.timeout.is_zero() {
            return Err(Status::BadArgument);
        }
        let envoy_grpc = Writer::default().bytes(1, call.cluster.as_bytes()).finish();
        let upstream = Writer::default().bytes(1, &envoy_grpc).finish();
        self.status(self.start_grpc_call(
            &upstream,
            call.service.as_bytes(),
            call.method.as_bytes(),
            super::HeaderPairs::new(),
            call.message,
            call.timeout,
        ))
    }

    fn cancel_grpc_call(&self, token: CallToken) -> Result<(), Status> {
        self.status(self.grpc_cancel(token))
    }

    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, Status> {
        self.status(self.call_foreign_function(name, argument))
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, Status> {
        self.status(self.define_metric_id(kind, name))
    }

    fn increment_metric(&self, metric: MetricId, offset: i64) -> Result<(), Status> {
        self.status(self.increment_metric_by(metric, offset))
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), Status> {
        self.status(self.record_metric_value(metric, value))
    }

    fn set_tick_period(&self, period: Duration) -> Result<(), Status> {
        let period_ms = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
        self.status(self.set_tick_period_ms(period_ms))
    }

    fn done(&self) -> Result<(), Status> {
        self.status(self.finish())
    }
}

impl FakeHost {
    /// A native plugin cannot be stopped in the middle: the trap is noted, and nothing is called
    /// any more once it has returned.
    fn status<T>(&self, result: Result<T, Failure>) -> Result<T, Status> {
        result.map_err(|failure| match failure {
            Failure::Status(status) => status,
            Failure::Trap(reason) => {
                self.record_trap(&reason);
                Status::InternalFailure
            }
        })
    }
}

/// Sizes have 32 bits in the VM.
fn in_the_vm(size: usize) -> usize {
    usize::try_from(u32::MAX).map_or(size, |max| size.min(max))
}
