//! The configuration: what is recorded, for how long, and where it goes.

mod chain;
mod data_subject;
mod fields;
mod rule;
mod sink;
mod strictest;

pub use chain::{ChainSettings, Witness};
pub use data_subject::DataSubjectSource;
pub use fields::{FieldSettings, IpForm, PathForm, QueryForm};
pub use rule::{Assurance, Keep, Level, Retention, Rule, Share};
pub use sink::{Envelope, HttpSink, Sink};

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use host::FactSources;
use host::route_config::{RoutePart, RouteSettings};
use policy::config::{Configuration, Fields, Node};
use policy::explain::{self, Step};
use policy::facts::Facts;
use policy::filters::AUDIT_EMITTER;
use policy::matching::candidates;
use policy::mode::{Mode, OnError};
use policy::ordered_map::OrderedMap;

use crate::queue::QueueLimits;

/// The checked configuration of the filter.
#[derive(Debug)]
pub struct Config {
    /// The mode of rules that say nothing else: in report mode nothing is refused.
    pub mode: Mode,
    /// Where records are sent or written to.
    pub sink: Sink,
    /// The limits of the queue.
    pub queue: QueueLimits,
    /// What happens when it is full.
    pub on_full: OnFull,
    /// What happens to a request whose record nobody has acknowledged in time.
    pub on_error: OnError,
    /// How records are put together.
    pub batch: BatchLimits,
    /// The first that matches says what is recorded.
    pub rules: Vec<Rule>,
    /// What is recorded where none does.
    pub default_rule: Rule,
    /// How subjects become pseudonyms, with the name of the key's environment variable.
    pub subject: Option<SubjectKey>,
    /// What is recorded of the parts that tell most about people.
    pub fields: FieldSettings,
    /// Bytes of one record at most, in whatever way a store or a log spells it.
    pub max_record_bytes: usize,
    /// How the chain is signed.
    pub chain: ChainSettings,
    /// Where identity and consent come from.
    pub sources: Rc<FactSources>,
    /// Which routes have configurations of their own.
    pub routes: RouteSettings,
}

/// What happens when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// New requests get 503 before the upstream sees them.
    Reject,
    /// Records go to the proxy's log instead.
    Log,
    /// Records are lost, and counted.
    Drop,
}

/// How records are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// The most records in a batch.
    pub max_records: usize,
    /// Bytes of records at most; one record may have more.
    pub max_bytes: usize,
    /// How long a record waits for others.
    pub max_delay: Duration,
}

/// Where the key for pseudonyms comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectKey {
    /// The environment variable of the VM that holds it.
    pub key_env: String,
    /// The name of its period of use.
    pub epoch: String,
}

impl Config {
    /// What may differ by route: what is recorded, not where it goes.
    pub const ROUTE_PART: RoutePart =
        RoutePart::new(&["mode", "rules", "retention", "assurance"], |text| {
            Self::check(text).map(drop)
        });
}

impl Configuration for Config {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mode = Mode::of_filter(fields);
        let sink = fields.required(
            "sink",
            r#"one of "otlp_http", "cloudevents_http", "ndjson_http" and "host_log""#,
        );
        let sink = sink.and_then(|n| Sink::read(&n));
        let (queue, on_full) = fields.or("queue", (DEFAULT_QUEUE, OnFull::Log), |n| read_queue(&n));
        let assurance = fields.or("assurance", Assurance::Buffered, |n| Assurance::read(&n));
        let default_rule = Rule {
            retention: fields.or("retention", Retention::default(), |n| Retention::read(&n)),
            assurance,
            mode,
            ..Rule::default()
        };
        let subject = fields.or("subject", None, |n| SubjectKey::read(&n).map(Some));
        let settings = fields.or("fields", FieldSettings::default(), |n| {
            FieldSettings::read(&n, subject.is_some())
        });
        let config = Self {
            mode,
            sink: Sink::HostLog,
            queue,
            on_full,
            on_error: fields.or("on_error", OnError::Deny, |n| OnError::read(&n)),
            batch: fields.or("batch", DEFAULT_BATCH, |n| read_batch(&n)),
            rules: fields.or("rules", Vec::new(), |n| {
                n.list(|rule| Rule::read(&rule, &default_rule, subject.is_some()))
            }),
            default_rule,
            subject,
            fields: settings,
            max_record_bytes: fields.or("record", DEFAULT_RECORD_BYTES, |n| {
                n.object(|fields| {
                    Some(fields.or("max_bytes", DEFAULT_RECORD_BYTES, |n| {
                        n.size(8_192..=1_048_576)
                            .and_then(|bytes| usize::try_from(bytes).ok())
                    }))
                })
            }),
            chain: fields.or("chain", ChainSettings::default(), |n| {
                ChainSettings::read(&n)
            }),
            sources: Rc::new(FactSources::read(fields)),
            routes: RouteSettings::read(fields, &Self::ROUTE_PART),
        };
        config.refuse_mixed_retention(fields.node());
        config.warn(fields.node());
        Some(Self {
            sink: sink?,
            ..config
        })
    }
}

