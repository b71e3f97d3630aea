//! From what was observed of a request to its record: the chains, the salts, and the form that the
//! configuration gives to personal parts.

use std::rc::Rc;

use audit::canonical::Writer;
use host::{ContextId, Host, Moment};

use crate::chains::{Chains, Origin};
use crate::config::{Config, Level, Retention, Rule};
use crate::pseudonym::Pseudonymizer;
use crate::queue::{Kind, QueuedRecord};
use crate::random::Random;
use crate::record::{Envelope, Observation, write};

/// Makes the records of one instance.
pub(crate) struct Recorder {
    /// The chains that tie its records together.
    pub(crate) chains: Chains,
    /// Numbers in which no client has a hand.
    pub(crate) random: Random,
    subject: Option<Pseudonymizer>,
    config: Rc<Config>,
}

impl Recorder {
    pub(crate) const fn new(
        origin: Origin,
        random: Random,
        subject: Option<Pseudonymizer>,
        config: Rc<Config>,
    ) -> Self {
        Self {
            chains: Chains::new(origin),
            random,
            subject,
            config,
        }
    }

    /// Opens the chain of a class, and returns its first records.
    pub(crate) fn open(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        retention: &Retention,
    ) -> Vec<QueuedRecord> {
        let uid = self.random.bytes(host);
        self.chains.open(retention, uid, now.into())
    }

    /// The next record of the open chain of its class, which is not sealed yet: a record that is lost
    /// has no place in the chain. `received` is the request that waits for it.
    pub(crate) fn compose(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        observed: &Observation,
        rule: &Rule,
        level: Level,
        received: Option<ContextId>,
    ) -> Option<(Writer, QueuedRecord)> {
        let salts = self.random.salts(host, observed.data_subjects.is_some());
        let class = &rule.retention.class;
        let chain = self.chains.chain(class)?;
        let envelope = Envelope {
            chain,
            salts,
            level,
            is_received: received.is_some(),
            template: rule.template.as_deref(),
            retention: &rule.retention,
            fields: &self.config.fields,
            subject: self.subject.as_ref(),
        };
        let writer = write(observed, &envelope, self.config.max_record_bytes);
        let record = QueuedRecord {
            chain_uid: chain.uid().to_owned(),
            kind: if observed.was_stopped() {
                Kind::Denied
            } else {
                Kind::Allowed
            },
            status: observed.status,
            trace: observed.trace.clone().map(Box::new),
            queued_ns: now.monotonic_ns(),
            time_ns: observed.time_ms.saturating_mul(NS_PER_MS),
            waiter: received,
            class: class.clone(),
            ..QueuedRecord::default()
        };
        Some((writer, record))
    }
}

const NS_PER_MS: u64 = 1_000_000;
