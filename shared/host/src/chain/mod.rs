//! Several filters as one: a chain in a single VM.
//!
//! A [`Chain`] is itself a [`Filter`]. Between its parts and the host stands a [`Host`] of its own,
//! so that each part works as it does alone, and the chain as the same filters one after the other
//! in Envoy:
//!
//! - The request passes the parts in their order, the response in reverse. A part that pauses holds
//!   back those after it, which get what was held when it resumes: headers, then the body that has
//!   come meanwhile, then trailers.
//! - A local response to a request passes, in reverse order, the parts that have seen the request,
//!   that of the responding part included. One in place of a response that has come passes none.
//! - Responses to calls go to the part that has called; each part has a tick of its own.
//! - What the filters of the family tell each other ([`crate::exchange`]) stays in memory. Headers
//!   are read once during a callback, and so are clocks and attributes; a change by one part is
//!   seen by the next.
//!
//! Three things differ from separate filters. A host takes one local response from a plugin, so when
//! a second part responds, to the response of the first, the stream is reset. While a part holds the headers, the host keeps the body
//! from all parts, also from those before it. And bytes that one part lets go on leave when no part
//! holds bytes behind them, since hosts let go of all or nothing; their order is that of the
//! message in any case.

mod board;
mod drive;
mod flow;
mod link;
mod part;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::marker::PhantomData;

use policy::config::Problems;
use policy::ordered_map::OrderedMap;

pub use board::SharedProperties;

use self::board::{Board, StreamBoard};
use self::drive::Piece;
use self::link::Link;
use self::part::{Event, Linked, Part};
use crate::waiting::CallId;
use crate::{
    Action, CallToken, ContextId, Direction, Filter, Host, ResponseSizes, Startup, Stream,
};

/// Which filters make up a chain, and how they are configured.
pub trait Composition: 'static {
    /// The name of the chain in logs, and of the plugin where the user has given it no other.
    const NAME: &'static str;

    /// Adds the parts in their order.
    ///
    /// # Errors
    /// All that is wrong with the configuration.
    fn compose(parts: &mut Parts<'_>, configuration: &str) -> Result<(), Problems>;
}

/// The parts of a chain while it is configured.
pub struct Parts<'h> {
    host: &'h dyn Host,
    of_plugin: &'h str,
    board: Board,
    list: Vec<Box<dyn Part>>,
    names: Vec<&'static str>,
}

impl Parts<'_> {
    /// The host, for what the chain itself has to say.
    #[must_use]
    pub fn host(&self) -> &dyn Host {
        self.host
    }

    /// Configures a filter and puts it behind those that are there already.
    ///
    /// # Errors
    /// As [`Filter::configure`]; the chain goes on without the filter then.
    pub fn add<F: Filter>(&mut self, configuration: &str) -> Result<(), Problems> {
        let place = self.list.len();
        let names = [&self.names, &[F::NAME][..]].concat();
        let link = Link::new(self.host, &self.board, &names, place);
        let capabilities = self.board.capabilities.within_a_chain();
        let filter = F::configure(&Startup {
            host: &link,
            capabilities: &capabilities,
            configuration,
            of_plugin: self.of_plugin,
        })?;
        self.list.push(Box::new(Linked(filter)));
        self.names = names;
        Ok(())
    }

    /// Says which properties filters outside the chain share with it; none if nothing is said.
    pub fn share(&mut self, shared: SharedProperties) {
        self.board.shared = shared;
    }
}

/// Filters in one VM that pass each message on to each other.
pub struct Chain<C> {
    parts: Vec<Box<dyn Part>>,
    names: Vec<&'static str>,
    streams: OrderedMap<ContextId, Vec<Box<dyn Any>>>,
    board: Board,
    /// The parts that have ticked have been flushed.
    has_flushed: bool,
    composition: PhantomData<C>,
}

