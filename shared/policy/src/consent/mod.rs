//! What a person has agreed to, as the request says it.

mod condition;
mod iab;
mod lookup;
mod sources;

use std::collections::BTreeSet;

pub use condition::ConsentCondition;
pub use lookup::{ConsentLookup, OnLookupError, OptOutMemory, SUBJECT};
pub use sources::ConsentSources;

use crate::identity::Agreed;

/// The consent of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    opted_out: bool,
    /// The purposes that Global Privacy Control denies, if it was sent.
    opted_out_of: Vec<String>,
    signals: Vec<Signal>,
    receipt: Option<String>,
    default: ConsentDefault,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ConsentDefault {
    /// Without a signal, neither `granted` nor `denied` holds.
    #[default]
    Unknown,
    /// No signal is consent (CCPA: opt out).
    Granted,
    /// No signal is no consent (GDPR: opt in).
    Denied,
}

/// What one source of consent says about purposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    source: &'static str,
    trusted: bool,
    granted: BTreeSet<String>,
    refuses: Refused,
    readable: bool,
    encoded: Option<Encoded>,
}

/// The purposes that a source denies.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refused {
    /// Every purpose that it does not grant.
    TheRest,
    /// These; of others it says nothing.
    These(BTreeSet<String>),
}

/// A signal that came as a TC or GPP string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The bits of the string that decided, for the record.
    pub bits: String,
    /// The string, for its hash: it tells one browser from all others, so that no record may hold it.
    pub text: String,
}

impl Signal {
    fn of_words(source: &'static str, trusted: bool, words: Vec<String>) -> Self {
        let readable = words.len() <= MAX_PURPOSES && words.iter().all(|word| is_purpose(word));
        let granted = if readable {
            crate::sort::set(words)
        } else {
            BTreeSet::new()
        };
        Self {
            source,
            trusted,
            granted,
            refuses: Refused::TheRest,
            readable,
            encoded: None,
        }
    }

    /// What a consent service says, if one was asked. One that gave no answer denies everything.
    fn of_lookup(agreed: &Agreed) -> Option<Self> {
        match agreed {
            Agreed::NotAsked => None,
            Agreed::Purposes(words) => Some(Self::of_words(LOOKUP, true, words.clone())),
            Agreed::Unanswered => {
                let mut signal = Self::of_words(LOOKUP, true, Vec::new());
                signal.make_unreadable();
                Some(signal)
            }
        }
    }

    /// A string of the IAB, as it was decoded. One that cannot be denies everything.
    fn of_string(
        source: &'static str,
        trusted: bool,
        text: &str,
        decoded: Option<iab::Decoded>,
    ) -> Self {
        let readable = decoded.is_some();
        let decoded = decoded.unwrap_or_default();
        Self {
            source,
            trusted,
            granted: decoded.granted,
            refuses: match readable {
                true => Refused::These(decoded.refused),
                false => Refused::TheRest,
            },
            readable,
            encoded: Some(Encoded {
                bits: decoded.bits,
                text: text.to_owned(),
            }),
        }
    }

    /// What a person objects to.
    fn of_objection(purposes: &[String]) -> Self {
        Self {
            source: OBJECTION,
            trusted: true,
            granted: BTreeSet::new(),
            refuses: Refused::These(crate::sort::set(purposes.iter().cloned())),
            readable: true,
            encoded: None,
        }
    }

    /// Which source it is: `objection`, `claim`, `lookup`, `header`, `cookie`, `query`, `tcf` or `gpp`.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether it may grant; what callers say of themselves may only deny.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Whether it could be read.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.readable
    }

    /// The string that it was decoded from.
    #[must_use]
    pub const fn encoded(&self) -> Option<&Encoded> {
        self.encoded.as_ref()
    }

    /// Takes what it says as unreadable: it denies everything.
    fn make_unreadable(&mut self) {
        self.granted.clear();
        self.refuses = Refused::TheRest;
        self.readable = false;
    }

    fn grants(&self, purpose: &str) -> bool {
        self.trusted && self.granted.contains(purpose)
    }

    fn refuses(&self, purpose: &str) -> bool {
        match &self.refuses {
            Refused::TheRest => !self.granted.contains(purpose),
            Refused::These(refused) => refused.contains(purpose),
        }
    }
}

