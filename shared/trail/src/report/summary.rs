//! What is left of the counts for people and programs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::baseline::Anomalies;
use super::tally::{DataCounts, SubjectCounts, Tally};
use super::timeline::Point;
use crate::verdict::Verdict;

/// What the trail says about the requests of a period.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it was made, milliseconds since 1970.
    pub made_ms: u64,
    /// What was asked for, in words; empty for everything.
    pub filters: Vec<String>,
    /// The first request, milliseconds since 1970.
    pub first_ms: Option<u64>,
    /// When the last request was recorded, in milliseconds since 1970.
    pub last_ms: Option<u64>,
    /// Counts over all requests.
    pub totals: Totals,
    /// How much time a point has.
    pub point_ms: u64,
    /// Counts of requests in each interval of time.
    pub timeline: Vec<Point>,
    /// Classes of data in responses, the most frequent first.
    pub data_classes: Vec<DataClass>,
    /// How data that was found in requests and responses was handled, seen or not.
    pub findings: Vec<FindingRow>,
    /// Who saw them, those first who saw most.
    pub access: Vec<Access>,
    /// Refusals by rule and reason.
    pub refusals: Vec<Refusal>,
    /// The subjects with the most requests.
    pub subjects: Vec<SubjectRow>,
    /// The routes with the most requests.
    pub routes: Vec<Route>,
    /// Where most requests came from.
    pub sources: Vec<Count>,
    /// The requests by what people consented to.
    pub consent: Consent,
    /// How long records are kept.
    pub retention: Vec<Retained>,
    /// Records that may be of the subject or the person asked for: they have pseudonyms of epochs whose keys are
    /// not known. How many, by epoch.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_epochs: BTreeMap<String, u64>,
    /// Epochs of which chains were written with another key than the one that was given, so that the subject or the
    /// person is not found in them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub other_pseudonym_keys: BTreeSet<String>,
    /// What is unlike the weeks before, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anomalies: Option<Anomalies>,
    /// How many rows each table would have, and how many it has.
    pub tables: Tables,
    /// Whether the records can be trusted, and what is missing.
    pub verification: Verdict,
}

/// How many rows there are of each table, and how many are in the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names of the tables")]
pub struct Tables {
    pub access: Rows,
    pub data_classes: Rows,
    pub findings: Rows,
    pub refusals: Rows,
    pub subjects: Rows,
    pub routes: Rows,
    pub sources: Rows,
    pub purposes: Rows,
    pub retention: Rows,
}

/// The rows of a table, and how many there are beyond them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// How many are in the report.
    pub shown: u64,
    /// How many there are, at least: of too many names, the rare ones are put together.
    pub total: u64,
}

impl Rows {
    /// Whether some are not in the report.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.shown < self.total
    }

    fn of<T>(shown: &[T], total: u64) -> Self {
        let shown = shown.len() as u64;
        Self {
            shown,
            total: total.max(shown),
        }
    }
}

/// Counts over all requests.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Totals {
    /// The number of requests.
    pub requests: u64,
    /// How many of them succeeded.
    pub allowed: u64,
    /// How many of them were refused.
    pub refused: u64,
    /// How many of them failed otherwise.
    pub failed: u64,
    /// Records that a request was received, beside those with its outcome.
    pub received: u64,
    /// How many different subjects there are at least.
    pub subjects: u64,
    /// How many different routes there are at least.
    pub routes: u64,
    /// Requests in records for which no signature of a given key vouches: they are not counted.
    pub not_counted: u64,
    /// Requests of which, by configuration, no record was kept. In the whole trail, whatever is
    /// asked for.
    pub sampled_out: u64,
}

/// How data of a class that was found in messages of one direction was handled.
#[derive(Clone, Debug, Serialize)]
pub struct FindingRow {
    /// The class of the data that was found.
    pub class: String,
    /// The direction: `request` or `response`.
    pub direction: String,
    /// `seen` by the caller, `sent` to the upstream, `masked`, `removed`, or `blocked`.
    pub outcome: String,
    /// The number of requests.
    pub requests: u64,
    /// The number of values.
    pub values: u64,
}