impl<C: Composition> Filter for Chain<C> {
    const NAME: &'static str = C::NAME;
    type Stream = ChainedStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let mut parts = Parts {
            host: startup.host,
            of_plugin: startup.of_plugin,
            board: Board::new(C::NAME, *startup.capabilities),
            list: Vec::new(),
            names: Vec::new(),
        };
        C::compose(&mut parts, startup.configuration)?;
        let Parts {
            board, list, names, ..
        } = parts;
        Ok(Self {
            parts: list,
            names,
            streams: OrderedMap::new(),
            board,
            has_flushed: false,
            composition: PhantomData,
        })
    }

    fn attach(&mut self, root: ContextId) {
        self.board.root.set(Some(root));
        for part in &mut self.parts {
            part.attach(root);
        }
    }

    fn stream(&mut self, context: ContextId) -> ChainedStream {
        self.begin(context);
        ChainedStream { context }
    }

    fn forget(&mut self, context: ContextId) {
        for part in &mut self.parts {
            part.forget(context);
        }
        self.streams.remove(&context);
        self.board.streams.borrow_mut().remove(&context);
        let mut resumed = self.board.resumed.borrow_mut();
        resumed.retain(|resumed| resumed.context != context);
        drop(resumed);
        if !self.board.capabilities.changes_context() {
            // There a call ends with the request that it belongs to.
            let mut calls = self.board.calls.borrow_mut();
            calls.take(usize::MAX, |call| call.context == Some(context));
        }
    }

    fn on_tick(&mut self, host: &dyn Host) {
        self.board.enter(self.board.root.get());
        let now_ns = self.board.monotonic_ns(host);
        for place in 0..self.parts.len() {
            if self.take_due_tick(place, now_ns) {
                self.with_part(host, place, |part, link| {
                    part.on_tick(link);
                    part.flush(link);
                });
                self.resume_released(host);
            }
        }
        self.has_flushed = true;
    }

    fn flush(&mut self, host: &dyn Host) {
        // After a tick, those that have ticked.
        if !std::mem::take(&mut self.has_flushed) {
            self.with_each_part(host, |part, link| part.flush(link));
        }
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, sizes: ResponseSizes) {
        self.deliver_response(host, CallId::Http(token), |part, link| {
            part.on_http_call_response(link, token, sizes);
        });
    }

    fn on_grpc_receive(&mut self, host: &dyn Host, token: CallToken, result: Result<usize, u32>) {
        self.deliver_response(host, CallId::Grpc(token), |part, link| {
            part.on_grpc_receive(link, token, result);
        });
    }

    fn on_delete(&mut self, host: &dyn Host) {
        self.board.enter(self.board.root.get());
        self.with_each_part(host, |part, link| part.on_delete(link));
    }

    fn on_done(&mut self, host: &dyn Host) -> bool {
        self.board.enter(self.board.root.get());
        let mut is_done = true;
        for place in 0..self.parts.len() {
            // A part may say that it has finished before its callback returns.
            self.board.unfinished.borrow_mut().push(place);
            let finished = self.with_part(host, place, |part, link| part.on_done(link));
            if finished == Some(false) {
                is_done = false;
            } else {
                let mut unfinished = self.board.unfinished.borrow_mut();
                unfinished.retain(|known| *known != place);
            }
        }
        is_done
    }
}

/// One request on its way through the parts of a chain.
pub struct ChainedStream {
    context: ContextId,
}

impl<C: Composition> Stream<Chain<C>> for ChainedStream {
    fn on_request_headers(&mut self, chain: &mut Chain<C>, host: &dyn Host, end: bool) -> Action {
        chain.on_message(host, self.context, Direction::Request, Piece::Headers(end))
    }

    fn on_request_body(
        &mut self,
        chain: &mut Chain<C>,
        host: &dyn Host,
        size: usize,
        end: bool,
    ) -> Action {
        let piece = Piece::Body(size, end);
        chain.on_message(host, self.context, Direction::Request, piece)
    }

