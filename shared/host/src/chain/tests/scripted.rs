//! Filters that do what a script says, and write down what they see.

use std::cell::RefCell;
use std::time::Duration;

use policy::config::{Problem, Problems};

use crate::chain::{Composition, Parts};
use crate::{
    Action, Buffer, CallToken, ContextId, Direction, Filter, HeaderMap, Host, HttpCall,
    LocalResponse, ResponseSizes, Startup, Stream,
};

/// What a filter does in a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Continue,
    /// Pauses, and resumes when its call is answered.
    Call,
    /// Pauses, and answers in place of the upstream when its call is answered.
    CallThenReply,
    /// Pauses until the next tick.
    UntilTick,
    Reply,
    /// A local response without a word about the message.
    ReplyAndContinue,
    Reset,
}

/// How a filter changes a body, as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Nothing,
    /// Writes its mark in front.
    Prepend,
    /// Writes its mark in place of the first byte.
    First,
    /// Appends the filter's mark to the body.
    Append,
    /// Removes the body.
    Clear,
}

#[derive(Clone, Debug)]
pub(super) struct Script {
    /// What to do with headers, by direction.
    pub(super) headers: [Act; 2],
    /// What it does at a body piece that has its digit in it.
    pub(super) body: [Act; 2],
    pub(super) trailers: [Act; 2],
    pub(super) edit: [Edit; 2],
    pub(super) sets_header: bool,
    pub(super) removes_header: bool,
    pub(super) tells_others: bool,
}

thread_local! {
    pub(super) static SCRIPTS: RefCell<Vec<Script>> = const { RefCell::new(Vec::new()) };
    pub(super) static SEEN: RefCell<Vec<Vec<String>>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn note(place: usize, line: String) {
    SEEN.with_borrow_mut(|seen| {
        if seen.len() <= place {
            seen.resize(place + 1, Vec::new());
        }
        seen[place].push(line);
    });
}

pub(super) struct Scripted {
    place: usize,
    script: Script,
    calls: Vec<(CallToken, ContextId, Direction, bool)>,
    ticks: Vec<(ContextId, Direction)>,
}

pub(super) struct ScriptedStream(ContextId);

impl Filter for Scripted {
    const NAME: &'static str = "scripted";
    type Stream = ScriptedStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let place: usize = startup
            .configuration
            .parse()
            .map_err(|_| Problem::new("", "no number"))?;
        let script = SCRIPTS.with_borrow(|scripts| scripts[place].clone());
        let period = Duration::from_secs(1);
        startup.host.set_tick_period(period).unwrap();
        Ok(Self {
            place,
            script,
            calls: Vec::new(),
            ticks: Vec::new(),
        })
    }

    fn stream(&mut self, context: ContextId) -> ScriptedStream {
        ScriptedStream(context)
    }

    fn on_tick(&mut self, host: &dyn Host) {
        for (context, direction) in std::mem::take(&mut self.ticks) {
            if host.set_effective_context(context).is_ok() {
                host.resume(direction).unwrap();
            }
        }
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, _: ResponseSizes) {
        let place = self.calls.iter().position(|call| call.0 == token);
        let (_, context, direction, replies) = self.calls.swap_remove(place.unwrap());
        note(self.place, format!("answer {direction:?}"));
        if host.set_effective_context(context).is_err() {
            return;
        }
        if replies {
            self.reply(host);
        } else {
            host.resume(direction).unwrap();
        }
    }
}

impl Scripted {
    fn reply(&self, host: &dyn Host) {
        // While a part holds the headers of a response, the chain keeps the body from all parts.
        let has_body = SCRIPTS.with_borrow(|scripts| {
            let mut all = scripts.iter();
            all.all(|script| script.headers[1] == Act::Continue)
        });
        let body = match has_body {
            true => format!("from {}", self.place),
            false => String::new(),
        };
        let response = LocalResponse {
            status: 400 + u16::try_from(self.place).unwrap(),
            headers: &[("x-reply", "1")],
            body: body.as_bytes(),
            grpc_status: None,
            details: "",
        };
        let _ = host.send_local_response(&response);
    }

    fn act(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        act: Act,
    ) -> Action {
        match act {
            Act::Continue => return Action::Continue,
            Act::Call | Act::CallThenReply => {
                let upstream = format!("part-{}", self.place);
                let token = host.http_call(&HttpCall {
                    upstream: &upstream,
                    headers: &[(":method", "GET"), (":path", "/"), (":authority", "a")],
                    body: b"",
                    timeout: Duration::from_secs(1),
                });
                let replies = act == Act::CallThenReply;
                self.calls
                    .push((token.unwrap(), context, direction, replies));
            }
            Act::UntilTick => self.ticks.push((context, direction)),
            Act::Reply => self.reply(host),
            Act::ReplyAndContinue => {
                self.reply(host);
                return Action::Continue;
            }
            Act::Reset => host.reset_stream(direction).unwrap(),
        }
        Action::Pause
    }

    /// Every filter reads what those before it have told, and adds to it.
    fn tell(&self, host: &dyn Host) {
        if self.script.tells_others {
            let told = host.property(&["meshward.told"]).unwrap_or_default();
            note(self.place, format!("told {}", text(&told)));
            let told = format!("{}{}", text(&told), self.place);
            host.set_property(&["meshward.told"], told.as_bytes())
                .unwrap();
        }
    }

