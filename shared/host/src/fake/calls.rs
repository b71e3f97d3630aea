//! The host calls with their raw results, as the ABI has them.
//!
//! [`crate::Host`] (in `host.rs`) and the host of a VM both end here, in `messages.rs`
//! (headers, bodies, the stream) and from `callouts.rs` (HTTP and gRPC calls).

use std::time::Duration;

use super::{FakeHost, LogLine, Profile};
use crate::{ContextId, LogLevel, MetricId, MetricKind, SharedValue, Status};

/// Why a host call gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host returns this status.
    Status(Status),
    /// The host ends the VM.
    Trap(String),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

pub(super) type HostResult<T> = Result<T, Failure>;

impl FakeHost {
    /// `proxy_log`.
    ///
    /// # Errors
    /// See [`Failure`]; so for all calls below.
    pub fn write_log(&self, level: LogLevel, text: &[u8]) -> HostResult<()> {
        self.enter("proxy_log")?;
        let text = String::from_utf8_lossy(text).into_owned();
        self.state.borrow_mut().logs.push(LogLine { level, text });
        Ok(())
    }

    /// Reads the wall clock, which tests set: `proxy_get_current_time_nanoseconds`.
    pub fn get_current_time(&self) -> HostResult<u64> {
        self.enter("proxy_get_current_time_nanoseconds")?;
        Ok(nanoseconds(self.process.wall_clock()))
    }

    /// `proxy_set_tick_period_milliseconds`. Kong takes it once, in a root context.
    pub fn set_tick_period_ms(&self, period_ms: u32) -> HostResult<()> {
        self.enter("proxy_set_tick_period_milliseconds")?;
        let mut state = self.state.borrow_mut();
        if self.profile() == Profile::Kong {
            if state.stream().is_some() {
                return trap("the tick period can only be set in a root context");
            }
            if state.tick_period.is_some() {
                return trap("the tick period is already set");
            }
        }
        state.tick_period = (period_ms > 0).then(|| Duration::from_millis(u64::from(period_ms)));
        // As in Envoy, the time until the next tick begins anew.
        state.tick_begins_anew = true;
        Ok(())
    }

    /// `proxy_get_property`; the segments of the path are separated by zero bytes.
    pub fn get_property(&self, path: &str) -> HostResult<Vec<u8>> {
        self.enter("proxy_get_property")?;
        if self.profile() == Profile::Kong && path == "plugin_name" {
            return trap("segmentation fault: plugin_name");
        }
        let value = self.attribute(path);
        let shown = path.replace('\0', ".");
        match self.profile() {
            Profile::Apisix if value.is_err() => {
                self.log_error_of_the_host(format!("variable {shown} not found"));
            }
            Profile::Kong if value.is_err() => {
                self.log_error_of_the_host(format!("\"{shown}\" property not supported"));
            }
            _ => {}
        }
        value.map_err(Failure::Status)
    }

    /// Sets a property of the stream: `proxy_set_property`.
    pub fn set_property_value(&self, path: &str, value: &[u8]) -> HostResult<()> {
        self.enter("proxy_set_property")?;
        self.store_property(path, value).map_err(Failure::Status)
    }

    /// Reads a value that all VMs share: `proxy_get_shared_data`.
    pub fn get_shared_data(&self, key: &str) -> HostResult<SharedValue> {
        self.enter("proxy_get_shared_data")?;
        self.process.read_shared(key)
    }

    /// Writes a value that all VMs share, unless it changed since `cas`: `proxy_set_shared_data`.
    pub fn write_shared_data(&self, key: &str, value: &[u8], cas: u32) -> HostResult<()> {
        self.enter("proxy_set_shared_data")?;
        self.process.write_shared(key, value, cas)
    }

    /// `proxy_set_effective_context`. APISIX and Kong take it and go on with the context at hand.
    pub fn change_effective_context(&self, context: ContextId) -> HostResult<()> {
        self.enter("proxy_set_effective_context")?;
        if self.profile() != Profile::Envoy {
            return Ok(());
        }
        let mut state = self.state.borrow_mut();
        if !state.streams.contains_key(&context) && !state.roots.contains(&context) {
            return Err(Status::BadArgument.into());
        }
        state.effective = context;
        Ok(())
    }