impl Consent {
    /// Whether Global Privacy Control was sent and counts, with this request or, where opt-outs are
    /// remembered, with an earlier one of the same person.
    #[must_use]
    pub const fn opted_out(&self) -> bool {
        self.opted_out
    }

    /// What each source says that is there.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The id of the receipt or grant that the verified claims name.
    #[must_use]
    pub fn receipt(&self) -> Option<&str> {
        self.receipt.as_deref()
    }

    /// The purposes that are granted; `None` where no source says anything.
    #[must_use]
    pub fn purposes(&self) -> Option<BTreeSet<&str>> {
        let named = self.signals.iter().flat_map(|signal| &signal.granted);
        let granted = named
            .map(String::as_str)
            .filter(|purpose| self.is_granted(purpose));
        (!self.signals.is_empty()).then(|| crate::sort::set(granted))
    }

    /// Whether a source says something that cannot be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.signals.iter().any(|signal| !signal.readable)
    }

    /// Whether nobody knows if the person agreed to this purpose: a consent service gave no answer, and nothing else
    /// refuses it.
    #[must_use]
    pub fn is_unknown(&self, purpose: &str) -> bool {
        let is_silent = |signal: &&Signal| signal.source == LOOKUP && !signal.readable;
        let mut others = self.signals.iter().filter(|signal| !is_silent(signal));
        self.signals.iter().any(|signal| is_silent(&signal))
            && !others.any(|signal| signal.refuses(purpose))
            && !self.opted_out_of.iter().any(|denied| denied == purpose)
    }

    /// Whether the person agreed to this purpose.
    #[must_use]
    pub fn is_granted(&self, purpose: &str) -> bool {
        !self.is_refused(purpose)
            && (self.is_vouched(purpose) || self.default == ConsentDefault::Granted)
    }

    /// Whether the person refused this purpose. Without a signal neither this nor
    /// [`Consent::is_granted`] holds, unless the configuration names a default.
    #[must_use]
    pub fn is_denied(&self, purpose: &str) -> bool {
        self.is_refused(purpose)
            || !self.is_vouched(purpose) && self.default == ConsentDefault::Denied
    }

    /// Whether a source that can be trusted names it.
    fn is_vouched(&self, purpose: &str) -> bool {
        self.signals.iter().any(|signal| signal.grants(purpose))
    }

    fn is_refused(&self, purpose: &str) -> bool {
        self.opted_out_of.iter().any(|denied| denied == purpose)
            || self.signals.iter().any(|signal| signal.refuses(purpose))
    }
}

fn purposes(text: &str) -> Vec<String> {
    text.split([' ', ','])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a word can be the name of a purpose. An encoded string (TC, GPP) is none: it is long, or
/// mixes capitals, small letters and digits as only an encoding does.
fn is_purpose(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    let has = |is: fn(&u8) -> bool| word.bytes().any(|byte| is(&byte));
    let is_encoded = word.len() >= MIN_ENCODED_BYTES
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && !word.contains([':', '/']);
    word.len() <= MAX_PURPOSE_BYTES && word.bytes().all(plain) && !is_encoded
}

/// The source of what a person objects to, which whoever configures the gateway asserts.
pub const OBJECTION: &str = "objection";
/// The source that is a service which is asked about the caller.
const LOOKUP: &str = "lookup";
const MAX_PURPOSES: usize = 64;
const MAX_PURPOSE_BYTES: usize = 128;
/// The core of a TC string has at least 30 bytes.
const MIN_ENCODED_BYTES: usize = 24;

#[cfg(test)]
mod tests;
