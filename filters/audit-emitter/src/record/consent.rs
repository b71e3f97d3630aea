//! What a record says of consent: what was agreed to, who says so, and what the rule wanted.

use audit::Hash;
use audit::canonical::Writer;
use policy::consent::{Consent, OBJECTION};

use super::{MAX_NAME_BYTES, MAX_PURPOSES, Observation, cut, text};

/// Where the consent of a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentDetail {
    /// The hash of the `consent` block that the signals were read by.
    pub policy: Option<String>,
    /// The id of the receipt or grant.
    pub receipt: Option<String>,
    /// The purposes that a rule wanted consent to.
    pub required: Vec<String>,
    /// Each source that said something.
    pub signals: Vec<ConsentSignal>,
}

/// What is recorded of one source; never what it said word for word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentSignal {
    /// `objection`, `claim`, `lookup`, `header`, `cookie`, `query`, `tcf` or `gpp`.
    pub source: &'static str,
    /// It can be trusted; else it is the caller's own word.
    pub is_trusted: bool,
    /// Whether the signal could be read.
    pub is_readable: bool,
    /// The bits of a TC or GPP string that decided.
    pub bits: Option<String>,
    /// The SHA-256 of that string.
    pub sha256: Option<String>,
}

impl ConsentDetail {
    /// What the signals of a request tell.
    pub(crate) fn of(consent: &Consent, policy: Option<&String>) -> Self {
        let signals = consent.signals().iter().take(MAX_SIGNALS).map(|signal| {
            let encoded = signal.encoded();
            ConsentSignal {
                source: signal.source(),
                is_trusted: signal.is_trusted(),
                is_readable: signal.is_readable(),
                bits: encoded.map(|encoded| cut(&encoded.bits, MAX_NAME_BYTES).into_owned()),
                sha256: encoded.map(|encoded| Hash::plain(encoded.text.as_bytes()).to_string()),
            }
        });
        Self {
            policy: policy.cloned(),
            receipt: consent.receipt().map(str::to_owned),
            required: Vec::new(),
            signals: signals.collect(),
        }
    }
}

pub(super) fn consent(observation: &Observation) -> String {
    let mut writer = Writer::of_part(32);
    let names = |w: &mut Writer, name: &str, list: &[String]| {
        w.member(name, |w| {
            w.array(|w| {
                for purpose in list.iter().take(MAX_PURPOSES) {
                    w.item(|w| w.string(&cut(purpose, MAX_NAME_BYTES)));
                }
            });
        });
    };
    let detail = &observation.consent;
    writer.object(|w| {
        let emergency = observation.identity.as_ref();
        let emergency = emergency.and_then(|identity| identity.emergency.as_deref());
        text(w, "emergency", emergency);
        w.member("gpc", |w| w.boolean(observation.opted_out));
        text(w, "policy", detail.policy.as_deref());
        if let Some(purposes) = &observation.purposes {
            names(w, "purposes", purposes);
        }
        text(w, "receipt", detail.receipt.as_deref());
        if !detail.required.is_empty() {
            names(w, "required", &detail.required);
        }
        if !detail.signals.is_empty() {
            w.member("sources", |w| {
                w.array(|w| {
                    for signal in &detail.signals {
                        w.item(|w| w.object(|w| signal.write(w)));
                    }
                });
            });
        }
        if observation.consent_unreadable {
            w.member("unreadable", |w| w.boolean(true));
        }
    });
    writer.into_text()
}

impl ConsentSignal {
    fn write(&self, w: &mut Writer) {
        let asserted_by = match self.source {
            OBJECTION => "operator",
            _ if self.is_trusted => "issuer",
            _ => "caller",
        };
        w.text_member("asserted_by", asserted_by);
        text(w, "bits", self.bits.as_deref());
        w.text_member("name", self.source);
        if !self.is_readable {
            w.member("readable", |w| w.boolean(false));
        }
        text(w, "sha256", self.sha256.as_deref());
    }
}

const MAX_SIGNALS: usize = 16;
