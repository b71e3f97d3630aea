//! How a message passes the parts of a chain.

use policy::refusal::Refusal;

use super::board::{Resumed, StreamBoard};
use super::flow::{Flow, Segment};
use super::link::Link;
use super::part::Event;
use super::{Chain, step_of};
use crate::{Action, ContextId, Direction, Host, HostKind, refuse};

/// What the host hands on of a message.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    /// The headers, and whether that is all.
    Headers(bool),
    /// So many bytes of the body, and whether they are the last.
    Body(usize, bool),
    Trailers,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// All parts have let it pass.
    Passed,
    /// A part holds it back.
    Held,
    /// A part has put an end to it, with this action.
    Stopped(Action),
}

impl<C> Chain<C> {
    /// A callback of the host about a message: takes it through the parts, and says what the host is
    /// to do with it.
    pub(super) fn on_message(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        piece: Piece,
    ) -> Action {
        self.enter(context, direction);
        self.with_flow(context, direction, |flow| match piece {
            Piece::Headers(end) => {
                flow.has_begun = true;
                flow.ends_with_headers = end;
            }
            Piece::Body(size, end) => flow.receive(size, end),
            Piece::Trailers => {}
        });
        let progress = match piece {
            Piece::Headers(_) => self.pass_headers(host, context, direction, 0),
            Piece::Body(..) => self.pass_body(host, context, direction, 0),
            Piece::Trailers => self.pass_trailers(host, context, direction, 0),
        };
        self.leave(host, context, direction, progress)
    }

    pub(super) fn on_end(&mut self, host: &dyn Host, context: ContextId, event: Event) {
        self.board.enter(Some(context));
        for place in 0..self.parts.len() {
            self.deliver(host, context, place, event);
        }
        self.resume_released(host);
    }

    fn enter(&mut self, context: ContextId, direction: Direction) {
        if !self.streams.contains_key(&context) {
            // A stream of a chain that this one has replaced: it passes all parts all the same.
            self.begin(context);
        }
        self.board.enter(Some(context));
        self.board.at_hand.set(Some((context, direction)));
    }

    /// What the host is to do with the message at hand.
    fn leave(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        progress: Progress,
    ) -> Action {
        self.resume_released(host);
        self.board.at_hand.set(None);
        if let Progress::Stopped(action) = progress {
            return action;
        }
        self.with_flow(context, direction, Flow::action)
            .unwrap_or(Action::Pause)
    }

    /// Does what parts have asked for beside their own message: lets others go on.
    pub(super) fn resume_released(&mut self, host: &dyn Host) {
        loop {
            let next = self.board.resumed.borrow_mut().pop_front();
            let Some(resumed) = next else { return };
            self.go_on(host, resumed);
        }
    }

    /// A part lets a message go on that it has held.
    fn go_on(&mut self, host: &dyn Host, resumed: Resumed) {
        let Resumed {
            context,
            direction,
            place,
        } = resumed;
        let is_over = self
            .board
            .with_stream(Some(context), |stream| stream.is_over(direction));
        if is_over != Some(false) || !self.board.focus(host, context) {
            return;
        }
        let step = step_of(place, self.parts.len(), direction);
        let next = step.saturating_add(1);
        let held = self.with_flow(context, direction, |flow| {
            let held = Held::at(flow, step);
            match held {
                Held::Headers => flow.headers_held_at = None,
                Held::Trailers(_) => {
                    flow.trailers_held_at = None;
                    flow.pass(step);
                }
                Held::Body => flow.pass(step),
                Held::Nothing => {}
            }
            held
        });
        let progress = match held {
            None => return,
            // The host decides what that means.
            Some(Held::Nothing) => {
                match self.with_flow(context, direction, |flow| flow.is_held()) {
                    Some(false) => Progress::Passed,
                    _ => return,
                }
            }
            Some(Held::Headers) => self.pass_headers(host, context, direction, next),
            Some(Held::Body) => self.pass_body(host, context, direction, next),
            Some(Held::Trailers(has_body)) => {
                let body = match has_body {
                    true => self.pass_body(host, context, direction, next),
                    false => Progress::Passed,
                };
                match body {
                    Progress::Stopped(_) => body,
                    _ => self.pass_trailers(host, context, direction, next),
                }
            }
        };
        self.resume_or_refuse(host, context, direction, progress);
    }