impl Config {
    /// All rules, the default one last, each with its path.
    fn all_rules(&self, root: &str) -> impl Iterator<Item = (String, &Rule)> {
        let path = joined(root, "rules");
        let rules = self.rules.iter().enumerate();
        let rules = rules.map(move |(index, rule)| (format!("{path}[{index}]"), rule));
        rules.chain([(root.to_owned(), &self.default_rule)])
    }

    /// Refuses a class that is kept for two times. Its records are one chain, which is purged from its
    /// beginning: one record that must stay for years would keep all that come after it.
    fn refuse_mixed_retention(&self, node: &Node<'_>) {
        let mut classes: OrderedMap<String, (Keep, String)> = OrderedMap::new();
        for (path, rule) in self.all_rules(node.path()) {
            let retention = &rule.retention;
            let path = joined(&path, "retention");
            // A rule that says nothing takes what the configuration says for all.
            let Some((keep, first)) = classes.get(&retention.class) else {
                classes.insert(retention.class.clone(), (retention.keep, path));
                continue;
            };
            if *keep != retention.keep {
                let message = format!(
                    "the class {:?} is kept for another time by {}: its records are one chain, which is \
                     purged as a whole. Give each time a class of its own, or both the same \"keep\"",
                    retention.class, first
                );
                node.reject_at(&path, message);
            }
        }
    }

    /// What is accepted and does not do what somebody may expect.
    fn warn(&self, node: &Node<'_>) {
        for (path, rule) in self.all_rules(node.path()) {
            let is_recorded = rule.level > Level::None;
            if !rule.data_subject.is_empty() && !is_recorded {
                node.warn_at(
                    &joined(&path, "data_subject"),
                    "data_subject_unused",
                    "nothing is recorded of these requests, so nobody is named: give the rule another \"level\"",
                );
            }
            let is_best_effort = rule.assurance == Assurance::BestEffort;
            if !rule.data_subject.is_empty()
                && is_recorded
                && (!rule.sample.is_all() || is_best_effort)
            {
                let key = if is_best_effort {
                    "assurance"
                } else {
                    "sample"
                };
                node.warn_at(
                    &joined(&path, key),
                    "disclosures_left_out",
                    "some of these requests leave no record, so an accounting of disclosures about a person is not whole",
                );
            }
            if self.fields.path == PathForm::Template && rule.template.is_none() && is_recorded {
                let message = "fields.path is \"template\" and there is none here: paths are \
                               recorded as \"/{path}\"";
                node.warn_at(&joined(&path, "template"), "template_missing", message);
            }
            if let Some(template) = &rule.template
                && !rule.matches.may_fit_template(template)
            {
                let message = format!("{template:?} fits none of the paths of this rule");
                node.warn_at(&joined(&path, "template"), "template_unfit", message);
            }
            if rule.assurance == Assurance::Synchronous && rule.matches.asks_for_identity() {
                node.warn_at(
                    &joined(&path, "match"),
                    "synchronous_unverified",
                    "nobody has verified the caller when the request would be held, so that this rule \
                     never holds one",
                );
            }
        }
        for (index, rule) in self.rules.iter().enumerate() {
            let mut earlier = self.rules.iter().take(index).enumerate();
            if let Some((first, _)) = earlier.find(|(_, first)| first.matches.covers(&rule.matches))
            {
                let message =
                    format!("rules[{first}] decides about every request that this rule matches");
                let path = joined(node.path(), "rules");
                node.warn_at(&format!("{path}[{index}]"), "rule_unreachable", message);
            }
        }
        let mut unsaid = BTreeSet::new();
        for (path, rule) in self.all_rules(node.path()) {
            let retention = &rule.retention;
            if rule.level > Level::None
                && retention.keep.is_unsaid()
                && unsaid.insert(&retention.class)
            {
                let message = format!(
                    "nothing says how long the class {:?} is kept, so its records never expire: say \"keep\", \
                     such as \"1y\" or {{\"at_least\": \"6y\", \"at_most\": \"7y\"}}",
                    retention.class
                );
                node.warn_at(&joined(&path, "retention"), "retention_missing", message);
            }
        }
    }

    /// For how long records are kept, by all rules.
    pub fn retentions(&self) -> impl Iterator<Item = &Retention> {
        let rules = self.rules.iter().chain([&self.default_rule]);
        rules.map(|rule| &rule.retention)
    }

    /// The rule that a request falls under, by its place among the rules.
    #[must_use]
    pub fn rule(&self, index: Option<usize>) -> &Rule {
        index
            .and_then(|index| self.rules.get(index))
            .unwrap_or(&self.default_rule)
    }

    /// The mode of what is done before a rule is chosen.
    #[must_use]
    pub fn strictest_mode(&self) -> Mode {
        let rules = self.rules.iter().chain([&self.default_rule]);
        Mode::strictest(rules.map(|rule| rule.mode))
    }

