//! From the callbacks of the ABI to a filter and its streams.
//!
//! The public SDK has a dispatcher too, and it cannot be used: it traps on the response to any HTTP
//! or gRPC call that was not started through the SDK, and starting one through the SDK traps on
//! every status that the SDK does not list. This one never panics: a callback for a context that
//! nobody knows continues the stream, and one for a plugin that has no valid configuration refuses
//! it.

use policy::ordered_map::OrderedMap;
use policy::refusal::Refusal;

use crate::adapted::Adapted;
use crate::plugin::Plugin;
use crate::{
    Action, Buffer, CallToken, Capabilities, ContextId, Filter, Host, LogLevel, ResponseSizes,
    Startup, Stream, plugin_configuration, refuse,
};

/// Holds the root contexts of one VM, each a configured filter, and their streams.
pub struct Dispatcher<F: Filter, H: Host> {
    host: Adapted<H>,
    roots: OrderedMap<ContextId, Option<Root<F>>>,
    streams: OrderedMap<ContextId, Entry<F>>,
}

struct Root<F> {
    filter: F,
    capabilities: Capabilities,
}

struct Entry<F: Filter> {
    root: ContextId,
    /// `None` when the root has no valid configuration.
    stream: Option<F::Stream>,
    logged: bool,
    done: bool,
}

impl<F: Filter, H: Host> Dispatcher<F, H> {
    /// A VM that talks to `host`.
    pub const fn new(host: H) -> Self {
        Self {
            host: Adapted::new(host),
            roots: OrderedMap::new(),
            streams: OrderedMap::new(),
        }
    }

    /// The host, for tests that look at it from outside.
    pub const fn host(&self) -> &H {
        self.host.inner()
    }

    /// Runs `callback` on a stream and its filter; `None` when there is no such stream.
    fn with_stream<T>(
        &mut self,
        context: ContextId,
        callback: impl FnOnce(&mut F::Stream, &mut F, &dyn Host) -> T,
    ) -> Option<T> {
        self.host.enter(context);
        let entry = self.streams.get_mut(&context)?;
        let root = self.roots.get_mut(&entry.root)?.as_mut()?;
        Some(callback(
            entry.stream.as_mut()?,
            &mut root.filter,
            &self.host,
        ))
    }

    /// Runs `callback` on the filter that a call belongs to. The context that started the call is
    /// a root, or a stream of one, or gone; then there is only one root to ask in practice.
    fn with_filter(&mut self, context: ContextId, callback: impl FnOnce(&mut F, &dyn Host)) {
        let root = match self.streams.get(&context) {
            Some(entry) => Some(entry.root),
            None if self.roots.contains_key(&context) => Some(context),
            None => self.roots.keys().next().copied(),
        };
        if let Some(Some(root)) = root.and_then(|root| self.roots.get_mut(&root)) {
            callback(&mut root.filter, &self.host);
        }
    }

    /// Whether something happens to a stream for the first time; from now on it has happened.
    fn is_first(
        &mut self,
        context: ContextId,
        has_happened: impl Fn(&mut Entry<F>) -> &mut bool,
    ) -> bool {
        let entry = self.streams.get_mut(&context);
        entry.is_some_and(|entry| !std::mem::replace(has_happened(entry), true))
    }

    /// Tells a stream once that it has ended.
    fn end(&mut self, context: ContextId) {
        if self.is_first(context, |entry| &mut entry.done) {
            self.with_stream(context, |stream, filter, host| stream.on_done(filter, host));
        }
    }

    fn write_log(&mut self, context: ContextId) {
        if self.is_first(context, |entry| &mut entry.logged) {
            self.with_stream(context, |stream, filter, host| stream.on_log(filter, host));
        }
    }

    /// A request that is paused with nothing to wait for ends the worker on APISIX: it is refused.
    fn held(&self, action: Action) -> Action {
        if action == Action::Pause && !self.host.can_pause() {
            let refusal = Refusal::new(
                503,
                "cannot_wait",
                "The gateway cannot decide about the request at the moment.",
            );
            refuse::send(&self.host, &refusal, F::NAME, None, false);
        }
        action
    }

    fn configured(&self) -> Result<Root<F>, ()> {
        let capabilities = self.host.probe();
        let result = self
            .host
            .buffer(Buffer::PluginConfiguration, 0, usize::MAX)
            .map_err(|status| policy::config::Problems::whole(format!("cannot be read: {status}")))
            .and_then(|bytes| plugin_configuration::to_json(&bytes))
            .and_then(|text| {
                F::configure(&Startup {
                    host: &self.host,
                    capabilities: &capabilities,
                    configuration: &text,
                    of_plugin: &text,
                })
            });
        match result {
            Ok(filter) => {
                let line = format!("{} {} configured", F::NAME, env!("CARGO_PKG_VERSION"));
                self.host.log(LogLevel::Debug, &line);
                Ok(Root {
                    filter,
                    capabilities,
                })
            }
            Err(problems) => {
                for problem in problems.iter() {
                    let line = format!("{}: configuration refused: {problem}", F::NAME);
                    self.host.log(LogLevel::Error, &line);
                }
                Err(())
            }
        }
    }
}