    fn resume_or_refuse(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        progress: Progress,
    ) {
        if matches!(progress, Progress::Stopped(_))
            || self.board.at_hand.get() == Some((context, direction))
        {
            return;
        }
        let action = self.with_flow(context, direction, Flow::action);
        match action {
            Some(Action::Continue) if self.board.focus(host, context) => {
                let _ = host.resume(direction);
            }
            Some(Action::Pause) if !self.is_kept(context) && direction == Direction::Request => {
                // The host goes on by itself, past parts that have not decided.
                let refusal = Refusal::new(
                    503,
                    "cannot_wait",
                    "The gateway cannot decide about the request at the moment.",
                );
                refuse::send(host, &refusal, self.board.name, None, false);
                self.board.with_stream(Some(context), |stream| {
                    stream.request_is_over = true;
                });
            }
            _ => {}
        }
    }

    /// Whether the host keeps a request that a part holds outside its own callback: some hosts keep
    /// it only as long as it has a call under way.
    fn is_kept(&self, context: ContextId) -> bool {
        let calls = self.board.calls.borrow();
        self.board.capabilities.changes_context()
            || calls.values().any(|call| call.context == Some(context))
    }

    fn pass_headers(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        from: usize,
    ) -> Progress {
        for step in from..self.parts.len() {
            let place = step_of(step, self.parts.len(), direction);
            if self.skips(context, place, direction) {
                continue;
            }
            let ends = self.with_flow(context, direction, |flow| flow.ends_with_headers);
            let event = Event::Headers(direction, ends.unwrap_or_default());
            match self.deliver_message(host, context, place, event) {
                Step::Stopped(action) => return Progress::Stopped(action),
                Step::Done(Action::Continue) => {}
                Step::Done(Action::Pause) => {
                    self.with_flow(context, direction, |flow| {
                        flow.headers_held_at = Some(step);
                    });
                    return Progress::Held;
                }
            }
        }
        Progress::Passed
    }

    fn pass_body(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        from: usize,
    ) -> Progress {
        for step in from..self.parts.len() {
            let place = step_of(step, self.parts.len(), direction);
            if !self.skips(context, place, direction) && self.wants_body(context, place, direction)
            {
                let Segment { bytes, is_last, .. } = self.segment(context, direction, step);
                let event = Event::Body(direction, bytes, is_last);
                match self.deliver_message(host, context, place, event) {
                    Step::Stopped(action) => return Progress::Stopped(action),
                    Step::Done(Action::Continue) => {}
                    Step::Done(Action::Pause) => {
                        self.with_flow(context, direction, |flow| {
                            if let Some(segment) = flow.segment_mut(step) {
                                segment.is_held = true;
                            }
                        });
                        return Progress::Held;
                    }
                }
            }
            self.with_flow(context, direction, |flow| flow.pass(step));
        }
        Progress::Passed
    }

    fn pass_trailers(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        from: usize,
    ) -> Progress {
        for step in from..self.parts.len() {
            let place = step_of(step, self.parts.len(), direction);
            if !self.skips(context, place, direction) {
                let event = Event::Trailers(direction);
                match self.deliver_message(host, context, place, event) {
                    Step::Stopped(action) => return Progress::Stopped(action),
                    Step::Done(Action::Continue) => {}
                    Step::Done(Action::Pause) => {
                        self.with_flow(context, direction, |flow| {
                            flow.trailers_held_at = Some(step);
                        });
                        return Progress::Held;
                    }
                }
            }
            // What is held of the body goes on before the trailers do.
            let segment = self.segment(context, direction, step);
            if segment.is_held || segment.bytes > 0 {
                self.with_flow(context, direction, |flow| flow.pass(step));
                let next = step.saturating_add(1);
                if let stopped @ Progress::Stopped(_) =
                    self.pass_body(host, context, direction, next)
                {
                    return stopped;
                }
            }
        }
        Progress::Passed
    }