/// A class of data with its values.
#[derive(Clone, Debug, Serialize)]
pub struct DataClass {
    /// The name of the class of data.
    pub class: String,
    /// Requests whose response held such data.
    pub requests: u64,
    /// The number of values that were found.
    pub values: u64,
    /// Different subjects that saw them, at least.
    pub subjects: u64,
}

/// A subject with the classes of data that were disclosed to it.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// The subject, as the records name it.
    pub subject: String,
    /// Requests whose response held classified data.
    pub requests: u64,
    /// The number of values that the subject saw in them.
    pub values: u64,
    /// The number of values by class of data.
    pub data: Vec<Count>,
}

/// Refusals by one rule for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// The filter and its rule.
    pub rule: String,
    /// The reason code of the refusals.
    pub reason: String,
    /// How many requests were refused.
    pub refused: u64,
    /// Requests that would have been, in report mode.
    pub reported: u64,
}

/// A subject with its requests.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "what the names say")]
pub struct SubjectRow {
    pub subject: String,
    pub requests: u64,
    pub refused: u64,
    pub last_ms: u64,
}

/// A route with its requests.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "what the names say")]
pub struct Route {
    pub route: String,
    pub requests: u64,
    pub refused: u64,
    pub failed: u64,
    pub sensitive: u64,
}

/// A name with its count.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "what the names say")]
pub struct Count {
    pub name: String,
    pub count: u64,
}

/// The requests by what people consented to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Consent {
    /// The number of requests with `Sec-GPC: 1`.
    pub opted_out: u64,
    /// The number of requests without `Sec-GPC: 1`.
    pub not_opted_out: u64,
    /// Requests of which it was erased.
    pub erased: u64,
    /// Requests by purpose consented to.
    pub purposes: Vec<Count>,
}

/// How long the records of a class are kept.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "what the names say")]
pub struct Retained {
    pub class: String,
    pub requests: u64,
    pub for_ever: u64,
    pub overdue: u64,
    pub first_ms: Option<u64>,
    pub next_expiry_ms: Option<u64>,
    pub last_expiry_ms: Option<u64>,
}