    fn on_headers(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        end: bool,
    ) -> Action {
        let map = match direction {
            Direction::Request => HeaderMap::RequestHeaders,
            Direction::Response => HeaderMap::ResponseHeaders,
        };
        let headers = host.headers(map).unwrap();
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{}={}", text(name), text(value)))
            .collect();
        lines.sort();
        let single = host.header(map, "x-shared").unwrap().unwrap_or_default();
        note(
            self.place,
            format!("{direction:?} headers {end} {lines:?} {}", text(&single)),
        );
        if self.script.sets_header {
            let value = format!("{}{}", text(&single), self.place);
            host.set_header(map, "x-shared", value.as_bytes()).unwrap();
            host.add_header(map, "x-each", self.place.to_string().as_bytes())
                .unwrap();
        }
        if self.script.removes_header {
            host.remove_header(map, "x-each").unwrap();
        }
        self.tell(host);
        self.act(
            host,
            context,
            direction,
            self.script.headers[direction as usize],
        )
    }

    fn on_body(
        &mut self,
        host: &dyn Host,
        context: ContextId,
        direction: Direction,
        (size, end): (usize, bool),
    ) -> Action {
        if size == 0 && !end {
            // Envoy hands on an empty piece, the proxies of the reference do not.
            return Action::Continue;
        }
        let kind = buffer(direction);
        let body = host.buffer(kind, 0, size).unwrap();
        let tail = host.buffer(kind, size / 2, usize::MAX).unwrap();
        note(
            self.place,
            format!(
                "{direction:?} body {size} {end} {} {}",
                text(&body),
                text(&tail)
            ),
        );
        let mark = b'a' + u8::try_from(self.place).unwrap();
        match self.script.edit[direction as usize] {
            Edit::Nothing => {}
            Edit::Prepend => host.replace_buffer(kind, 0, &[mark]).unwrap(),
            Edit::First => host.replace_buffer(kind, 1, &[mark]).unwrap(),
            Edit::Append => {
                let mut all = body.clone();
                all.push(mark);
                host.replace_buffer(kind, usize::MAX, &all).unwrap();
            }
            Edit::Clear => host.replace_buffer(kind, usize::MAX, b"").unwrap(),
        }
        let digit = b'0' + u8::try_from(self.place).unwrap();
        if body.contains(&digit) {
            return self.act(
                host,
                context,
                direction,
                self.script.body[direction as usize],
            );
        }
        Action::Continue
    }

    fn on_trailers(&mut self, host: &dyn Host, context: ContextId, direction: Direction) -> Action {
        let held = host.buffer(buffer(direction), 0, usize::MAX).unwrap();
        note(
            self.place,
            format!("{direction:?} trailers {}", text(&held)),
        );
        self.act(
            host,
            context,
            direction,
            self.script.trailers[direction as usize],
        )
    }
}

impl Stream<Scripted> for ScriptedStream {
    fn on_request_headers(&mut self, filter: &mut Scripted, host: &dyn Host, end: bool) -> Action {
        filter.on_headers(host, self.0, Direction::Request, end)
    }

    fn on_request_body(
        &mut self,
        filter: &mut Scripted,
        host: &dyn Host,
        size: usize,
        end: bool,
    ) -> Action {
        filter.on_body(host, self.0, Direction::Request, (size, end))
    }

    fn on_request_trailers(&mut self, filter: &mut Scripted, host: &dyn Host) -> Action {
        filter.on_trailers(host, self.0, Direction::Request)
    }

    fn on_response_headers(&mut self, filter: &mut Scripted, host: &dyn Host, end: bool) -> Action {
        filter.on_headers(host, self.0, Direction::Response, end)
    }

    fn on_response_body(
        &mut self,
        filter: &mut Scripted,
        host: &dyn Host,
        size: usize,
        end: bool,
    ) -> Action {
        filter.on_body(host, self.0, Direction::Response, (size, end))
    }

    fn on_response_trailers(&mut self, filter: &mut Scripted, host: &dyn Host) -> Action {
        filter.on_trailers(host, self.0, Direction::Response)
    }

    fn on_log(&mut self, filter: &mut Scripted, host: &dyn Host) {
        let told = host.property(&["meshward.told"]).unwrap_or_default();
        note(filter.place, format!("log {}", text(&told)));
    }

    fn on_done(&mut self, filter: &mut Scripted, _: &dyn Host) {
        filter.ticks.retain(|(context, _)| *context != self.0);
        note(filter.place, "done".to_owned());
    }
}

const fn buffer(direction: Direction) -> Buffer {
    match direction {
        Direction::Request => Buffer::RequestBody,
        Direction::Response => Buffer::ResponseBody,
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// As many scripted filters as the configuration says.
pub(super) struct ScriptedChain;

impl Composition for ScriptedChain {
    const NAME: &'static str = "scripted-chain";

    fn compose(parts: &mut Parts<'_>, configuration: &str) -> Result<(), Problems> {
        let count: usize = configuration.parse().unwrap();
        for place in 0..count {
            parts.add::<Scripted>(&place.to_string())?;
        }
        Ok(())
    }
}
