//! What a verifier has to say: of what kind, how bad it is, how often, and the first of each.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// How severe an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The issue is for information only.
    Note,
    /// Something is not there, or nobody vouches for it (yet).
    Incomplete,
    /// Something was changed, taken away or put in.
    Failure,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $code:literal, $severity:ident;)+) => {
        /// What was found. The text of each is for people; its code is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl Kind {
            /// All kinds of issue, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// A stable word for it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)+ }
            }

            /// The severity of issues of this kind.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity,)+ }
            }
        }
    };
}

kinds! {
    /// A line is no record.
    NotARecord = "not_a_record", Failure;
    /// A record was changed: it does not fit its own hash.
    Changed = "changed", Failure;
    /// A signature was not made by the key that it names.
    WrongSignature = "wrong_signature", Failure;
    /// A key was not in use at the time of the record.
    KeyOutOfTime = "key_out_of_time", Failure;
    /// A key has signed what is not for it to say.
    WrongRole = "wrong_role", Failure;
    /// Two records claim the same place in a chain.
    Fork = "fork", Failure;
    /// A record does not follow the one before it.
    BrokenLink = "broken_link", Failure;
    /// Records are missing, and nothing says why.
    Missing = "missing", Failure;
    /// Signed records name a chain of which nothing is there.
    ChainRemoved = "chain_removed", Failure;
    /// Signed records of other chains say that a chain goes on after the last record that is there.
    EndRemoved = "end_removed", Failure;
    /// A chain does not begin as chains do.
    NoBeginning = "no_beginning", Failure;
    /// A chain goes on after its end.
    AfterEnd = "after_end", Failure;
    /// What an operator says about a record or a chain does not fit it.
    ForgedStatement = "forged_statement", Failure;
    /// Parts of a record were erased, and no operator says so.
    ErasedWithoutOrder = "erased_without_order", Failure;
    /// Something was erased or purged that was on hold.
    HoldBroken = "hold_broken", Failure;
    /// An operator has purged records long before their time was over.
    PurgedEarly = "purged_early", Failure;
    /// An operator has erased parts of records that must stay as they are for longer, and does not say why.
    ErasedEarly = "erased_early", Failure;
    /// An operator's order has a time that has not come yet.
    OrderAhead = "order_ahead", Failure;
    /// An envelope says something else than the record in it.
    EnvelopeDiffers = "envelope_differs", Failure;
    /// A signed record says something else than the records before it.
    Contradiction = "contradiction", Failure;
    /// A chain has records of more than one retention class.
    ClassChanged = "class_changed", Failure;
    /// A chain, or one that goes on from another, is signed with another key than before, and nobody says that the one
    /// takes the place of the other.
    KeyChanged = "key_changed", Failure;
    /// A record is signed with a key that is none of those given.
    ForeignKey = "foreign_key", Failure;
    /// None of the keys given vouches for any record of a chain.
    Unvouched = "unvouched", Failure;
    /// With `--emitters`: one that was expected is not there.
    MissingEmitter = "missing_emitter", Failure;
    /// With `--require-signed`: no signature that was checked vouches for records.
    NotSigned = "not_signed", Failure;
    /// A line was written by a later version of the format.
    NewerVersion = "newer_version", Incomplete;
    /// The last line of a file is cut off.
    CutOff = "cut_off", Incomplete;
    /// A line is too long to be read.
    TooLong = "too_long", Incomplete;
    /// A file could not be read, or not to its end.
    Unreadable = "unreadable", Incomplete;
    /// There is nothing to verify.
    Empty = "empty", Incomplete;
    /// A key that a record names is not known.
    UnknownKey = "unknown_key", Incomplete;
    /// A chain is not signed.
    Unsigned = "unsigned", Incomplete;
    /// No signature vouches for the last records of a chain (yet).
    Uncovered = "uncovered", Incomplete;
    /// An emitter says that requests are not where the others are.
    DeclaredGap = "declared_gap", Incomplete;
    /// An emitter that should have said that it lives did not.
    Silence = "silence", Incomplete;
    /// A chain neither ends nor goes on.
    OpenEnd = "open_end", Incomplete;
    /// A chain that another one goes on from is not there.
    AbsentChain = "absent_chain", Incomplete;
    /// Signed records name an emitter of which nothing is there.
    AbsentEmitter = "absent_emitter", Incomplete;
    /// Signed records name others of which their emitter may not have delivered any before it was
    /// killed.
    Undelivered = "undelivered", Incomplete;
    /// A record that was just written names others that are not there yet.
    Awaited = "awaited", Incomplete;
    /// What was to be erased or purged is still there.
    StillThere = "still_there", Incomplete;
    /// An order is about what a hold keeps that stands in another ledger of the same key: only the clock of whoever has
    /// that key says which of them came first.
    HoldUnproven = "hold_unproven", Incomplete;
    /// Nothing that stays says how long records were kept that an operator has taken away, so whether their time was
    /// over cannot be told.
    KeepUnknown = "keep_unknown", Incomplete;
    /// A record came again too late to be compared.
    NotCompared = "not_compared", Incomplete;
    /// There are more lines of logs that may be records than can be kept in mind.
    TooManyUnproven = "too_many_unproven", Incomplete;
    /// There are more holes than can be kept in mind.
    TooManyHoles = "too_many_holes", Incomplete;
    /// Something was taken away or erased while a hold by paths or people was in force: whether that kept it, nobody can
    /// tell any more.
    HoldUnknown = "hold_unknown", Note;
    /// A line of a log looks like a record and is none: it was changed, or is a client's words.
    LogLine = "log_line", Note;
    /// Lines of a log look like records, and no key vouches for them: they may be a client's words.
    Unproven = "unproven", Note;
    /// A key of an emitter was given, and nothing that is there is signed with it.
    IdleKey = "idle_key", Note;
    /// Records were spelled anew by another program, with the same meaning.
    Reserialised = "reserialised", Note;
    /// The clock of an emitter went back.
    ClockStep = "clock_step", Note;
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// One of what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Issue {
    /// The kind of issue.
    pub kind: Kind,
    /// The severity of the issue.
    pub severity: Severity,
    /// Where it was found: `file:line`, the id of a record or of a chain.
    pub place: String,
    /// What was found, in words.
    pub message: String,
}

