//! A plugin as its host sees it: one method for each callback of the ABI that the filters use.

use crate::{Action, CallToken, ContextId, ResponseSizes};

/// The callbacks of a proxy-wasm plugin.
///
/// [`crate::Dispatcher`] implements it for a [`crate::Filter`]. In the test bed a compiled module
/// implements it too, so that one driver plays both.
pub trait Plugin {
    /// A root context (`root` is 0) or a stream of the root context `root`.
    fn context_create(&mut self, context: ContextId, root: ContextId);

    /// The VM has started.
    fn vm_start(&mut self, root: ContextId) -> bool;

    /// `size` bytes of plugin configuration can be read. `false` refuses it.
    fn configure(&mut self, root: ContextId, size: usize) -> bool;

    /// The period that the plugin asked for has passed.
    fn tick(&mut self, root: ContextId);

    /// The headers of a request have arrived.
    fn request_headers(&mut self, context: ContextId, end_of_stream: bool) -> Action;

    /// A part of the request body.
    fn request_body(&mut self, context: ContextId, size: usize, end_of_stream: bool) -> Action;

    /// The trailers of a request have arrived.
    fn request_trailers(&mut self, context: ContextId) -> Action;

    /// The headers of a response have arrived.
    fn response_headers(&mut self, context: ContextId, end_of_stream: bool) -> Action;

    /// A part of the response body.
    fn response_body(&mut self, context: ContextId, size: usize, end_of_stream: bool) -> Action;

    /// The trailers of a response have arrived.
    fn response_trailers(&mut self, context: ContextId) -> Action;

    /// The response to an HTTP call that `context` started.
    fn http_call_response(&mut self, context: ContextId, token: CallToken, sizes: ResponseSizes);

    /// The response to a gRPC call: the size of the message, or a grpc-status.
    fn grpc_receive(&mut self, context: ContextId, token: CallToken, result: Result<usize, u32>);

    /// The context ends; `false` asks the host to wait (root contexts only).
    fn done(&mut self, context: ContextId) -> bool;

    /// The exchange is over: the time to write about it.
    fn log(&mut self, context: ContextId);

    /// The host has deleted the context.
    fn delete(&mut self, context: ContextId);
}
