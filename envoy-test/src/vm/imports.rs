//! Which functions each host offers to a module.
//!
//! A host refuses a module as a whole when one of its imports is missing, even if it is never
//! called. The lists are those of the hosts' sources (proxy-wasm-cpp-host, wasm-nginx-module,
//! ngx_wasm_module), as far as ABI 0.2.1 goes.

use host::fake::Profile;

/// Whether the host offers the function `name` in the import module `module`.
#[must_use]
pub fn offers(profile: Profile, module: &str, name: &str) -> bool {
    match module {
        "env" => {
            let missing: &[&str] = match profile {
                Profile::Envoy => &[],
                Profile::Apisix => &[
                    "proxy_get_buffer_status",
                    "proxy_get_header_map_size",
                    "proxy_get_log_level",
                    // It is there with a signature that no SDK imports.
                    "proxy_get_metric",
                ],
                Profile::Kong => &["proxy_get_buffer_status", "proxy_get_header_map_size"],
            };
            ABI.contains(&name) && !missing.contains(&name)
        }
        "wasi_snapshot_preview1" => WASI.contains(&name),
        _ => false,
    }
}

const ABI: &[&str] = &[
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_size",
    "proxy_get_header_map_value",
    "proxy_get_log_level",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

const WASI: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "path_open",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];