/// What was found, in bounded memory: all are counted, the first of each kind are kept.
#[derive(Clone, Debug, Default)]
pub struct Issues {
    counts: BTreeMap<Kind, u64>,
    examples: Vec<Issue>,
}

impl Issues {
    /// Adds one; the texts are made only if they are kept.
    pub fn add(
        &mut self,
        kind: Kind,
        place: impl FnOnce() -> String,
        message: impl FnOnce() -> String,
    ) {
        self.add_many(kind, 1, place, message);
    }

    /// Adds one that stands for many.
    pub fn add_many(
        &mut self,
        kind: Kind,
        count: u64,
        place: impl FnOnce() -> String,
        message: impl FnOnce() -> String,
    ) {
        let total = self.counts.entry(kind).or_default();
        *total = total.saturating_add(count);
        let kept = self.examples.iter().filter(|issue| issue.kind == kind);
        if kept.count() < MAX_EXAMPLES {
            self.examples.push(Issue {
                kind,
                severity: kind.severity(),
                place: place(),
                message: message(),
            });
        }
    }

    /// How many of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// How many of each kind were found.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    /// The first of each kind, the worst first.
    #[must_use]
    pub fn examples(&self) -> Vec<Issue> {
        let mut examples = self.examples.clone();
        examples.sort_by_key(|issue| (std::cmp::Reverse(issue.severity), issue.kind));
        examples
    }

    /// How bad the worst is.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.counts.keys().map(|kind| kind.severity()).max()
    }
}

/// The most examples that are kept of each kind.
const MAX_EXAMPLES: usize = 20;
