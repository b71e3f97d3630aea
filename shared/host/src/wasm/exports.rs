//! The callbacks of ABI 0.2.1. Those that no filter uses (TCP streams, queues) are not exported:
//! hosts skip what is not there.

use super::with_plugin;
use crate::Action;

#[unsafe(no_mangle)]
const extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    with_plugin((), |plugin| plugin.context_create(context, root));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(root: u32, _configuration_size: usize) -> u32 {
    with_plugin(0, |plugin| u32::from(plugin.vm_start(root)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
    with_plugin(0, |plugin| u32::from(plugin.configure(root, size)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    with_plugin((), |plugin| plugin.tick(root));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: usize, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.request_headers(context, end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.request_body(context, size, end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, _count: usize) -> u32 {
    action(|plugin| plugin.request_trailers(context))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _count: usize, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.response_headers(context, end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    action(|plugin| plugin.response_body(context, size, end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, _count: usize) -> u32 {
    action(|plugin| plugin.response_trailers(context))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    context: u32,
    token: u32,
    headers: usize,
    body: usize,
    _trailers: usize,
) {
    with_plugin((), |plugin| {
        plugin.http_answer(context, token, headers, body);
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(context: u32, token: u32, size: usize) {
    with_plugin((), |plugin| plugin.grpc_answer(context, token, Ok(size)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(context: u32, token: u32, status: u32) {
    with_plugin((), |plugin| plugin.grpc_answer(context, token, Err(status)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> u32 {
    with_plugin(1, |plugin| u32::from(plugin.done(context)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    with_plugin((), |plugin| plugin.log(context));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    with_plugin((), |plugin| plugin.delete(context));
}

/// A message that comes in the middle of a host call, or before there is a plugin, stays where it
/// is: passing it on would be passing it unchecked.
fn action(callback: impl FnOnce(&mut dyn crate::plugin::Plugin) -> Action) -> u32 {
    with_plugin(Action::Pause, callback) as u32
}
