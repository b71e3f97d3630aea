//! What a verification is given, and what comes of it.

use std::rc::Rc;

use host::waiting::Occasion;
use host::{ContextId, Host, Moment, Request};

use policy::mode::Mode;

use crate::config::{Requirement, TlsRequirement};
use crate::decide::connection;
use crate::enforce::challenge::Detail;
use crate::reason::Reason;
use crate::token::claims::Validity;
use crate::verify::verified::Verified;

/// Why a request is not let through.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Keys or a response are on their way; the reason is what it comes to if they do not arrive.
    Wait(Reason),
    /// The request is refused, for this reason.
    Refused(Reason, Detail),
}

impl Failure {
    /// Nothing can be decided for so many seconds.
    pub(crate) fn undecided(reason: Reason, retry_after_s: u64) -> Self {
        Self::Refused(reason, Detail::retry_after(retry_after_s))
    }

    /// The one of two failures that is told. What may still turn into a success is waited for; what
    /// cannot be decided is not the client's fault; else the reason of whoever came nearest to
    /// accepting the credential says most.
    pub(crate) fn nearest(self, other: Self) -> Self {
        let rank = |failure: &Self| match failure {
            Self::Wait(_) => (2, 0),
            Self::Refused(reason, _) if reason.is_undecided() => (1, 0),
            Self::Refused(reason, _) => (0, reason.nearness()),
        };
        if rank(&other) > rank(&self) {
            other
        } else {
            self
        }
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason, Detail::default())
    }
}

/// A request whose callers are to be verified.
#[derive(Clone, Copy)]
pub(crate) struct VerifyContext<'r> {
    pub(crate) host: &'r dyn Host,
    pub(crate) request: &'r Request,
    /// That of the rule that asks.
    pub(crate) mode: Mode,
    /// The context of the request that is verified.
    pub(crate) stream: ContextId,
    pub(crate) now: &'r Moment<'r>,
    /// When the request came, if it has waited: what has failed since is not waited for again.
    pub(crate) waits_since_ns: Option<u64>,
}

impl VerifyContext<'_> {
    /// When the request arrived, in nanoseconds of the monotonic clock.
    pub(crate) fn since_ns(&self) -> u64 {
        self.waits_since_ns
            .unwrap_or_else(|| self.now.monotonic_ns())
    }

    /// When and where a call is started for it.
    pub(crate) fn occasion(&self) -> Occasion {
        Occasion {
            stream: Some(self.stream),
            now_ns: self.now.monotonic_ns(),
        }
    }
}

/// The callers that were verified, the one who counts first.
#[derive(Debug, Default)]
pub(crate) struct Authenticated {
    pub(crate) callers: Vec<Rc<Verified>>,
    /// The credential of each caller.
    pub(crate) credentials: Vec<String>,
    /// A credential was in the query.
    pub(crate) in_query: bool,
}

impl Authenticated {
    /// Where the rule wants a certificate and nobody else vouches for the caller, it is the certificate
    /// that says who the caller is, to all filters.
    pub(crate) fn add_certificate(&mut self, host: &dyn Host, requirement: &Requirement) {
        let tls = requirement.tls.as_ref();
        if !tls.is_some_and(TlsRequirement::wants_certificate) {
            return;
        }
        if let Some(identity) = connection::certificate_identity(host) {
            let caller = Verified::new(Verified::NO_PROVIDER, Validity::ALWAYS, identity);
            self.callers.push(Rc::new(caller));
            self.credentials.push(String::new());
        }
    }
}