impl Report {
    /// From the counts, with so many rows in each table at most.
    #[must_use]
    pub fn new(
        tally: Tally<'_>,
        verification: Verdict,
        filters: Vec<String>,
        made_ms: u64,
        rows: usize,
    ) -> Self {
        let [allowed, refused, failed] = tally.fates;
        let totals = Totals {
            requests: tally.requests,
            allowed,
            refused,
            failed,
            received: tally.received,
            subjects: tally.subjects.names(),
            routes: tally.routes.names(),
            not_counted: tally.not_counted(),
            sampled_out: verification.records.sampled_out,
        };
        let by_access = tally.subjects.sorted_by(|row| row.values);
        let access = by_access.iter().filter(|(_, row)| row.sensitive > 0);
        let data_classes = tally.data.sorted().into_iter().take(rows);
        let data_classes = data_classes.map(|(class, row)| DataClass {
            class: class.to_owned(),
            requests: row.requests,
            values: row.values,
            subjects: by_access
                .iter()
                .filter(|(_, s)| s.data.contains_key(class))
                .count() as u64,
        });
        let data_classes: Vec<DataClass> = data_classes.collect();
        let count = |(name, count): (&str, &u64)| Count {
            name: name.to_owned(),
            count: *count,
        };
        let source = |(name, count): (&str, &u64)| Count {
            name: plain(name),
            count: *count,
        };
        let refusals = tally.refusals.sorted().into_iter().take(rows);
        let subjects = tally
            .subjects
            .sorted_by(|row| row.requests)
            .into_iter()
            .take(rows);
        let routes = tally.routes.sorted().into_iter().take(rows);
        let retention = tally.retention.sorted().into_iter().take(rows);
        let consent = Consent {
            opted_out: tally.opted_out,
            not_opted_out: tally.requests - tally.opted_out - tally.consent_erased,
            erased: tally.consent_erased,
            purposes: tally
                .purposes
                .sorted()
                .into_iter()
                .take(rows)
                .map(count)
                .collect(),
        };
        let mut report = Self {
            made_ms,
            filters,
            first_ms: tally.first_ms,
            last_ms: tally.last_ms,
            totals,
            point_ms: 0,
            timeline: Vec::new(),
            data_classes,
            findings: tally
                .findings
                .sorted()
                .into_iter()
                .take(rows)
                .map(finding)
                .collect(),
            access: access
                .take(rows)
                .map(|(name, row)| accesses(name, row))
                .collect(),
            refusals: refusals
                .map(|(key, row)| {
                    let (rule, reason) = key.split_once('\n').unwrap_or((key, ""));
                    Refusal {
                        rule: rule.to_owned(),
                        reason: reason.to_owned(),
                        refused: row.applied,
                        reported: row.reported,
                    }
                })
                .collect(),
            subjects: subjects
                .map(|(name, row)| SubjectRow {
                    subject: plain(name),
                    requests: row.requests,
                    refused: row.refused,
                    last_ms: row.last_ms,
                })
                .collect(),
            routes: routes
                .map(|(name, row)| Route {
                    route: plain(name),
                    requests: row.requests,
                    refused: row.refused,
                    failed: row.failed,
                    sensitive: row.sensitive,
                })
                .collect(),
            sources: tally
                .sources
                .sorted()
                .into_iter()
                .take(rows)
                .map(source)
                .collect(),
            consent,
            retention: retention
                .map(|(name, row)| Retained {
                    class: plain(name),
                    requests: row.requests,
                    for_ever: row.for_ever,
                    overdue: row.overdue,
                    first_ms: row.first_ms,
                    next_expiry_ms: row.next_expiry_ms,
                    last_expiry_ms: row.last_expiry_ms,
                })
                .collect(),
            tables: Tables::default(),
            other_epochs: BTreeMap::new(),
            other_pseudonym_keys: BTreeSet::new(),
            anomalies: None,
            verification,
        };
        let with_access = by_access
            .iter()
            .filter(|(_, row)| row.sensitive > 0)
            .count() as u64;
        report.tables = Tables {
            access: Rows::of(&report.access, with_access),
            data_classes: Rows::of(&report.data_classes, tally.data.names()),
            findings: Rows::of(&report.findings, tally.findings.names()),
            refusals: Rows::of(&report.refusals, tally.refusals.names()),
            subjects: Rows::of(&report.subjects, tally.subjects.names()),
            routes: Rows::of(&report.routes, tally.routes.names()),
            sources: Rows::of(&report.sources, tally.sources.names()),
            purposes: Rows::of(&report.consent.purposes, tally.purposes.names()),
            retention: Rows::of(&report.retention, tally.retention.names()),
        };
        (report.point_ms, report.timeline) = tally.timeline.points(MAX_POINTS);
        report
    }
}

fn finding((key, row): (&str, &DataCounts)) -> FindingRow {
    let mut parts = key.split('\n').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    FindingRow {
        class: part(),
        direction: part(),
        outcome: part(),
        requests: row.requests,
        values: row.values,
    }
}

fn accesses(subject: &str, row: &SubjectCounts) -> Access {
    let mut data: Vec<Count> = row
        .data
        .iter()
        .map(|(class, count)| Count {
            name: class.clone(),
            count: *count,
        })
        .collect();
    data.sort_by_key(|class| std::cmp::Reverse(class.count));
    Access {
        subject: plain(subject),
        requests: row.sensitive,
        values: row.values,
        data,
    }
}

/// A string as it was before JSON, if it is as it stands in a record.
fn plain(text: &str) -> String {
    if text.contains('\\') {
        serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
    } else {
        text.to_owned()
    }
}

/// As many as a picture has place for.
const MAX_POINTS: u64 = 96;
