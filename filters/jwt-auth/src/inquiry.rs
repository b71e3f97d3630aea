//! What the verifier is asked, and what it answers.

use std::cell::OnceCell;
use std::rc::Rc;

use host::{Host, Request};

use crate::answer::Detail;
use crate::calls::CallContexts;
use crate::reason::Reason;
use crate::verified::Verified;

/// Why a request is not let through.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Keys or an answer are on their way; the reason is what it comes to if they do not arrive.
    Wait(Reason),
    /// The request is refused.
    Refused(Reason, Detail),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason, Detail::default())
    }
}

/// The moment of a request: the clocks are asked when somebody wants to know, and once.
pub(crate) struct Now<'h> {
    host: &'h dyn Host,
    monotonic_ns: OnceCell<u64>,
    wall_s: OnceCell<f64>,
}

impl<'h> Now<'h> {
    pub(crate) const fn of(host: &'h dyn Host) -> Self {
        Self {
            host,
            monotonic_ns: OnceCell::new(),
            wall_s: OnceCell::new(),
        }
    }

    /// Of the monotonic clock.
    pub(crate) fn monotonic_ns(&self) -> u64 {
        *self.monotonic_ns.get_or_init(|| self.host.monotonic_ns())
    }

    /// Of the wall clock, since 1970.
    pub(crate) fn wall_s(&self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds, to a fraction of a microsecond"
        )]
        let read = || self.host.wall_clock_ns() as f64 / 1e9;
        *self.wall_s.get_or_init(read)
    }
}

/// A request in which callers are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Inquiry<'r> {
    pub(crate) host: &'r dyn Host,
    pub(crate) request: &'r Request,
    pub(crate) callers: CallContexts,
    pub(crate) now: &'r Now<'r>,
}

/// The callers that were found, the one who counts first.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) callers: Vec<Rc<Verified>>,
    /// A credential was in the query.
    pub(crate) in_query: bool,
}