    fn on_request_trailers(&mut self, chain: &mut Chain<C>, host: &dyn Host) -> Action {
        chain.on_message(host, self.context, Direction::Request, Piece::Trailers)
    }

    fn on_response_headers(&mut self, chain: &mut Chain<C>, host: &dyn Host, end: bool) -> Action {
        chain.on_message(host, self.context, Direction::Response, Piece::Headers(end))
    }

    fn on_response_body(
        &mut self,
        chain: &mut Chain<C>,
        host: &dyn Host,
        size: usize,
        end: bool,
    ) -> Action {
        let piece = Piece::Body(size, end);
        chain.on_message(host, self.context, Direction::Response, piece)
    }

    fn on_response_trailers(&mut self, chain: &mut Chain<C>, host: &dyn Host) -> Action {
        chain.on_message(host, self.context, Direction::Response, Piece::Trailers)
    }

    fn on_log(&mut self, chain: &mut Chain<C>, host: &dyn Host) {
        chain.on_end(host, self.context, Event::Log);
    }

    fn on_done(&mut self, chain: &mut Chain<C>, host: &dyn Host) {
        chain.on_end(host, self.context, Event::Done);
    }
}

impl<C> Chain<C> {
    fn begin(&mut self, context: ContextId) {
        let parts = self.parts.iter_mut();
        let streams: Vec<Box<dyn Any>> = parts.map(|part| part.stream(context)).collect();
        let mut boards = self.board.streams.borrow_mut();
        boards.insert(context, StreamBoard::new(streams.len()));
        self.streams.insert(context, streams);
    }

    /// Whether it is time for the tick of a part.
    fn take_due_tick(&self, place: usize, now_ns: u64) -> bool {
        let mut ticks = self.board.ticks.borrow_mut();
        let Some(Some(tick)) = ticks.parts.get_mut(place) else {
            return false;
        };
        if now_ns < tick.due_ns {
            return false;
        }
        let period_ns = u64::try_from(tick.period.as_nanos()).unwrap_or(u64::MAX);
        tick.due_ns = now_ns.saturating_add(period_ns);
        true
    }

    /// Delivers the response to a call to the part that made the call. Nobody waits for any other.
    fn deliver_response(
        &mut self,
        host: &dyn Host,
        call: CallId,
        receive: impl FnOnce(&mut dyn Part, &Link<'_>),
    ) {
        let Some(caller) = self.board.calls.borrow_mut().remove(call) else {
            return;
        };
        // nginx hosts go on with the request that has called, Envoy with the root.
        let at_hand = match self.board.capabilities.changes_context() {
            true => self.board.root.get(),
            false => caller.context,
        };
        self.board.enter(at_hand);
        self.with_part(host, caller.place, receive);
        self.resume_released(host);
    }

    fn with_each_part(&mut self, host: &dyn Host, run: impl Fn(&mut dyn Part, &Link<'_>)) {
        for place in 0..self.parts.len() {
            self.with_part(host, place, &run);
        }
    }

    /// Runs a callback of a part that is about no stream. The next one finds the context as it was.
    fn with_part<T>(
        &mut self,
        host: &dyn Host,
        place: usize,
        run: impl FnOnce(&mut dyn Part, &Link<'_>) -> T,
    ) -> Option<T> {
        let at_hand = self.board.effective.get();
        let link = Link::new(host, &self.board, &self.names, place);
        let part = self.parts.get_mut(place)?;
        let result = run(part.as_mut(), &link);
        if let Some(at_hand) = at_hand {
            self.board.focus(host, at_hand);
        }
        Some(result)
    }
}

/// The step at which a message of this direction comes to a part, and the place of the part at a
/// step.
const fn step_of(place: usize, parts: usize, direction: Direction) -> usize {
    match direction {
        Direction::Request => place,
        Direction::Response => parts.saturating_sub(1).saturating_sub(place),
    }
}
