//! What a filter is: the two traits that the dispatcher drives.

use policy::config::{Configuration, Problem, Problems};
use policy::json::Json;

use crate::route_config::keys_by_route;
use crate::{Action, CallToken, Capabilities, ContextId, Host, plugin_configuration};

/// A filter in one VM: its checked configuration and what its streams share.
///
/// The dispatcher owns it, one for each plugin configuration, and hands it to every stream of that
/// configuration. A VM is single-threaded, so nothing here needs a lock; other workers are other
/// VMs and meet only in shared data.
pub trait Filter: Sized + 'static {
    /// The name in logs, metrics, properties and decisions: `jwt-auth`.
    const NAME: &'static str;

    /// What the filter keeps for one request.
    type Stream: Stream<Self>;

    /// Builds the filter from its configuration.
    ///
    /// # Errors
    /// All that is wrong with the configuration, or what this host lacks without a safe fallback.
    /// The dispatcher logs each problem and refuses the configuration.
    fn configure(startup: &Startup<'_>) -> Result<Self, Problems>;

    /// The root context of this configuration, told once after `configure`. A call that must outlive
    /// the stream at hand belongs to it: make it the effective context first.
    fn attach(&mut self, _root: ContextId) {}

    /// Makes the state of a new request.
    fn stream(&mut self, context: ContextId) -> Self::Stream;

    /// The context of a stream is gone, after its last callback: nothing about it is needed any more.
    fn forget(&mut self, _context: ContextId) {}

    /// The tick that `configure` asked for with [`Host::set_tick_period`].
    fn on_tick(&mut self, _host: &dyn Host) {}

    /// Tells the host what was only noted so far, such as [`crate::Counter::note`]: after each tick,
    /// and before the plugin goes.
    fn flush(&mut self, _host: &dyn Host) {}

    /// The response to [`Host::http_call`]: headers and body are in
    /// [`crate::HeaderMap::HttpCallResponseHeaders`] and [`crate::Buffer::HttpCallResponseBody`]. Whether the
    /// stream that asked is still there is for the filter to know.
    fn on_http_call_response(
        &mut self,
        _host: &dyn Host,
        _token: CallToken,
        _sizes: ResponseSizes,
    ) {
    }

    /// The response to [`Host::grpc_call`]: the message is in [`crate::Buffer::GrpcReceive`] when
    /// `result` holds its length, else the call failed with that grpc-status.
    fn on_grpc_receive(
        &mut self,
        _host: &dyn Host,
        _token: CallToken,
        _result: Result<usize, u32>,
    ) {
    }

    /// The configuration goes, for certain and at once: the last moment to give back what other VMs
    /// wait for. Unlike [`Filter::on_done`] it is called on every host.
    fn on_delete(&mut self, _host: &dyn Host) {}

    /// The plugin is being removed or replaced. `false` asks the host to wait for [`Host::done`].
    fn on_done(&mut self, _host: &dyn Host) -> bool {
        true
    }
}

/// What a filter is built from.
#[derive(Clone, Copy)]
pub struct Startup<'a> {
    /// The host that the filter runs in.
    pub host: &'a dyn Host,
    /// What the host can do.
    pub capabilities: &'a Capabilities,
    /// The plugin configuration as JSON, whatever form it arrived in.
    pub configuration: &'a str,
    /// That of the whole plugin, of which the filter may be a part.
    pub of_plugin: &'a str,
}

impl Startup<'_> {
    /// Reads the configuration of this filter, and logs the warnings about it.
    ///
    /// # Errors
    /// All that is wrong with it, and what goes by the route where the host tells nobody which it is.
    pub fn read<C: Configuration>(&self, filter: &str) -> Result<C, Problems> {
        let config = plugin_configuration::accept(self.host, filter, C::check(self.configuration))?;
        let mut by_route = Vec::new();
        if !self.capabilities.tells_routes()
            && let Ok(json) = Json::parse(self.configuration.as_bytes())
        {
            keys_by_route(&json, "", &mut by_route);
        }
        match by_route.is_empty() {
            true => Ok(config),
            false => Err(by_route
                .into_iter()
                .map(|path| Problem::new(path, NO_ROUTES))
                .collect()),
        }
    }
}

const NO_ROUTES: &str = "this host does not tell a filter the route of a request, so this would never hold: use \
     \"hosts\" or \"paths\", or give the route a plugin configuration of its own";

/// One request on its way through a filter.
///
/// Every callback may be the last: clients leave, hosts skip phases (a response without a request
/// phase is a local response of a filter before this one).
pub trait Stream<F>: 'static {
    /// The request headers are there. `end_of_stream` is a hint: APISIX always says true.
    fn on_request_headers(
        &mut self,
        _filter: &mut F,
        _host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        Action::Continue
    }

    /// A part of the request body, `size` bytes in [`crate::Buffer::RequestBody`].
    fn on_request_body(
        &mut self,
        _filter: &mut F,
        _host: &dyn Host,
        _size: usize,
        _end_of_stream: bool,
    ) -> Action {
        Action::Continue
    }

    /// The request ends with trailers; no body callback has said `end_of_stream`.
    fn on_request_trailers(&mut self, _filter: &mut F, _host: &dyn Host) -> Action {
        Action::Continue
    }

    /// The response headers are there, from the upstream or a local response.
    fn on_response_headers(
        &mut self,
        _filter: &mut F,
        _host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        Action::Continue
    }

    /// A part of the response body, `size` bytes in [`crate::Buffer::ResponseBody`].
    fn on_response_body(
        &mut self,
        _filter: &mut F,
        _host: &dyn Host,
        _size: usize,
        _end_of_stream: bool,
    ) -> Action {
        Action::Continue
    }

    /// The response ends with trailers; no body callback has said `end_of_stream`.
    fn on_response_trailers(&mut self, _filter: &mut F, _host: &dyn Host) -> Action {
        Action::Continue
    }

    /// The request is complete, whatever became of it: time to write it down. Comes exactly once;
    /// where the host has no log phase (APISIX), just before the context goes.
    fn on_log(&mut self, _filter: &mut F, _host: &dyn Host) {}

    /// The client or the host has ended the stream: cancel what nobody waits for any more.
    fn on_done(&mut self, _filter: &mut F, _host: &dyn Host) {}
}

/// How much of an HTTP response there is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseSizes {
    /// Header pairs; 0 when the call failed before there was any response.
    pub headers: usize,
    /// The size of the response body in bytes.
    pub body: usize,
}