impl<F: Filter, H: Host> Plugin for Dispatcher<F, H> {
    fn context_create(&mut self, context: ContextId, root: ContextId) {
        if root == 0 {
            if !self.roots.contains_key(&context) {
                self.roots.insert(context, None);
            }
            return;
        }
        // APISIX gives the number of one that is gone to the next, and may not have said so.
        if self.streams.contains_key(&context) {
            self.delete(context);
        }
        let filter = self.roots.get_mut(&root).and_then(Option::as_mut);
        let stream = filter.map(|root| root.filter.stream(context));
        self.streams.insert(
            context,
            Entry {
                root,
                stream,
                logged: false,
                done: false,
            },
        );
    }

    fn vm_start(&mut self, _root: ContextId) -> bool {
        true
    }

    fn configure(&mut self, root: ContextId, _size: usize) -> bool {
        self.host.enter(root);
        let mut configured = self.configured().ok();
        if let Some(configured) = &mut configured {
            configured.filter.attach(root);
        }
        let accepted = configured.is_some();
        if let Some(Some(mut old)) = self.roots.insert(root, configured) {
            old.filter.flush(&self.host);
        }
        accepted
    }

    fn tick(&mut self, root: ContextId) {
        self.host.enter(root);
        if let Some(Some(root)) = self.roots.get_mut(&root) {
            root.filter.on_tick(&self.host);
            root.filter.flush(&self.host);
        }
    }

    fn request_headers(&mut self, context: ContextId, end_of_stream: bool) -> Action {
        let action = self.with_stream(context, |stream, filter, host| {
            stream.on_request_headers(filter, host, end_of_stream)
        });
        let action = action.unwrap_or_else(|| {
            // Some hosts go on with a plugin whose configuration was refused. Letting a request
            // pass here would switch the filter off in silence.
            let refusal = Refusal::new(
                503,
                "filter_not_configured",
                "A filter of this gateway has no valid configuration.",
            );
            refuse::send(&self.host, &refusal, F::NAME, None, false);
            Action::Pause
        });
        self.held(action)
    }

    fn request_body(&mut self, context: ContextId, size: usize, end_of_stream: bool) -> Action {
        let action = self.with_stream(context, |stream, filter, host| {
            stream.on_request_body(filter, host, size, end_of_stream)
        });
        self.held(action.unwrap_or(Action::Continue))
    }

    fn request_trailers(&mut self, context: ContextId) -> Action {
        self.with_stream(context, |stream, filter, host| {
            stream.on_request_trailers(filter, host)
        })
        .unwrap_or(Action::Continue)
    }

    fn response_headers(&mut self, context: ContextId, end_of_stream: bool) -> Action {
        self.with_stream(context, |stream, filter, host| {
            stream.on_response_headers(filter, host, end_of_stream)
        })
        .unwrap_or(Action::Continue)
    }

    fn response_body(&mut self, context: ContextId, size: usize, end_of_stream: bool) -> Action {
        self.with_stream(context, |stream, filter, host| {
            stream.on_response_body(filter, host, size, end_of_stream)
        })
        .unwrap_or(Action::Continue)
    }

    fn response_trailers(&mut self, context: ContextId) -> Action {
        self.with_stream(context, |stream, filter, host| {
            stream.on_response_trailers(filter, host)
        })
        .unwrap_or(Action::Continue)
    }

    fn http_call_response(&mut self, context: ContextId, token: CallToken, sizes: ResponseSizes) {
        self.host.enter(context);
        self.host.end_call(token);
        self.with_filter(context, |filter, host| {
            filter.on_http_call_response(host, token, sizes);
        });
    }

    fn grpc_receive(&mut self, context: ContextId, token: CallToken, result: Result<usize, u32>) {
        self.host.enter(context);
        self.with_filter(context, |filter, host| {
            filter.on_grpc_receive(host, token, result);
        });
    }

    fn done(&mut self, context: ContextId) -> bool {
        if let Some(root) = self.roots.get_mut(&context) {
            return root
                .as_mut()
                .is_none_or(|root| root.filter.on_done(&self.host));
        }
        let root = self
            .streams
            .get(&context)
            .and_then(|entry| self.roots.get(&entry.root));
        let has_log_phase = root
            .and_then(Option::as_ref)
            .is_none_or(|root| root.capabilities.has_log_phase());
        self.host.begin_end(context);
        if !has_log_phase {
            self.write_log(context);
        }
        self.end(context);
        true
    }

    fn log(&mut self, context: ContextId) {
        self.write_log(context);
    }

    fn delete(&mut self, context: ContextId) {
        // A module without the callback for the end of a stream ends it here.
        self.end(context);
        self.host.forget(context);
        let ended = self.streams.remove(&context).map(|entry| entry.root);
        if let Some(root) = ended
            && let Some(Some(root)) = self.roots.get_mut(&root)
        {
            root.filter.forget(context);
        }
        if let Some(Some(mut root)) = self.roots.remove(&context) {
            root.filter.on_delete(&self.host);
            root.filter.flush(&self.host);
        }
    }
}
