//! What is recorded of which requests.

use std::time::Duration;

use policy::config::Node;
use policy::json::Json;
use policy::matching::Match;
use policy::mode::Mode;

use super::DataSubjectSource;

/// What is recorded of which requests.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The requests that the rule applies to.
    pub matches: Match,
    /// Whether the rule acts or only reports.
    pub mode: Mode,
    /// How much records say of the requests.
    pub level: Level,
    /// How many of those that went well.
    pub sample: Share,
    /// What they are called, with the parts of the path that differ left open.
    pub template: Option<String>,
    /// Where the people whom the requests are about are named.
    pub data_subject: Vec<DataSubjectSource>,
    /// The request may fall under other rules as well, which are about others.
    pub may_be_about_others: bool,
    /// How long the records are kept, and in which class.
    pub retention: Retention,
    /// How sure it must be that the record is kept.
    pub assurance: Assurance,
}

/// How much of a request is recorded; each level has what the one before it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// No record is written.
    None,
    /// Who, what, when, from where, outcome, decisions.
    Metadata,
    /// And user agent, query and headers, as `fields` says.
    Request,
    /// And sizes, forwarding hops, upstream and TLS version.
    Full,
}

/// How sure it must be that a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// It gives way to others when the queue fills, and never stops a request.
    BestEffort,
    /// It is queued; what happens when the queue is full, `queue.on_full` says.
    Buffered,
    /// The request goes on when a record that it was received is acknowledged.
    Synchronous,
}

/// A share of requests, as a sample takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    per_million: u32,
}

/// How long a record must be kept, and which others are kept with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The name of the class, a label for stores.
    pub class: String,
    /// How long, from the time of the request.
    pub keep: Keep,
}

/// How long a record is kept, from the time of its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Nobody takes it away before, without saying why; `None` where one time is both.
    pub at_least: Option<Duration>,
    /// It is deleted after; `None` leaves it to the store.
    pub at_most: Option<Duration>,
}

impl Keep {
    /// Whether nobody has said how long.
    #[must_use]
    pub const fn is_unsaid(self) -> bool {
        self.at_least.is_none() && self.at_most.is_none()
    }

    fn read(node: &Node<'_>) -> Option<Self> {
        let time = |n: Node<'_>| n.duration(MIN_KEEP..=MAX_KEEP).map(Some);
        if !matches!(node.json(), Json::Object(_)) {
            let at_most = time(node.clone())?;
            return Some(Self {
                at_least: None,
                at_most,
            });
        }
        node.object(|fields| {
            let at_least = fields.or("at_least", None, time);
            let at_most = fields.or("at_most", None, time);
            match (at_least, at_most) {
                (None, None) if fields.refused(&["at_least", "at_most"]) => return None,
                (None, None) => {
                    node.reject_unseen("expected \"at_least\", \"at_most\", or both");
                    return None;
                }
                (Some(least), Some(most)) if least > most => {
                    node.reject_unseen("\"at_most\" is shorter than \"at_least\": it would be deleted before it may be");
                    return None;
                }
                _ => {}
            }
            Some(Self {
                // Who says only when it is to be deleted has no minimum.
                at_least: at_least.or(Some(Duration::ZERO)),
                at_most,
            })
        })
    }
}

impl Rule {
    pub(super) fn read(node: &Node<'_>, defaults: &Self, has_key: bool) -> Option<Self> {
        node.object(|fields| {
            let levels = [Level::None, Level::Metadata, Level::Request, Level::Full];
            let words = levels.map(|level| (level.as_str(), level));
            let matches = fields.or("match", Match::default(), |n| Match::read(&n));
            Some(Self {
                data_subject: fields.or("data_subject", Vec::new(), |n| {
                    DataSubjectSource::read_all(&n, &matches, has_key)
                }),
                may_be_about_others: false,
                matches,
                mode: Mode::of_rule(fields, defaults.mode),
                level: fields.or("level", Level::Metadata, |n| n.one_of(&words)),
                sample: fields.or("sample", Share::ALL, |n| {
                    n.parsed(Share::parse, r#"a share such as "10%""#)
                }),
                template: fields.or("template", None, |n| read_template(&n).map(Some)),
                retention: fields.or("retention", defaults.retention.clone(), |n| {
                    Retention::read(&n)
                }),
                assurance: fields.or("assurance", defaults.assurance, |n| Assurance::read(&n)),
            })
        })
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            matches: Match::default(),
            mode: Mode::Enforce,
            level: Level::Metadata,
            sample: Share::ALL,
            template: None,
            data_subject: Vec::new(),
            may_be_about_others: false,
            retention: Retention::default(),
            assurance: Assurance::Buffered,
        }
    }
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

impl Assurance {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[
            ("best_effort", Self::BestEffort),
            ("buffered", Self::Buffered),
            ("synchronous", Self::Synchronous),
        ])
    }
}

impl Share {
    /// The share that takes all requests.
    pub const ALL: Self = Self {
        per_million: MILLION,
    };

    /// Whether the share takes all requests.
    #[must_use]
    pub const fn is_all(self) -> bool {
        self.per_million >= MILLION
    }

    /// Whether the request with this random number is taken.
    #[must_use]
    pub fn takes(self, random: u32) -> bool {
        u64::from(random).saturating_mul(u64::from(MILLION)) >> 32 < u64::from(self.per_million)
    }

    /// Reads a percentage: `"10%"`, `"0.5%"`.
    fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = r#"expected a share from "0.0001%" to "100%""#;
        let number = text.strip_suffix('%').ok_or(EXPECTED)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 3 || fraction.len() > 4 {
            return Err(EXPECTED);
        }
        let number: u32 = format!("{whole}{fraction:0<4}")
            .parse()
            .map_err(|_| EXPECTED)?;
        if (1..=MILLION).contains(&number) {
            Ok(Self {
                per_million: number,
            })
        } else {
            Err(EXPECTED)
        }
    }
}

impl Retention {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
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
            let keep = fields.or("keep", Keep::default(), |n| Keep::read(&n));
            Some(Self {
                class: class?,
                keep,
            })
        })
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            class: "default".to_owned(),
            keep: Keep::default(),
        }
    }
}

fn read_template(node: &Node<'_>) -> Option<String> {
    let template = node.name(200)?;
    if !template.starts_with('/') || template.contains('?') {
        node.reject(r#"expected a path without query, such as "/patients/{id}""#);
        return None;
    }
    Some(template.to_owned())
}

const MILLION: u32 = 1_000_000;
const MIN_KEEP: Duration = Duration::from_secs(3_600);
const MAX_KEEP: Duration = Duration::from_secs(100 * 366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        for (text, expected) in [
            ("100%", Some(1_000_000)),
            ("10%", Some(100_000)),
            ("0.5%", Some(5_000)),
            ("12.3456%", Some(123_456)),
            ("0.0001%", Some(1)),
            ("0%", None),
            ("101%", None),
            ("10", None),
            ("-1%", None),
            ("1.%", None),
            ("1.00001%", None),
            ("%", None),
        ] {
            let read = Share::parse(text).ok().map(|share| share.per_million);
            assert_eq!(read, expected, "{text}");
        }
        let half = Share::parse("50%").unwrap();
        assert!(half.takes(0) && half.takes(u32::MAX / 2) && !half.takes(u32::MAX / 2 + 1_000));
        assert!(Share::ALL.takes(u32::MAX) && Share::ALL.is_all() && !half.is_all());
    }
}
