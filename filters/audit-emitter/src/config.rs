//! The configuration: what is recorded, for how long, and where it goes.

use std::time::Duration;

use host::FactSources;
use host::exchange::IdentitySource;
use policy::config::{self, Fields, Node, Problems};
use policy::consent::ConsentSources;
use policy::matching::Match;
use policy::mode::Mode;

use crate::queue::QueueLimits;

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The mode of the whole filter: in report mode a full queue refuses nothing.
    pub mode: Mode,
    /// Where records go.
    pub sink: Sink,
    /// The limits of the queue.
    pub queue: QueueLimits,
    /// What happens when it is full.
    pub on_full: OnFull,
    /// Records in one batch at most.
    pub batch_max_records: usize,
    /// How long a record waits for others.
    pub batch_max_delay: Duration,
    /// The first that matches says what is recorded.
    pub rules: Vec<Rule>,
    /// How subjects become pseudonyms, with the name of the key's environment variable.
    pub subject: Option<SubjectKey>,
    /// Where identity and consent come from.
    pub sources: FactSources,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// To an OpenTelemetry collector, over HTTP.
    OtlpHttp {
        /// The cluster (Envoy) or `host[:port]` (nginx hosts) to call.
        upstream: String,
        /// `:path` of the call.
        path: String,
        /// `:authority` of the call.
        authority: String,
        /// How long to wait for the answer.
        timeout: Duration,
    },
    /// To the proxy's own log, one line for each record.
    HostLog,
}

/// What happens when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// New requests are answered 503 before the upstream sees them.
    Reject,
    /// Records go to the proxy's log instead.
    Log,
    /// Records are lost, and counted.
    Drop,
}

/// What is recorded of which requests.
#[derive(Debug)]
pub struct Rule {
    /// Which requests.
    pub matches: Match,
    /// The mode for them.
    pub mode: Mode,
    /// How much of them.
    pub level: Level,
    /// For how long.
    pub retention: Retention,
}

/// How much of a request is recorded; each level has what the one before it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    None,
    /// Who, what, when, from where, outcome, decisions.
    Metadata,
    /// And the user agent.
    Request,
    /// And sizes and forwarding hops.
    Full,
}

impl Level {
    /// The word in the configuration and in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Metadata => "metadata",
            Self::Request => "request",
            Self::Full => "full",
        }
    }
}

/// How long a record must be kept, and which others are kept with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The name of the class, a label for stores.
    pub class: String,
    /// From the time of the request; `None` leaves it to the store.
    pub keep: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            class: "default".to_owned(),
            keep: None,
        }
    }
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
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        config::read(text, |node| node.object(Self::read))
    }

    /// Reads the top level; public for the test that compares keys and documentation.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.not_yet("chain");
        if let Some(assurance) = fields.optional("assurance") {
            read_assurance(&assurance);
        }
        let sink = fields.required("sink", r#"one of "otlp_http" and "host_log""#);
        let sink = sink.and_then(|n| Sink::read(&n));
        let (queue, on_full) = fields.or("queue", (DEFAULT_QUEUE, OnFull::Log), |n| read_queue(&n));
        let (batch_max_records, batch_max_delay) =
            fields.or("batch", (DEFAULT_BATCH, DEFAULT_DELAY), |n| {
                n.object(|batch| {
                    Some((
                        batch.or("max_records", DEFAULT_BATCH, |n| count(&n, 10_000)),
                        batch.or("max_delay", DEFAULT_DELAY, |n| {
                            n.duration(Duration::from_millis(10)..=Duration::from_secs(60))
                        }),
                    ))
                })
            });
        let config = Self {
            mode: fields.or("mode", Mode::Enforce, |n| Mode::read(&n)),
            sink: Sink::HostLog,
            queue,
            on_full,
            batch_max_records,
            batch_max_delay,
            rules: fields.or("rules", Vec::new(), |n| n.list(|rule| Rule::read(&rule))),
            subject: fields.or("subject", None, |n| read_subject(&n).map(Some)),
            sources: FactSources {
                identity: fields.or("identity_from", IdentitySource::default(), |n| {
                    IdentitySource::read(&n)
                }),
                consent: fields.or("consent", ConsentSources::default(), |n| {
                    ConsentSources::read(&n)
                }),
            },
        };
        Some(Self {
            sink: sink?,
            ..config
        })
    }
}

