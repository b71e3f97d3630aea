//! The functions of ABI 0.2.1, in the import module `env`.

use std::time::Duration;

use host::fake::{FakeHost, LocalReply, Profile};
use host::{Buffer, Direction, HeaderMap, LogLevel, MetricKind, Status};
use wasmi::{Caller, Error, Linker};

use super::memory::{Context, Guest, HostResult, Stop, raw, write_pairs};

type Defined = Result<(), wasmi::errors::LinkerError>;
type Call<'a> = Caller<'a, Context>;
type Raw = Result<u32, Error>;

pub(super) fn define(linker: &mut Linker<Context>) -> Defined {
    general(linker)?;
    headers(linker)?;
    bodies(linker)?;
    storage(linker)?;
    calls(linker)?;
    metrics(linker)
}

/// Runs a host call: `body` has the guest and its host.
fn with(caller: Call<'_>, body: impl FnOnce(&mut Guest<'_>, FakeHost) -> HostResult<()>) -> Raw {
    let mut guest = Guest::new(caller);
    let host = guest.host();
    raw(body(&mut guest, host))
}

/// Defines a function of the host: its name, its arguments, and what it does with the memory of the
/// guest and with the host.
macro_rules! define {
    ($linker:ident, $name:literal, ($($argument:ident: $type:ty),*), $body:expr) => {
        $linker.func_wrap("env", $name, |c: Call<'_>, $($argument: $type),*| with(c, $body))?
    };
}

fn general(linker: &mut Linker<Context>) -> Defined {
    define!(linker, "proxy_log", (level: u32, at: u32, len: u32), |guest, host| {
        let text = guest.read(at, len)?;
        Ok(host.write_log(log_level(level)?, &text)?)
    });
    define!(
        linker,
        "proxy_get_log_level",
        (at: u32),
        |guest, _| guest.write_u32(at, LogLevel::Trace as u32)
    );
    define!(linker, "proxy_get_current_time_nanoseconds", (at: u32), |guest, host| {
        let time_ns = host.get_current_time()?;
        guest.write_u64(at, time_ns)
    });
    define!(
        linker,
        "proxy_set_tick_period_milliseconds",
        (ms: u32),
        |_, host| Ok(host.set_tick_period_ms(ms)?)
    );
    define!(
        linker,
        "proxy_set_effective_context",
        (context: u32),
        |_, host| Ok(host.change_effective_context(context)?)
    );
    define!(linker, "proxy_done", (), |_, host| Ok(host.finish()?));
    define!(
        linker,
        "proxy_continue_stream",
        (stream: u32),
        |_, host| Ok(host.continue_stream(direction(stream)?)?)
    );
    define!(
        linker,
        "proxy_close_stream",
        (stream: u32),
        |_, host| Ok(host.close_stream(direction(stream)?)?)
    );
    define!(
        linker,
        "proxy_send_local_response",
        (status: u32, details: u32, details_len: u32, body: u32, body_len: u32, headers: u32,
         headers_len: u32, grpc_status: i32),
        |guest, host| {
            let reply = LocalReply {
                status,
                headers: guest.read_pairs(headers, headers_len)?,
                body: guest.read(body, body_len)?,
                grpc_status,
                details: guest.read(details, details_len)?,
            };
            Ok(host.send_local_reply(reply)?)
        }
    );
    Ok(())
}

fn headers(linker: &mut Linker<Context>) -> Defined {
    define!(linker, "proxy_get_header_map_pairs", (map: u32, data: u32, len: u32), |guest, host| {
        let pairs = host.get_header_map_pairs(header_map(map)?)?;
        guest.leave(&write_pairs(&pairs), data, len)
    });
    define!(linker, "proxy_set_header_map_pairs", (map: u32, at: u32, len: u32), |guest, host| {
        let pairs = guest.read_pairs(at, len)?;
        Ok(host.set_header_map_pairs(header_map(map)?, pairs)?)
    });
    define!(linker, "proxy_get_header_map_size", (map: u32, at: u32), |guest, host| {
        let pairs = host.get_header_map_pairs(header_map(map)?)?;
        let sizes = pairs.iter().map(|(name, value)| name.len() + value.len());
        guest.write_u32(at, u32::try_from(sizes.sum::<usize>()).unwrap_or(u32::MAX))
    });
    define!(
        linker,
        "proxy_get_header_map_value",
        (map: u32, name: u32, name_len: u32, data: u32, len: u32),
        |guest, host| {
            let name = guest.read(name, name_len)?;
            let value = host.get_header_map_value(header_map(map)?, &name)?;
            guest.leave(&value, data, len)
        }
    );
    define!(
        linker,
        "proxy_replace_header_map_value",
        (map: u32, name: u32, name_len: u32, value: u32, value_len: u32),
        |guest, host| {
            let name = guest.read(name, name_len)?;
            let value = guest.read(value, value_len)?;
            Ok(host.replace_header_map_value(header_map(map)?, &name, &value)?)
        }
    );
    define!(
        linker,
        "proxy_add_header_map_value",
        (map: u32, name: u32, name_len: u32, value: u32, value_len: u32),
        |guest, host| {
            let name = guest.read(name, name_len)?;
            let value = guest.read(value, value_len)?;
            Ok(host.add_header_map_value(header_map(map)?, &name, &value)?)
        }
    );
    define!(
        linker,
        "proxy_remove_header_map_value",
        (map: u32, name: u32, name_len: u32),
        |guest, host| {
            let name = guest.read(name, name_len)?;
            Ok(host.remove_header_map_value(header_map(map)?, &name)?)
        }
    );
    Ok(())
}

fn bodies(linker: &mut Linker<Context>) -> Defined {
    define!(
        linker,
        "proxy_get_buffer_bytes",
        (kind: u32, start: u32, max: u32, data: u32, len: u32),
        |guest, host| {
            let bytes = host.get_buffer_bytes(buffer(kind)?, size(start), size(max))?;
            guest.leave(&bytes, data, len)
        }
    );
    define!(linker, "proxy_get_buffer_status", (kind: u32, len: u32, flags: u32), |guest, host| {
        let bytes = host.get_buffer_bytes(buffer(kind)?, 0, size(u32::MAX))?;
        guest.write_u32(len, u32::try_from(bytes.len()).unwrap_or(u32::MAX))?;
        guest.write_u32(flags, 0)
    });
    define!(
        linker,
        "proxy_set_buffer_bytes",
        (kind: u32, start: u32, old: u32, at: u32, len: u32),
        |guest, host| {
            let bytes = guest.read(at, len)?;
            Ok(host.set_buffer_bytes(buffer(kind)?, size(start), size(old), &bytes)?)
        }
    );
    Ok(())
}

fn storage(linker: &mut Linker<Context>) -> Defined {
    define!(
        linker,
        "proxy_get_property",
        (path: u32, path_len: u32, data: u32, len: u32),
        |guest, host| {
            let path = guest.read_text(path, path_len)?;
            let value = host.get_property(&path)?;
            guest.leave(&value, data, len)
        }
    );
    define!(
        linker,
        "proxy_set_property",
        (path: u32, path_len: u32, value: u32, value_len: u32),
        |guest, host| {
            let path = guest.read_text(path, path_len)?;
            let value = guest.read(value, value_len)?;
            Ok(host.set_property_value(&path, &value)?)
        }
    );
    define!(
        linker,
        "proxy_get_shared_data",
        (key: u32, key_len: u32, data: u32, len: u32, cas: u32),
        |guest, host| {
            let key = guest.read_text(key, key_len)?;
            let value = host.get_shared_data(&key)?;
            guest.leave(&value.bytes, data, len)?;
            guest.write_u32(cas, value.cas)
        }
    );
    define!(
        linker,
        "proxy_set_shared_data",
        (key: u32, key_len: u32, value: u32, value_len: u32, cas: u32),
        |guest, host| {
            let key = guest.read_text(key, key_len)?;
            let value = guest.read(value, value_len)?;
            Ok(host.write_shared_data(&key, &value, cas)?)
        }
    );
    Ok(())
}

fn calls(linker: &mut Linker<Context>) -> Defined {
    define!(
        linker,
        "proxy_http_call",
        (upstream: u32, upstream_len: u32, headers: u32, headers_len: u32, body: u32,
         body_len: u32, trailers: u32, trailers_len: u32, timeout_ms: u32, token: u32),
        |guest, host| {
            let upstream = guest.read(upstream, upstream_len)?;
            let headers = guest.read_pairs(headers, headers_len)?;
            let body = guest.read(body, body_len)?;
            let trailers = guest.read_pairs(trailers, trailers_len)?;
            let timeout = Duration::from_millis(timeout_ms.into());
            let number = host.start_http_call(&upstream, headers, &body, trailers, timeout)?;
            guest.write_u32(token, number)
        }
    );
    define!(
        linker,
        "proxy_grpc_call",
        (upstream: u32, upstream_len: u32, service: u32, service_len: u32, method: u32,
         method_len: u32, metadata: u32, metadata_len: u32, message: u32, message_len: u32,
         timeout_ms: u32, token: u32),
        |guest, host| {
            let upstream = guest.read(upstream, upstream_len)?;
            let service = guest.read(service, service_len)?;
            let method = guest.read(method, method_len)?;
            let metadata = guest.read_pairs(metadata, metadata_len)?;
            let message = guest.read(message, message_len)?;
            let timeout = Duration::from_millis(timeout_ms.into());
            let number = host
                .start_grpc_call(&upstream, &service, &method, metadata, &message, timeout)?;
            guest.write_u32(token, number)
        }
    );
    define!(linker, "proxy_grpc_cancel", (token: u32), |_, host| Ok(host.grpc_cancel(token)?));
    define!(
        linker,
        "proxy_call_foreign_function",
        (name: u32, name_len: u32, at: u32, at_len: u32, data: u32, len: u32),
        |guest, host| {
            let name = guest.read_text(name, name_len)?;
            let argument = guest.read(at, at_len)?;
            let result = host.call_foreign_function(&name, &argument)?;
            guest.leave(&result, data, len)
        }
    );
    Ok(())
}

fn metrics(linker: &mut Linker<Context>) -> Defined {
    define!(
        linker,
        "proxy_define_metric",
        (kind: u32, name: u32, name_len: u32, metric: u32),
        |guest, host| {
            let name = guest.read_text(name, name_len)?;
            let number = host.define_metric_id(metric_kind(kind)?, &name)?;
            if host.profile() == Profile::Apisix {
                return Ok(());
            }
            guest.write_u32(metric, number)
        }
    );
    define!(
        linker,
        "proxy_increment_metric",
        (metric: u32, offset: i64),
        |_, host| Ok(host.increment_metric_by(metric, offset)?)
    );
    define!(
        linker,
        "proxy_record_metric",
        (metric: u32, value: u64),
        |_, host| Ok(host.record_metric_value(metric, value)?)
    );
    define!(linker, "proxy_get_metric", (metric: u32, at: u32), |guest, host| {
        let value = host.get_metric_value(metric)?;
        guest.write_u64(at, value)
    });
    Ok(())
}

fn size(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn log_level(number: u32) -> HostResult<LogLevel> {
    Ok(match number {
        0 => LogLevel::Trace,
        1 => LogLevel::Debug,
        2 => LogLevel::Info,
        3 => LogLevel::Warn,
        4 => LogLevel::Error,
        5 => LogLevel::Critical,
        _ => return Err(Status::BadArgument.into()),
    })
}

fn direction(number: u32) -> HostResult<Direction> {
    match number {
        0 => Ok(Direction::Request),
        1 => Ok(Direction::Response),
        _ => Err(Status::BadArgument.into()),
    }
}

fn header_map(number: u32) -> HostResult<HeaderMap> {
    Ok(match number {
        0 => HeaderMap::RequestHeaders,
        1 => HeaderMap::RequestTrailers,
        2 => HeaderMap::ResponseHeaders,
        3 => HeaderMap::ResponseTrailers,
        6 => HeaderMap::HttpCallResponseHeaders,
        7 => HeaderMap::HttpCallResponseTrailers,
        _ => return Err(Status::BadArgument.into()),
    })
}

fn buffer(number: u32) -> HostResult<Buffer> {
    Ok(match number {
        0 => Buffer::RequestBody,
        1 => Buffer::ResponseBody,
        4 => Buffer::HttpCallResponseBody,
        5 => Buffer::GrpcReceive,
        6 => Buffer::VmConfiguration,
        7 => Buffer::PluginConfiguration,
        _ => return Err(Stop::from(Status::BadArgument)),
    })
}

fn metric_kind(number: u32) -> HostResult<MetricKind> {
    match number {
        0 => Ok(MetricKind::Counter),
        1 => Ok(MetricKind::Gauge),
        2 => Ok(MetricKind::Histogram),
        _ => Err(Status::BadArgument.into()),
    }
}