    /// What is recorded of a request, by all that is known of it by now: what the first rule says that
    /// matches. Where servers may read the request in more than one way, nobody gets out of a record
    /// by that: of all rules that it may fall under, what records most counts.
    #[must_use]
    pub fn rule_for(&self, facts: &dyn Facts) -> Cow<'_, Rule> {
        explain::note(|| Step::Choosing {
            filter: AUDIT_EMITTER,
            about: "request",
        });
        let (rules, or_default) = candidates(self.rules.iter().map(|rule| &rule.matches), facts);
        match (rules.as_slice(), or_default) {
            ([], _) => return Cow::Borrowed(&self.default_rule),
            ([only], false) => return Cow::Borrowed(self.rule(Some(*only))),
            _ => {}
        }
        let rules = rules.into_iter().map(|index| self.rule(Some(index)));
        let rules = rules.chain(or_default.then_some(&self.default_rule));
        Rule::strictest(&rules.collect::<Vec<_>>())
            .map_or(Cow::Borrowed(&self.default_rule), Cow::Owned)
    }

    /// Whether pii-redactor is to say whom bodies name.
    #[must_use]
    pub fn names_people_in_bodies(&self) -> bool {
        let mut sources = self.rules.iter().flat_map(|rule| &rule.data_subject);
        sources.any(|source| matches!(source, DataSubjectSource::Body { .. }))
    }

    /// Whether some request waits until its record is acknowledged.
    #[must_use]
    pub fn is_synchronous(&self) -> bool {
        self.rules
            .iter()
            .chain([&self.default_rule])
            .any(|rule| rule.assurance == Assurance::Synchronous)
    }
}

impl SubjectKey {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let pseudonymize = fields.required("pseudonymize", "the key for pseudonyms")?;
            pseudonymize.object(|fields| {
                let key_env = fields.name("key_env", "the name of an environment variable", 128);
                let epoch = fields
                    .required("epoch", r#"the name of the key's period, such as "2026""#)
                    .and_then(|n| {
                        let epoch = n.name(32)?;
                        if epoch.contains('=') {
                            n.reject("no \"=\" can be in it: commands take `EPOCH=VARIABLE`");
                        }
                        Some(epoch.to_owned())
                    });
                Some(Self {
                    key_env: key_env?,
                    epoch: epoch?,
                })
            })
        })
    }
}

/// The path of a member of a rule, or of the configuration itself.
fn joined(path: &str, member: &str) -> String {
    if path.is_empty() {
        member.to_owned()
    } else {
        format!("{path}.{member}")
    }
}

fn read_queue(node: &Node<'_>) -> Option<(QueueLimits, OnFull)> {
    node.object(|fields| {
        let max_bytes = fields.or("max_bytes", DEFAULT_QUEUE.max_bytes, |n| {
            n.size(65_536..=268_435_456)
                .and_then(|bytes| usize::try_from(bytes).ok())
        });
        let max_records = fields.or("max_records", DEFAULT_QUEUE.max_records, |n| {
            count(&n, 1_000_000)
        });
        let on_full = fields.or("on_full", OnFull::Log, |n| {
            n.one_of(&[
                ("reject", OnFull::Reject),
                ("log", OnFull::Log),
                ("drop", OnFull::Drop),
            ])
        });
        Some((
            QueueLimits {
                max_bytes,
                max_records,
            },
            on_full,
        ))
    })
}

fn read_batch(node: &Node<'_>) -> Option<BatchLimits> {
    node.object(|fields| {
        Some(BatchLimits {
            max_records: fields.or("max_records", DEFAULT_BATCH.max_records, |n| {
                count(&n, 10_000)
            }),
            max_bytes: fields.or("max_bytes", DEFAULT_BATCH.max_bytes, |n| {
                n.size(4_096..=4_194_304)
                    .and_then(|bytes| usize::try_from(bytes).ok())
            }),
            max_delay: fields.or("max_delay", DEFAULT_BATCH.max_delay, |n| {
                n.duration(Duration::from_millis(10)..=Duration::from_secs(60))
            }),
        })
    })
}

fn count(node: &Node<'_>, most: u64) -> Option<usize> {
    node.integer(1..=most)
        .and_then(|number| usize::try_from(number).ok())
}

/// A record of an ordinary request takes some 2.6 KiB here, of which an eighth must stay free for
/// records about chains: so both limits are reached at about the same time, unless records are long.
const DEFAULT_QUEUE: QueueLimits = QueueLimits {
    max_bytes: 16 * 1024 * 1024,
    max_records: 5_000,
};
/// Container runtimes cut lines at 16 KiB, in which hosts and other logs take some for themselves.
const DEFAULT_RECORD_BYTES: usize = 12 * 1024;
const DEFAULT_BATCH: BatchLimits = BatchLimits {
    max_records: 500,
    max_bytes: 512 * 1024,
    max_delay: Duration::from_secs(1),
};

#[cfg(test)]
mod tests;