impl Sink {
    fn read(node: &Node<'_>) -> Option<Self> {
        match node.variant(&["otlp_http", "host_log"])? {
            ("otlp_http", Some(inner)) => inner.object(|fields| {
                let upstream = fields
                    .required("cluster", "the cluster that reaches the collector")
                    .and_then(|n| n.name(256).map(str::to_owned));
                let path = fields.or("path", "/v1/logs".to_owned(), |n| read_path(&n));
                let timeout = fields.or("timeout", Duration::from_secs(5), |n| {
                    n.duration(Duration::from_millis(100)..=Duration::from_secs(60))
                });
                let authority = fields.or("authority", None, |n| {
                    n.name(256).map(str::to_owned).map(Some)
                });
                let upstream = upstream?;
                let authority = authority.unwrap_or_else(|| upstream.clone());
                Some(Self::OtlpHttp {
                    upstream,
                    path,
                    authority,
                    timeout,
                })
            }),
            ("host_log", None) => Some(Self::HostLog),
            ("host_log", Some(inner)) => inner.object(|_| Some(Self::HostLog)),
            _ => {
                node.reject(r#"expected { "otlp_http": { "cluster": "..." } }"#);
                None
            }
        }
    }
}

impl Rule {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            if let Some(assurance) = fields.optional("assurance") {
                read_assurance(&assurance);
            }
            let levels = [Level::None, Level::Metadata, Level::Request, Level::Full];
            let words = levels.map(|level| (level.as_str(), level));
            Some(Self {
                matches: fields.or("match", Match::default(), |n| Match::read(&n)),
                mode: fields.or("mode", Mode::Enforce, |n| Mode::read(&n)),
                level: fields.or("level", Level::Metadata, |n| n.one_of(&words)),
                retention: fields.or("retention", Retention::default(), |n| read_retention(&n)),
            })
        })
    }
}

/// Records are buffered; the other degrees come with acknowledgement before the upstream.
fn read_assurance(node: &Node<'_>) {
    if node.json().as_str() == Some("synchronous") {
        node.reject("not supported yet; use best_effort or buffered");
    } else {
        let _ = node.one_of(&[("best_effort", ()), ("buffered", ())]);
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

fn read_retention(node: &Node<'_>) -> Option<Retention> {
    node.object(|fields| {
        let class = fields
            .required("class", "the name of a retention class")
            .and_then(|n| {
                let name = n.name(64)?;
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
                if !name.bytes().all(plain) {
                    n.reject("expected letters, digits, dots, dashes and underscores");
                    return None;
                }
                Some(name.to_owned())
            });
        let keep = fields.or("keep", None, |n| {
            n.duration(Duration::from_secs(3_600)..=MAX_KEEP).map(Some)
        });
        Some(Retention {
            class: class?,
            keep,
        })
    })
}

fn read_subject(node: &Node<'_>) -> Option<SubjectKey> {
    node.object(|fields| {
        let pseudonymize = fields.required("pseudonymize", "the key for pseudonyms")?;
        pseudonymize.object(|fields| {
            let key_env = fields
                .required("key_env", "the name of an environment variable")
                .and_then(|n| n.name(128).map(str::to_owned));
            let epoch = fields
                .required("epoch", r#"the name of the key's period, such as "2026""#)
                .and_then(|n| n.name(32).map(str::to_owned));
            Some(SubjectKey {
                key_env: key_env?,
                epoch: epoch?,
            })
        })
    })
}

fn read_path(node: &Node<'_>) -> Option<String> {
    let path = node.name(1024)?;
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        node.reject(r#"expected a path such as "/v1/logs""#);
        return None;
    }
    Some(path.to_owned())
}

fn count(node: &Node<'_>, most: u64) -> Option<usize> {
    node.integer(1..=most)
        .and_then(|number| usize::try_from(number).ok())
}

const DEFAULT_QUEUE: QueueLimits = QueueLimits {
    max_bytes: 8 * 1024 * 1024,
    max_records: 20_000,
};
const DEFAULT_BATCH: usize = 500;
const DEFAULT_DELAY: Duration = Duration::from_secs(1);
const MAX_KEEP: Duration = Duration::from_secs(100 * 366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named() {
        let text = r#"{
            "sink": {"otlp_http": {"path": "v1", "timeout": "5 s", "clustre": "x"}},
            "mode": "observe",
            "assurance": "synchronous",
            "queue": {"max_bytes": "1KiB", "max_records": 0, "on_full": "block"},
            "batch": {"max_delay": "5ms"},
            "rules": [
                {"level": "all", "retention": {"keep": "6 years"}},
                {"match": {"path": ["/x"]}, "retention": {"class": "a b"}}
            ],
            "subject": {"pseudonymize": {"epoch": ""}},
            "chain": {}
        }"#;
        let problems = Config::parse(text).unwrap_err().to_string();
        for expected in [
            "sink.otlp_http.cluster: missing",
            r#"sink.otlp_http.path: "v1": expected a path"#,
            r#"sink.otlp_http.timeout: "5 s": unknown unit " s""#,
            r#"sink.otlp_http.clustre: unknown key; did you mean "cluster"?"#,
            r#"mode: "observe""#,
            r#"assurance: "synchronous": not supported yet"#,
            r#"queue.max_bytes: "1KiB": expected from 65536"#,
            "queue.max_records: 0: expected an integer from 1",
            r#"queue.on_full: "block""#,
            r#"batch.max_delay: "5ms": expected from 10ms to 1m"#,
            r#"rules[0].level: "all""#,
            "rules[0].retention.class: missing",
            r#"rules[0].retention.keep: "6 years": unknown unit " years""#,
            r#"rules[1].match.path: unknown key; did you mean "paths"?"#,
            r#"rules[1].retention.class: "a b""#,
            "subject.pseudonymize.key_env: missing",
            r#"subject.pseudonymize.epoch: """#,
            "chain: not supported yet",
        ] {
            assert!(
                problems.contains(expected),
                "{expected} is not in\n{problems}"
            );
        }
    }
}