    /// `proxy_call_foreign_function`. Kong traps on a name that it does not know.
    pub fn call_foreign_function(&self, name: &str, argument: &[u8]) -> HostResult<Vec<u8>> {
        self.enter("proxy_call_foreign_function")?;
        let function = self.state.borrow().foreign_functions.get(name).cloned();
        match function {
            Some(function) => Ok(function(argument)?),
            None if self.profile() == Profile::Kong => trap("unknown foreign function"),
            None => Err(Status::NotFound.into()),
        }
    }

    /// Defines a metric, or finds the one of this name: `proxy_define_metric`.
    pub fn define_metric_id(&self, kind: MetricKind, name: &str) -> HostResult<MetricId> {
        self.enter("proxy_define_metric")?;
        if self.profile() == Profile::Apisix {
            // It says that it has, and gives no number.
            return Ok(0);
        }
        Ok(self.process.define_metric(kind, name))
    }

    /// Adds to a counter or gauge: `proxy_increment_metric`.
    pub fn increment_metric_by(&self, id: MetricId, offset: i64) -> HostResult<()> {
        self.enter("proxy_increment_metric")?;
        if self.profile() == Profile::Apisix {
            return Ok(());
        }
        if self.profile() == Profile::Kong && self.process.is_gauge(id) {
            return trap("a gauge cannot be incremented");
        }
        let changed = self.process.change_metric(id, |metric| match metric.kind {
            MetricKind::Counter if offset < 0 => Err(Status::BadArgument),
            MetricKind::Counter | MetricKind::Gauge => {
                metric.value = metric.value.saturating_add(offset);
                Ok(())
            }
            MetricKind::Histogram => Err(Status::BadArgument),
        });
        Ok(changed?)
    }

    /// Sets a gauge, or records a value in a histogram: `proxy_record_metric`.
    pub fn record_metric_value(&self, id: MetricId, value: u64) -> HostResult<()> {
        self.enter("proxy_record_metric")?;
        if self.profile() == Profile::Apisix {
            return Ok(());
        }
        let changed = self.process.change_metric(id, |metric| {
            let number = i64::try_from(value).unwrap_or(i64::MAX);
            match metric.kind {
                MetricKind::Counter => metric.value = metric.value.saturating_add(number),
                MetricKind::Gauge => metric.value = number,
                MetricKind::Histogram => metric.recorded.push(value),
            }
            Ok(())
        });
        Ok(changed?)
    }

    /// Reads a counter or gauge: `proxy_get_metric`.
    pub fn get_metric_value(&self, id: MetricId) -> HostResult<u64> {
        self.enter("proxy_get_metric")?;
        let mut value = 0;
        self.process.change_metric(id, |metric| {
            value = u64::try_from(metric.value).unwrap_or(0);
            match metric.kind {
                MetricKind::Histogram => Err(Status::BadArgument),
                MetricKind::Counter | MetricKind::Gauge => Ok(()),
            }
        })?;
        Ok(value)
    }

    /// Says that a context has finished after all: `proxy_done`.
    pub fn finish(&self) -> HostResult<()> {
        if self.profile() == Profile::Apisix {
            self.log_error_of_the_host("failed to mark context as done".to_owned());
        }
        self.enter("proxy_done")?;
        let mut state = self.state.borrow_mut();
        if std::mem::replace(&mut state.done_called, true) {
            return Err(Status::NotFound.into());
        }
        Ok(())
    }

    /// The random source: WASI's `random_get`.
    pub fn fill_random(&self, bytes: &mut [u8]) {
        let mut state = self.state.borrow_mut();
        for chunk in bytes.chunks_mut(8) {
            let random = state.next_random().to_le_bytes();
            for (byte, random) in chunk.iter_mut().zip(random) {
                *byte = random;
            }
        }
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn trap<T>(reason: &str) -> HostResult<T> {
    Err(Failure::Trap(reason.to_owned()))
}
