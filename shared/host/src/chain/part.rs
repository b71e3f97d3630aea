//! A filter as a part of a chain, whatever its type.

use std::any::Any;

use crate::{Action, CallToken, ContextId, Direction, Filter, Host, ResponseSizes, Stream};

/// A callback of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Headers(Direction, bool),
    Body(Direction, usize, bool),
    Trailers(Direction),
    Log,
    Done,
}

impl Event {
    /// The message that the callback is about; none at the end of the stream.
    pub(super) const fn direction(self) -> Option<Direction> {
        match self {
            Self::Headers(direction, _)
            | Self::Body(direction, _, _)
            | Self::Trailers(direction) => Some(direction),
            Self::Log | Self::Done => None,
        }
    }
}

/// The callbacks of [`Filter`] and [`Stream`] without their types.
///
/// Dynamic calls are what is wanted here: hosts that compile a module before they start inline
/// direct calls without looking at what that costs.
pub(super) trait Part {
    fn stream(&mut self, context: ContextId) -> Box<dyn Any>;
    fn on_event(&mut self, stream: &mut dyn Any, host: &dyn Host, event: Event) -> Action;
    fn attach(&mut self, root: ContextId);
    fn on_tick(&mut self, host: &dyn Host);
    fn flush(&mut self, host: &dyn Host);
    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes);
    fn on_grpc_receive(&mut self, host: &dyn Host, token: CallToken, result: Result<usize, u32>);
    fn on_delete(&mut self, host: &dyn Host);
    fn on_done(&mut self, host: &dyn Host) -> bool;
    fn forget(&mut self, context: ContextId);
}

/// A filter of a known type.
pub(super) struct Linked<F>(pub(super) F);

impl<F: Filter> Part for Linked<F> {
    fn stream(&mut self, context: ContextId) -> Box<dyn Any> {
        Box::new(self.0.stream(context))
    }

    fn on_event(&mut self, stream: &mut dyn Any, host: &dyn Host, event: Event) -> Action {
        let filter = &mut self.0;
        // A stream is made by the part that it is handed back to.
        let Some(stream) = stream.downcast_mut::<F::Stream>() else {
            return Action::Pause;
        };
        match event {
            Event::Headers(Direction::Request, end) => stream.on_request_headers(filter, host, end),
            Event::Headers(Direction::Response, end) => {
                stream.on_response_headers(filter, host, end)
            }
            Event::Body(Direction::Request, size, end) => {
                stream.on_request_body(filter, host, size, end)
            }
            Event::Body(Direction::Response, size, end) => {
                stream.on_response_body(filter, host, size, end)
            }
            Event::Trailers(Direction::Request) => stream.on_request_trailers(filter, host),
            Event::Trailers(Direction::Response) => stream.on_response_trailers(filter, host),
            Event::Log => {
                stream.on_log(filter, host);
                Action::Continue
            }
            Event::Done => {
                stream.on_done(filter, host);
                Action::Continue
            }
        }
    }

    fn attach(&mut self, root: ContextId) {
        self.0.attach(root);
    }

    fn on_tick(&mut self, host: &dyn Host) {
        self.0.on_tick(host);
    }

    fn flush(&mut self, host: &dyn Host) {
        self.0.flush(host);
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) {
        self.0.on_http_call_response(host, token, sizes);
    }

    fn on_grpc_receive(&mut self, host: &dyn Host, token: CallToken, result: Result<usize, u32>) {
        self.0.on_grpc_receive(host, token, result);
    }

    fn on_delete(&mut self, host: &dyn Host) {
        self.0.on_delete(host);
    }

    fn on_done(&mut self, host: &dyn Host) -> bool {
        self.0.on_done(host)
    }

    fn forget(&mut self, context: ContextId) {
        self.0.forget(context);
    }
}
