//! A filter that lets everything pass, on the public SDK.
//!
//! It shows that the in-process host serves modules that this project has not built the host layer
//! of, and what a Wasm filter costs in Envoy before it does anything. Told so by its configuration,
//! it makes the host calls that a filter of this project makes for a request that passes, and
//! nothing else: what is left of that filter's cost is its own.

#![allow(missing_docs, reason = "the function that the SDK's macro exports")]

mod calls;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use calls::Calls;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root(Calls::None)));
}}

struct Root(Calls);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        self.0 = Calls::read(&configuration);
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(self.0.clone())))
    }
}

struct Stream(Calls);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.0.at_request_headers();
        Action::Continue
    }

    fn on_http_request_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.0.at_response_headers();
        Action::Continue
    }

    fn on_http_response_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        Action::Continue
    }
}
