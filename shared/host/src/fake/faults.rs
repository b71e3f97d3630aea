//! Host calls that fail because a test wants them to.

use std::collections::BTreeMap;

use crate::Status;

/// The host calls that a fake can be told to fail, by their names in the ABI; all that the filters
/// use.
pub const HOST_CALLS: [&str; 26] = [
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_done",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: BTreeMap<String, Fault>,
}

#[derive(Debug)]
struct Fault {
    status: Status,
    /// How many more calls fail; `None` for all.
    remaining: Option<u32>,
}

impl Faults {
    pub(super) fn plan(&mut self, call: &str, status: Status, times: Option<u32>) {
        // A test of a fault that never comes would pass for nothing.
        assert!(HOST_CALLS.contains(&call), "no host call is named {call}");
        let fault = Fault {
            status,
            remaining: times,
        };
        self.planned.insert(call.to_owned(), fault);
    }

    pub(super) fn clear(&mut self) {
        self.planned.clear();
    }

    /// The status that this call fails with, if it is to fail.
    pub(super) fn next(&mut self, call: &str) -> Option<Status> {
        let fault = self.planned.get_mut(call)?;
        if let Some(remaining) = &mut fault.remaining {
            *remaining = remaining.checked_sub(1)?;
        }
        Some(fault.status)
    }
}
