//! From what was observed of a request to its record: the chains, the salts, and the form that the
//! configuration gives to personal parts.

use audit::canonical::Writer;
use host::{ContextId, Host, Moment};

use crate::chains::{Chains, Origin};
use crate::config::{FieldSettings, Level, Rule};
use crate::pseudonym::Pseudonymizer;
use crate::queue::{Kind, QueuedRecord};
use crate::random::Random;
use crate::record::{Envelope, Observation, write};

/// Makes the records of one instance.
pub(crate) struct Recorder {
    /// The chains that tie its records together.
    pub(crate) chains: Chains,
    random: Random,
    subject: Option<Pseudonymizer>,
    fields: FieldSettings,
    max_record_bytes: usize,
}

impl Recorder {
    pub(crate) const fn new(
        origin: Origin,
        random: Random,
        subject: Option<Pseudonymizer>,
        fields: FieldSettings,
        max_record_bytes: usize,
    ) -> Self {
        Self {
            chains: Chains::new(origin),
            random,
            subject,
            fields,
            max_record_bytes,
        }
    }

    /// What the configuration says about personal parts.
    pub(crate) const fn fields(&self) -> &FieldSettings {
        &self.fields
    }

    /// A number in which no client has a hand.
    pub(crate) fn random_number(&mut self, host: &dyn Host) -> u32 {
        self.random.number(host)
    }

    /// The id of a chain that is to be opened.
    pub(crate) fn chain_uid(&mut self, host: &dyn Host) -> [u8; 16] {
        self.random.bytes(host)
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
            fields: &self.fields,
            subject: self.subject.as_ref(),
        };
        let writer = write(observed, &envelope, self.max_record_bytes);
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
