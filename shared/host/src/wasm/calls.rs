//! [`Host`] on the imports.
//!
//! Each `unsafe` block passes pointers and lengths of slices that outlive the call; the host copies
//! what it keeps.

use std::borrow::Cow;
use std::time::Duration;

use super::abi;
use super::memory::received;
use crate::headers::write_pairs;
use crate::protobuf::Writer;
use crate::{
    Buffer, CallToken, ContextId, Direction, GrpcCall, HeaderMap, Headers, Host, HttpCall,
    LocalResponse, LogLevel, MetricId, MetricKind, SharedValue, Status,
};

/// The host of this VM.
#[derive(Clone, Copy, Debug)]
pub struct WasmHost;

impl Host for WasmHost {
    fn wall_clock_ns(&self) -> u64 {
        wasi_clock_ns(CLOCK_REALTIME)
    }

    fn monotonic_ns(&self) -> u64 {
        wasi_clock_ns(CLOCK_MONOTONIC)
    }

    fn abi_clock_ns(&self) -> Result<u64, Status> {
        let mut time_ns = 0;
        // SAFETY: see the module.
        Status::check(unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut time_ns) })?;
        Ok(time_ns)
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Status> {
        // SAFETY: see the module.
        let error = unsafe { abi::random_get(bytes.as_mut_ptr(), bytes.len()) };
        if error == 0 {
            Ok(())
        } else {
            Err(Status::Unimplemented)
        }
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn log(&self, level: LogLevel, line: &str) {
        // SAFETY: see the module.
        let _ = unsafe { abi::proxy_log(level as u32, line.as_ptr(), line.len()) };
    }

    fn headers(&self, map: HeaderMap) -> Result<Headers, Status> {
        // SAFETY: see the module.
        let bytes = received(|data, len| unsafe {
            abi::proxy_get_header_map_pairs(map as u32, data, len)
        })?;
        Headers::from_abi(bytes)
    }

    fn header(&self, map: HeaderMap, name: &str) -> Result<Option<Vec<u8>>, Status> {
        // SAFETY: see the module.
        let value = received(|data, len| unsafe {
            abi::proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), data, len)
        });
        match value {
            Ok(value) => Ok(Some(value)),
            Err(Status::NotFound) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_replace_header_map_value(
                map as u32,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        })
    }

    fn add_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_add_header_map_value(
                map as u32,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        })
    }

    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<(), Status> {
        // SAFETY: see the module.
        let removed = Status::check(unsafe {
            abi::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len())
        });
        match removed {
            Err(Status::NotFound) => Ok(()),
            other => other,
        }
    }

    fn buffer(&self, kind: Buffer, start: usize, max: usize) -> Result<Vec<u8>, Status> {
        // SAFETY: see the module.
        let bytes = received(|data, len| unsafe {
            abi::proxy_get_buffer_bytes(kind as u32, start, max, data, len)
        });
        match bytes {
            // An empty body is absent on Envoy.
            Err(Status::NotFound) => Ok(Vec::new()),
            other => other,
        }
    }

    fn replace_buffer(&self, kind: Buffer, size: usize, bytes: &[u8]) -> Result<(), Status> {
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_set_buffer_bytes(kind as u32, 0, size, bytes.as_ptr(), bytes.len())
        })
    }

    fn send_local_response(&self, response: &LocalResponse<'_>) -> Result<(), Status> {
        let headers = write_pairs(response.headers);
        let grpc_status = response
            .grpc_status
            .and_then(|status| i32::try_from(status).ok());
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_send_local_response(
                u32::from(response.status),
                response.details.as_ptr(),
                response.details.len(),
                response.body.as_ptr(),
                response.body.len(),
                headers.as_ptr(),
                headers.len(),
                grpc_status.unwrap_or(-1),
            )
        })
    }

    fn resume(&self, direction: Direction) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_continue_stream(direction as u32) })
    }

    fn reset_stream(&self, direction: Direction) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_close_stream(direction as u32) })
    }

    fn set_effective_context(&self, context: ContextId) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_set_effective_context(context) })
    }

    fn property(&self, path: &[&str]) -> Result<Vec<u8>, Status> {
        let path = joined(path);
        // SAFETY: see the module.
        received(|data, len| unsafe {
            abi::proxy_get_property(path.as_ptr(), path.len(), data, len)
        })
    }

    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), Status> {
        let path = joined(path);
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len())
        })
    }

    fn shared_data(&self, key: &str) -> Result<SharedValue, Status> {
        let mut cas = 0;
        // SAFETY: see the module.
        let bytes = received(|data, len| unsafe {
            abi::proxy_get_shared_data(key.as_ptr(), key.len(), data, len, &raw mut cas)
        })?;
        Ok(SharedValue { bytes, cas })
    }

    fn set_shared_data(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), Status> {
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_set_shared_data(
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
                cas.unwrap_or(0),
            )
        })
    }

    fn http_call(&self, call: &HttpCall<'_>) -> Result<CallToken, Status> {
        let headers = write_pairs(call.headers);
        let trailers = write_pairs::<&str, &str>(&[]);
        let mut token = 0;
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_http_call(
                call.upstream.as_ptr(),
                call.upstream.len(),
                headers.as_ptr(),
                headers.len(),
                call.body.as_ptr(),
                call.body.len(),
                trailers.as_ptr(),
                trailers.len(),
                timeout_ms(call.timeout),
                &raw mut token,
            )
        })?;
        Ok(token)
    }

    fn grpc_call(&self, call: &GrpcCall<'_>) -> Result<CallToken, Status> {
        if call.timeout.is_zero() {
            return Err(Status::BadArgument);
        }
        // The encoded GrpcService { envoy_grpc { cluster_name } }: a plain cluster name that
        // happens to parse as one aborts the whole proxy.
        let envoy_grpc = Writer::default().bytes(1, call.cluster.as_bytes()).finish();
        let upstream = Writer::default().bytes(1, &envoy_grpc).finish();
        let metadata = write_pairs::<&str, &str>(&[]);
        let mut token = 0;
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_grpc_call(
                upstream.as_ptr(),
                upstream.len(),
                call.service.as_ptr(),
                call.service.len(),
                call.method.as_ptr(),
                call.method.len(),
                metadata.as_ptr(),
                metadata.len(),
                call.message.as_ptr(),
                call.message.len(),
                timeout_ms(call.timeout),
                &raw mut token,
            )
        })?;
        Ok(token)
    }

    fn cancel_grpc_call(&self, token: CallToken) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_grpc_cancel(token) })
    }

    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, Status> {
        // SAFETY: see the module.
        received(|data, len| unsafe {
            abi::proxy_call_foreign_function(
                name.as_ptr(),
                name.len(),
                argument.as_ptr(),
                argument.len(),
                data,
                len,
            )
        })
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, Status> {
        let mut metric = 0;
        // SAFETY: see the module.
        Status::check(unsafe {
            abi::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut metric)
        })?;
        Ok(metric)
    }

    fn increment_metric(&self, metric: MetricId, offset: i64) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_increment_metric(metric, offset) })
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_record_metric(metric, value) })
    }

    fn set_tick_period(&self, period: Duration) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_set_tick_period_milliseconds(timeout_ms(period)) })
    }

    fn done(&self) -> Result<(), Status> {
        // SAFETY: no pointers.
        Status::check(unsafe { abi::proxy_done() })
    }
}

/// The parts of a property's path as the ABI has them; most have only one.
fn joined<'p>(path: &[&'p str]) -> Cow<'p, str> {
    match path {
        [only] => Cow::Borrowed(only),
        parts => Cow::Owned(parts.join("\0")),
    }
}

fn wasi_clock_ns(clock: u32) -> u64 {
    let mut time_ns = 0;
    // SAFETY: see the module. A clock that fails leaves 0: tokens are then not yet valid, limits
    // give nothing back.
    unsafe { abi::clock_time_get(clock, 1, &raw mut time_ns) };
    time_ns
}

fn timeout_ms(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)
}

const CLOCK_REALTIME: u32 = 0;
const CLOCK_MONOTONIC: u32 = 1;
