//! What follows from everything that was seen.

mod beside;
mod chain;
mod emitters;
mod holes;
mod orders;
mod relations;

use std::collections::{BTreeMap, HashMap};

use audit::{Hash, Lost, Range};
use serde::Serialize;

use crate::chains::{Counts, Trail};
use crate::issue::{Issue, Kind, Severity};
use crate::item::{ChainUid, uid};

use beside::SaidEnd;
pub use emitters::ExpectedEmitters;

/// What a verdict depends on beside the records.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The time, milliseconds since 1970: an emitter that lives has said so shortly before.
    pub at_ms: u64,
    /// The clock, milliseconds since 1970, where orders from after it are a failure. It is not `at_ms`: a
    /// trail is also judged as of a time that is long past.
    pub clock_ms: Option<u64>,
    /// The files are a part: what is before and after them is not asked for.
    pub is_excerpt: bool,
    /// A signature that can be checked must vouch for everything.
    pub require_signed: bool,
    /// The emitters that are to be there. A trail cannot name those that shared nothing with one that
    /// is there, so only who runs the proxies knows.
    pub emitters: Option<ExpectedEmitters>,
    /// The ids of the keys of emitters that were given.
    pub emitter_keys: Vec<String>,
    /// The fingerprints that witnesses have seen, by chain and number.
    pub witness: BTreeMap<(ChainUid, u64), Hash>,
}

/// What verification concludes about a trail.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The verdict in a word: `clean`, `failed` or `incomplete`.
    pub result: &'static str,
    /// The verdict in a sentence.
    pub sentence: String,
    /// The exit status of the command.
    pub exit_code: u8,
    /// How many records there are of each sort.
    pub records: Records,
    /// How many issues of each kind.
    pub issue_counts: BTreeMap<Kind, u64>,
    /// What emitters say is not where the rest is.
    pub declared_gaps: Vec<DeclaredGap>,
    /// The first issues of each kind.
    pub issues: Vec<Issue>,
    /// How many emitters there are; with keys, those for which one of them vouches.
    pub emitter_count: u64,
    /// The ids of the first thousand.
    pub emitters: Vec<String>,
    /// The ids of the keys with which they signed.
    pub emitter_keys: Vec<String>,
    /// How many chains there are.
    pub chain_count: u64,
    /// What is concluded about each chain, for the first thousand.
    pub chains: Vec<ChainVerdict>,
}

/// How many records there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// What was counted while reading.
    #[serde(flatten)]
    pub seen: Counts,
    /// Not records, or changed, or with a signature that is none.
    pub invalid: u64,
    /// Missing, and nothing says why.
    pub missing: u64,
    /// Missing, and the emitter says why.
    pub declared: u64,
    /// Missing, and named by signed records shortly before their emitter was killed: perhaps they
    /// were never delivered.
    pub undelivered: u64,
    /// How many records were deleted after their time.
    pub expired: u64,
    /// Records that claim the place of another.
    pub forks: u64,
    /// Valid, and no signature vouches for them.
    pub uncovered: u64,
    /// In chains for which none of the keys given vouches: not counted as valid.
    pub unvouched: u64,
    /// Requests of which emitters kept no record on purpose, by sampling.
    pub sampled_out: u64,
}

/// What emitters say is not where the rest is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclaredGap {
    /// The reason that the emitter gives.
    pub reason: String,
    /// Where it is kept instead.
    pub kept: Option<String>,
    /// How many requests the gap is of.
    pub requests: u64,
    /// How many of their records had a number and are not in the files.
    pub absent: u64,
    /// When the first was, milliseconds since 1970.
    pub from_ms: u64,
    /// When the last one was.
    pub to_ms: u64,
}

/// What is concluded about one chain.
#[derive(Clone, Debug, Serialize)]
pub struct ChainVerdict {
    /// The id of the chain.
    pub chain_uid: String,
    /// The retention class of the chain.
    pub class: Option<String>,
    /// The id of the proxy, where it tells.
    pub node: Option<String>,
    /// The number of its first record that is here.
    pub first: u64,
    /// The number of its last record that is here.
    pub last: u64,
    /// The last that a known key vouches for.
    pub covered: Option<u64>,
    /// How it ends: `closed`, `succeeded`, `alive`, `open`, `ledger`.
    pub end: &'static str,
    /// When its first record was, milliseconds since 1970.
    pub from_ms: u64,
    /// When its last record was made, in milliseconds since 1970.
    pub to_ms: u64,
}

