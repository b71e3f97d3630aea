//! How many failed attempts to authenticate are tolerated.

use policy::config::{Fields, Node};
use policy::gcra::Gcra;

/// Limits on failed attempts, and how many clients they tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureLimits {
    /// Each counts for itself; one that is used up refuses.
    pub limits: Vec<FailureLimit>,
    /// Clients that all limits together remember, in this proxy.
    pub cells: u64,
}

/// A limit on failed attempts to authenticate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailureLimit {
    /// The parts of the key by which attempts are counted.
    pub key: Vec<FailureKey>,
    /// How many may fail at once, and how fast they are forgotten.
    pub bucket: Gcra,
}

/// A part of the key by which failed attempts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKey {
    /// The client's address, cut to the configured prefix.
    Ip,
    /// The key that a token says it was signed with: `kid`.
    KeyId,
    /// Whom a token says it is about: `sub`, which nobody has verified.
    Subject,
}

impl FailureLimits {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let limits = fields
                .required(
                    "limits",
                    r#"an array such as [{ "key": ["ip"], "rate": "10/min" }]"#,
                )
                .and_then(|n| {
                    n.at_most(MAX_LIMITS)
                        .non_empty_list(|n| n.object(FailureLimit::read))
                });
            Some(Self {
                cells: fields.or("cells", DEFAULT_CELLS, |n| n.integer(16..=16_777_216)),
                limits: limits?,
            })
        })
    }
}

impl FailureLimit {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let words = [
            ("ip", FailureKey::Ip),
            ("key_id", FailureKey::KeyId),
            ("subject", FailureKey::Subject),
        ];
        let key = fields
            .required("key", r#"an array such as ["ip"]"#)
            .and_then(|n| {
                n.at_most(words.len())
                    .non_empty_list(|part| part.one_of(&words))
            });
        let rate = fields
            .required("rate", r#"a rate such as "10/min""#)
            .and_then(|n| n.rate());
        let burst = fields.or("burst", None, |n| n.integer(1..=1_000_000).map(Some));
        let rate = rate?;
        let bucket = Gcra::in_nanoseconds(rate, burst.unwrap_or(rate.count));
        if bucket.is_none() {
            fields
                .node()
                .reject("rate and burst are out of range: a burst must fill within a century");
        }
        Some(Self {
            key: key?,
            bucket: bucket?,
        })
    }

    /// Whether attempts from one address never count against another.
    pub(crate) fn is_by_address(&self) -> bool {
        self.key.contains(&FailureKey::Ip)
    }
}

const MAX_LIMITS: usize = 8;
const DEFAULT_CELLS: u64 = 65_536;
