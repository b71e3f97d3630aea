//! The state of one worker, and what a test may read and set of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::HeaderPairs;
use super::callouts::{CallResponse, PendingCall};
use super::faults::Faults;
use super::stream::Stream;
use super::{Failure, Metric, Process, Profile};
use crate::{CallToken, ContextId, LogLevel, SharedValue, Status};

/// One worker of a fake proxy: the host of one VM. Clones are handles on the same worker.
#[derive(Clone)]
pub struct FakeHost {
    pub(super) process: Process,
    pub(super) state: Rc<RefCell<State>>,
}

/// A line that the plugin wrote to the log of the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The line's severity.
    pub level: LogLevel,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl FakeHost {
    /// The only worker of a fresh process.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self::in_process(&Process::new(profile))
    }

    /// One more worker of `process`: another VM, with shared data, metrics and clocks in common.
    #[must_use]
    pub fn in_process(process: &Process) -> Self {
        let state = State {
            random: process.seed_of_the_next_worker(),
            ..State::default()
        };
        Self {
            process: process.clone(),
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// The process that it works in.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// The host that is played.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.process.profile()
    }

    /// Sets an environment variable of the VM.
    pub fn set_environment_variable(&self, name: &str, value: &str) {
        let mut state = self.state.borrow_mut();
        state.environment.insert(name.to_owned(), value.to_owned());
    }

    /// The environment of the VM.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.state.borrow().environment.clone()
    }

    /// Starts the random source anew; the same seed gives the same bytes.
    pub fn set_random_seed(&self, seed: u64) {
        self.state.borrow_mut().random = seed;
    }

    /// Restricts the upstreams that calls can name; all can be named until then.
    pub fn set_upstreams(&self, names: &[&str]) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.state.borrow_mut().upstreams = Some(names);
    }

    /// Offers a foreign function, as Envoy does.
    pub fn set_foreign_function(
        &self,
        name: &str,
        function: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + 'static,
    ) {
        let mut state = self.state.borrow_mut();
        state
            .foreign_functions
            .insert(name.to_owned(), Rc::new(function));
    }

    /// Sets an attribute of the proxy itself, such as `["xds", "node", "id"]`; those of a request
    /// are set on it.
    pub fn set_attribute(&self, path: &[&str], value: impl Into<Vec<u8>>) {
        let mut state = self.state.borrow_mut();
        state.attributes.insert(path.join("\0"), value.into());
    }

    /// Sets an attribute of a request that is under way, as its proxy does when it chooses another route.
    pub fn set_stream_attribute(
        &self,
        stream: ContextId,
        path: &[&str],
        value: impl Into<Vec<u8>>,
    ) {
        if let Some(stream) = self.state.borrow_mut().streams.get_mut(&stream) {
            stream.attributes.insert(path.join("\0"), value.into());
        }
    }

    /// Makes every further call of this name fail with `status`.
    pub fn fail(&self, call: &str, status: Status) {
        self.state.borrow_mut().faults.plan(call, status, None);
    }

    /// Makes the next calls of this name fail with `status`.
    pub fn fail_times(&self, call: &str, status: Status, times: u32) {
        let mut state = self.state.borrow_mut();
        state.faults.plan(call, status, Some(times));
    }

    /// Lets all calls work again.
    pub fn stop_failing(&self) {
        self.state.borrow_mut().faults.clear();
    }

    /// How often a host call was made, by its name in the ABI.
    #[must_use]
    pub fn times_called(&self, call: &str) -> u64 {
        let state = self.state.borrow();
        state.times_called.get(call).copied().unwrap_or(0)
    }

    /// Counts a call of the host that is none of the ABI's own, such as WASI's clock.
    pub fn note_call(&self, call: &'static str) {
        let mut state = self.state.borrow_mut();
        let times = state.times_called.entry(call).or_default();
        *times = times.saturating_add(1);
    }

    /// How often the host was called, whatever for.
    #[must_use]
    pub fn calls_made(&self) -> u64 {
        self.state.borrow().times_called.values().sum()
    }

    /// How often each host call was made.
    #[must_use]
    pub fn calls_by_name(&self) -> BTreeMap<&'static str, u64> {
        self.state.borrow().times_called.clone()
    }

    /// Counts that the host has entered the VM: for a callback, or for memory.
    pub fn note_entry(&self) {
        let mut state = self.state.borrow_mut();
        state.entries = state.entries.saturating_add(1);
    }

    /// How often the host has entered the VM.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.state.borrow().entries
    }

    /// Sets how many instructions the VM has run by now.
    pub fn note_instructions(&self, count: u64) {
        self.state.borrow_mut().instructions = count;
    }

    /// How many instructions the VM has run; 0 unless the module counts them.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.state.borrow().instructions
    }

    /// All log lines so far.
    #[must_use]
    pub fn logs(&self) -> Vec<LogLine> {
        self.state.borrow().logs.clone()
    }

    /// The log lines since the last call of this.
    #[must_use]
    pub fn take_logs(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.state.borrow_mut().logs)
    }

    /// What the host itself has written to its log at level error, because of what the plugin asked
    /// of it.
    #[must_use]
    pub fn errors_logged_by_the_host(&self) -> Vec<String> {
        self.state.borrow().host_errors.clone()
    }

    pub(super) fn log_error_of_the_host(&self, line: String) {
        self.state.borrow_mut().host_errors.push(line);
    }

    /// The metrics of the process by full name.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        self.process.metrics()
    }

    /// The sum of a counter or the level of a gauge; 0 when nobody has defined it.
    #[must_use]
    pub fn metric(&self, name: &str) -> i64 {
        let metrics = self.process.metrics();
        metrics.get(name).map_or(0, |metric| metric.value)
    }

    /// The shared data of the process.
    #[must_use]
    pub fn all_shared_data(&self) -> BTreeMap<String, SharedValue> {
        self.process.shared_data()
    }

    /// The calls under way, oldest first.
    #[must_use]
    pub fn pending_calls(&self) -> Vec<PendingCall> {
        self.state.borrow().calls.values().cloned().collect()
    }

    /// The period of the tick; `None` when there is none.
    #[must_use]
    pub fn tick_period(&self) -> Option<Duration> {
        self.state.borrow().tick_period
    }

    /// Why the plugin trapped, if it has: it is not called any more then.
    #[must_use]
    pub fn trap(&self) -> Option<String> {
        self.state.borrow().trap.clone()
    }

    /// Notes that the plugin has trapped. The first reason stays.
    pub fn record_trap(&self, reason: &str) {
        let mut state = self.state.borrow_mut();
        state.trap.get_or_insert_with(|| reason.to_owned());
    }

    /// Counts the call, and fails it if it is to fail or is missing on this host.
    pub(super) fn enter(&self, call: &'static str) -> Result<(), Failure> {
        let mut state = self.state.borrow_mut();
        let times = state.times_called.entry(call).or_default();
        *times = times.saturating_add(1);
        if let Some(status) = state.faults.next(call) {
            return Err(Failure::Status(status));
        }
        self.profile().missing(call).map_or(Ok(()), Err)
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) streams: BTreeMap<ContextId, Stream>,
    pub(super) roots: Vec<ContextId>,
    /// The context whose callback is running, or that the plugin chose.
    pub(super) effective: ContextId,
    pub(super) phase: Phase,
    pub(super) plugin_configuration: Vec<u8>,
    pub(super) logs: Vec<LogLine>,
    pub(super) host_errors: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) attributes: BTreeMap<String, Vec<u8>>,
    pub(super) upstreams: Option<Vec<String>>,
    pub(super) foreign_functions: BTreeMap<String, ForeignFunction>,
    pub(super) calls: BTreeMap<CallToken, PendingCall>,
    pub(super) calls_started: CallToken,
    pub(super) call_response: CallResponse,
    pub(super) tick_period: Option<Duration>,
    pub(super) tick_begins_anew: bool,
    pub(super) done_called: bool,
    pub(super) trap: Option<String>,
    pub(super) faults: Faults,
    pub(super) times_called: BTreeMap<&'static str, u64>,
    pub(super) entries: u64,
    pub(super) instructions: u64,
    pub(super) random: u64,
}

pub(super) type ForeignFunction = Rc<dyn Fn(&[u8]) -> Result<Vec<u8>, Status>>;

/// Which kind of callback is running, as far as hosts look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    None,
    Configure,
    Tick,
    RequestHeaders,
    RequestBody,
    RequestTrailers,
    ResponseHeaders,
    ResponseBody,
    ResponseTrailers,
    CallResponse,
    Log,
    Done,
}

impl State {
    pub(super) fn stream(&self) -> Option<&Stream> {
        self.streams.get(&self.effective)
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut Stream> {
        self.streams.get_mut(&self.effective)
    }

    /// The next number of a small generator (SplitMix64): good enough to look random to a filter.
    pub(super) const fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.random;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
}

/// A header map as its owner sees it.
pub(super) fn text_pairs(pairs: &[(&str, &str)]) -> HeaderPairs {
    pairs
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}