impl Verdict {
    /// What the trail itself says of requests that have no record in it.
    #[must_use]
    pub fn lacking(&self) -> Option<String> {
        let sampled_out = self.records.sampled_out;
        let mut reasons = Vec::new();
        if sampled_out > 0 {
            reasons.push(format!("{sampled_out} requests were left out by sampling"));
        }
        for (kind, what) in [
            (Kind::DeclaredGap, "emitters say that requests were lost"),
            (Kind::Missing, "records are missing"),
            (Kind::Undelivered, "records were perhaps never delivered"),
            (Kind::Silence, "emitters were silent"),
        ] {
            if self.issue_counts.contains_key(&kind) {
                reasons.push(what.to_owned());
            }
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// Concludes what the trail is worth as evidence.
#[must_use]
pub fn conclude(mut trail: Trail, question: &Question) -> Verdict {
    let mut conclusion = Conclusion::default();
    let succeeded = conclusion.check_successions(&mut trail, question);
    conclusion.check_witness(&mut trail, question);
    for chain in trail.chains.values() {
        if let (Some(class), Some(keep_ms)) = (&chain.class, chain.keep_ms()) {
            let known = conclusion.keeps.entry(class.clone()).or_insert(keep_ms);
            *known = keep_ms.min(*known);
        }
    }
    conclusion.check_orders(&mut trail);
    orders::check_times(&mut trail, question);
    let chains = std::mem::take(&mut trail.chains);
    conclusion.adopt_gaps(&trail, &chains);
    conclusion.check_emitters(&mut trail, question);
    conclusion.check_beside(&mut trail, question, &chains, &succeeded);
    let mut uids: Vec<&ChainUid> = chains.keys().collect();
    uids.sort_unstable_by_key(|uid| (chains.get(*uid).and_then(|chain| chain.first_ms), **uid));
    for uid in &uids {
        if let Some(chain) = chains.get(*uid) {
            conclusion.check_chain(
                &mut trail,
                question,
                **uid,
                chain,
                succeeded.contains_key(*uid),
            );
        }
    }
    conclusion.check_signed(&mut trail, question);
    if trail.counts.reserialised > 0 {
        let count = trail.counts.reserialised;
        trail.issues.add_many(
            Kind::Reserialised,
            count,
            || "-".to_owned(),
            || "spelled anew by another program; they mean what was signed".to_owned(),
        );
    }
    if trail.counts.valid == 0 {
        trail.issues.add(
            Kind::Empty,
            || "-".to_owned(),
            || "there is no valid record, so there is nothing to verify".to_owned(),
        );
    }
    conclusion.verdict(trail)
}

#[derive(Default)]
struct Conclusion {
    records: Records,
    gaps: BTreeMap<(String, Option<String>), DeclaredGap>,
    chains: Vec<ChainVerdict>,
    chain_count: u64,
    /// The ids of the emitters that are there.
    emitters: Vec<String>,
    /// The ids of the keys with which they signed.
    emitter_keys: Vec<String>,
    /// What emitters say about records of chains that they have taken over from others.
    adopted: HashMap<ChainUid, Vec<(u64, Lost)>>,
    /// Beyond the last record of a chain that is there, one that must have been.
    known_ends: HashMap<ChainUid, u64>,
    /// How long records of a retention class are kept at least.
    keeps: HashMap<String, u64>,
    /// How far chains go by what signed records of others say.
    said_ends: HashMap<ChainUid, SaidEnd>,
}

impl Conclusion {
    fn verdict(mut self, trail: Trail) -> Verdict {
        let issues = &trail.issues;
        self.records.seen = trail.counts;
        self.records.invalid = [
            Kind::NotARecord,
            Kind::Changed,
            Kind::WrongSignature,
            Kind::KeyOutOfTime,
            Kind::WrongRole,
            Kind::ForeignKey,
        ]
        .into_iter()
        .map(|kind| issues.count(kind))
        .sum();
        self.records.forks = issues.count(Kind::Fork);
        let (result, exit_code) = match issues.worst() {
            None | Some(Severity::Note) => ("clean", 0),
            Some(Severity::Failure) => ("failed", 1),
            Some(Severity::Incomplete) => ("incomplete", 2),
        };
        Verdict {
            result,
            exit_code,
            sentence: self.sentence(&trail, exit_code),
            records: self.records,
            issue_counts: issues.counts().clone(),
            declared_gaps: self.gaps.into_values().collect(),
            issues: issues.examples(),
            emitter_count: self.emitters.len() as u64,
            emitters: self.emitters.into_iter().take(chain::MAX_CHAINS).collect(),
            emitter_keys: self
                .emitter_keys
                .into_iter()
                .take(chain::MAX_CHAINS)
                .collect(),
            chain_count: self.chain_count,
            chains: self.chains,
        }
    }
}

impl Conclusion {
    /// With `--require-signed`, what nobody vouches for is a failure, wherever it is.
    fn check_signed(&self, trail: &mut Trail, question: &Question) {
        let unsigned = self
            .records
            .uncovered
            .saturating_add(self.records.unvouched);
        let nothing = trail.counts.valid == 0;
        let has_keys = trail.has_keys();
        if question.require_signed && (unsigned > 0 || nothing) {
            trail.issues.add_many(
                Kind::NotSigned,
                unsigned.max(1),
                || "-".to_owned(),
                || match (why_unchecked(has_keys), unsigned) {
                    (Some(why), _) => why.to_owned(),
                    (None, 0) => "there is no record for which a given key vouches".to_owned(),
                    (None, count) => format!("no given key vouches for {count} records"),
                },
            );
        }
    }

    fn sentence(&self, trail: &Trail, exit_code: u8) -> String {
        let failures = trail.issues.counts().keys();
        let failures: Vec<Kind> = failures
            .copied()
            .filter(|kind| kind.severity() == Severity::Failure)
            .collect();
        let is_about_peers = |kind: &Kind| matches!(kind, Kind::ChainRemoved | Kind::EndRemoved);
        let is_about_keys =
            |kind: &Kind| matches!(kind, Kind::ForeignKey | Kind::Unvouched | Kind::NotSigned);
        match exit_code {
            0 => return self.clean(trail),
            1 if failures.iter().all(is_about_peers) => {
                "chains, or the ends of some, were taken away: signed records of others name them"
            }
            1 if failures.iter().all(is_about_keys) => {
                "no key that was given vouches for records that are here: whoever wrote them could have \
                 written anything"
            }
            1 if failures == [Kind::MissingEmitter] => {
                "what is here was not changed, but emitters that were expected are not here"
            }
            1 => "something was changed, taken away or put in",
            _ if trail.has_keys() => {
                "what the keys vouch for was not changed, but not all is here or vouched for"
            }
            _ => {
                "no key was given, so nobody vouches for anything that is here; by itself it was not \
                 changed"
            }
        }
        .to_owned()
    }

    /// What a clean trail proves, and of how much: of emitters of which nothing is here it says nothing.
    fn clean(&self, trail: &Trail) -> String {
        let mut sentence = format!(
            "nothing was changed, nothing is missing from the chains of {}, and signatures vouch for all \
             of their {}",
            counted(self.emitters.len() as u64, "emitter"),
            counted(trail.counts.valid, "record")
        );
        if trail.counts.unproven > 0 {
            let (lines, are) = match trail.counts.unproven {
                1 => ("1 line of a log".to_owned(), "is"),
                count => (format!("{count} lines of logs"), "are"),
            };
            sentence.push_str(&format!(
                "; {lines} {are} unproven: no key that was given vouches for what they say, and it counts \
                 for nothing"
            ));
        }
        sentence
    }
}

/// Why nothing can be vouched for, if it cannot.
fn why_unchecked(has_keys: bool) -> Option<&'static str> {
    (!has_keys)
        .then_some("a signature is required, and no key was given to check one (--key, --keys)")
}

/// Writes a count with its noun: `1 record`, `2 records`.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Writes a chain with a range of numbers: `chain:3-7`.
fn numbers(chain: &ChainUid, range: Range) -> String {
    if range.0 == range.1 {
        uid(chain, range.0)
    } else {
        format!("{}-{}", uid(chain, range.0), range.1)
    }
}