    /// A response passes the parts that have seen the request. On hosts that have no request phase
    /// before it, all of them.
    fn skips(&self, context: ContextId, place: usize, direction: Direction) -> bool {
        direction == Direction::Response
            && self.board.with_stream(Some(context), |stream| {
                let seen = &stream.has_seen_request;
                stream.flows.request.has_begun && !seen.get(place).copied().unwrap_or_default()
            }) == Some(true)
    }

    /// On APISIX bodies come to those only that have asked for them.
    fn wants_body(&self, context: ContextId, place: usize, direction: Direction) -> bool {
        self.board.capabilities.kind() != HostKind::Apisix
            || self.board.with_stream(Some(context), |stream| {
                let parts = stream.wants_body.get(direction as usize);
                parts.and_then(|parts| parts.get(place)).copied()
            }) == Some(Some(true))
    }

    fn segment(&self, context: ContextId, direction: Direction, step: usize) -> Segment {
        let segment = self.with_flow(context, direction, |flow| flow.segment(step));
        segment.unwrap_or_default()
    }

    fn with_flow<T>(
        &self,
        context: ContextId,
        direction: Direction,
        look: impl FnOnce(&mut Flow) -> T,
    ) -> Option<T> {
        self.board
            .with_stream(Some(context), |stream| look(stream.flow_mut(direction)))
    }

    /// A callback of a message, and whether it has put an end to the message.
    fn deliver_message(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        place: usize,
        event: Event,
    ) -> Step {
        let stops = |chain: &Self| {
            let stream = |stream: &mut StreamBoard| {
                if let Event::Headers(Direction::Request, _) = event
                    && let Some(seen) = stream.has_seen_request.get_mut(place)
                {
                    *seen = true;
                }
                stream.stops
            };
            chain.board.with_stream(Some(context), stream)
        };
        let before = stops(self);
        let action = self.deliver(host, context, place, event);
        let capabilities = self.board.capabilities;
        let goes_on = event.direction() == Some(Direction::Response)
            && !(capabilities.replaces_responses() && capabilities.resets_streams());
        if stops(self) != before && !goes_on {
            return Step::Stopped(action);
        }
        Step::Done(action)
    }

    /// One callback of one part. What is not known is held: nothing passes a part unseen.
    fn deliver(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        place: usize,
        event: Event,
    ) -> Action {
        let streams = self.streams.get_mut(&context);
        let stream = streams.and_then(|streams| streams.get_mut(place));
        let (Some(part), Some(stream)) = (self.parts.get_mut(place), stream) else {
            return Action::Pause;
        };
        let link = Link::new(host, &self.board, &self.names, place).within(context, event);
        let action = part.on_event(stream.as_mut(), &link, event);
        if let Some(direction) = event.direction() {
            // A message that is resumed in its own callback goes by what that returns.
            let own = Resumed {
                context,
                direction,
                place,
            };
            self.board.resumed.borrow_mut().retain(|one| *one != own);
        }
        self.board.focus(host, context);
        action
    }
}

enum Step {
    Done(Action),
    Stopped(Action),
}

/// What a step holds of a message.
#[derive(Clone, Copy)]
enum Held {
    Headers,
    Body,
    /// The trailers, and whether the body with them.
    Trailers(bool),
    Nothing,
}

impl Held {
    fn at(flow: &Flow, step: usize) -> Self {
        let segment = flow.segment(step);
        let has_body = segment.is_held || segment.bytes > 0;
        if flow.headers_held_at == Some(step) {
            Self::Headers
        } else if flow.trailers_held_at == Some(step) {
            Self::Trailers(has_body)
        } else if segment.is_held {
            Self::Body
        } else {
            Self::Nothing
        }
    }
}
