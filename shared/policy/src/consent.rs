//! What a person has agreed to, as the request says it.

use std::collections::BTreeSet;

use crate::config::Node;
use crate::explain::Condition;
use crate::facts::Facts;
use crate::http;
use crate::json::Json;

/// Where consent signals are looked for.
///
/// ```json
/// { "gpc": true, "claim": "consents", "header": "x-consent",
///   "cookie": { "name": "consent", "trusted": true }, "default": "unknown" }
/// ```
/// Claim, header and cookie hold the purposes that were agreed to, separated by spaces or commas
/// (the claim may be an array). A source that is present denies every purpose that it does not name.
/// All of them count, and the strictest wins: a purpose is granted if a source that can be trusted
/// names it and no source that is present denies it, so that a withdrawal in a header takes effect
/// while an older token still says otherwise.
///
/// The claim can be trusted, for an issuer has signed it. A header and a cookie are the caller's own
/// word: they can deny, and grant only with `"trusted": true`, which says that something before this
/// filter writes them and removes what callers send.
///
/// What cannot be read as purposes, such as a TC or GPP string, denies all. `Sec-GPC: 1` (Global
/// Privacy Control) denies `sale` and `sharing` whatever else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentSources {
    gpc: bool,
    claim: Option<String>,
    header: Option<OwnWord>,
    cookie: Option<OwnWord>,
    default: ConsentDefault,
}

/// A header or a cookie, which a caller can write.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnWord {
    name: String,
    trusted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConsentDefault {
    /// Without a signal, neither `granted` nor `denied` holds.
    Unknown,
    /// No signal is consent (CCPA: opt out).
    Granted,
    /// No signal is no consent (GDPR: opt in).
    Denied,
}

impl Default for ConsentSources {
    fn default() -> Self {
        Self {
            gpc: true,
            claim: Some("consents".to_owned()),
            header: None,
            cookie: None,
            default: ConsentDefault::Unknown,
        }
    }
}

impl OwnWord {
    /// `"x-consent"`, or `{ "name": "x-consent", "trusted": true }`.
    fn read(node: &Node<'_>, name: impl Fn(&Node<'_>) -> Option<String>) -> Option<Self> {
        if node.json().as_str().is_some() {
            return name(node).map(|name| Self {
                name,
                trusted: false,
            });
        }
        node.object(|fields| {
            let named = fields
                .required("name", "the name of the header or cookie")
                .and_then(|n| name(&n));
            let trusted = fields.or("trusted", false, |n| n.boolean());
            if trusted {
                fields.node().warn_unseen(
                    "consent_trusted",
                    "callers can write this themselves: trusted is right only where something \
                     before this filter writes it and removes what callers send",
                );
            }
            Some(Self {
                name: named?,
                trusted,
            })
        })
    }
}

impl ConsentSources {
    /// Reads the `consent` key of a filter's configuration.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let defaults = Self::default();
            Some(Self {
                gpc: fields.or("gpc", defaults.gpc, |n| n.boolean()),
                claim: fields.or("claim", defaults.claim, |n| {
                    n.name(256).map(str::to_owned).map(Some)
                }),
                header: fields.or("header", None, |n| {
                    OwnWord::read(&n, |n| n.header_name()).map(Some)
                }),
                cookie: fields.or("cookie", None, |n| {
                    OwnWord::read(&n, |n| n.name(256).map(str::to_owned)).map(Some)
                }),
                default: fields.or("default", defaults.default, |n| {
                    n.one_of(&[
                        ("unknown", ConsentDefault::Unknown),
                        ("granted", ConsentDefault::Granted),
                        ("denied", ConsentDefault::Denied),
                    ])
                }),
            })
        })
    }

    /// What this request says.
    #[must_use]
    pub fn signals(&self, facts: &dyn Facts) -> Consent {
        // Several Sec-GPC headers of which one is exactly 1 count as 1; other values say nothing.
        let opted_out = self.gpc
            && facts
                .header("sec-gpc")
                .is_some_and(|value| value.split(',').any(|value| value.trim() == "1"));
        let mut signals = Vec::new();
        if let (Some(claim), Some(identity)) = (&self.claim, facts.identity()) {
            let named = identity.claim(claim).map(Json::words);
            // Where the provider has another name for it, its mapping has found it.
            let mapped = identity.consents.clone().filter(|_| named.is_none());
            signals.extend(named.or(mapped).map(|words| Signal::of(true, words)));
        }
        if let Some(OwnWord { name, trusted }) = &self.header {
            // Which of several lines counts, servers do not agree on: all do.
            let lines = facts.header_lines(name);
            let lines = lines.iter().take(MAX_LINES);
            signals.extend(lines.map(|value| Signal::of(*trusted, purposes(value))));
        }
        if let Some(OwnWord { name, trusted }) = &self.cookie
            && let Some(value) = facts.header("cookie")
        {
            // The same goes for cookies.
            let cookies = http::cookies(&value, name).take(MAX_LINES);
            signals.extend(cookies.map(|value| Signal::of(*trusted, purposes(value))));
        }
        Consent {
            opted_out,
            signals,
            default: self.default,
        }
    }
}

/// The consent of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    opted_out: bool,
    signals: Vec<Signal>,
    default: ConsentDefault,
}

/// What one source says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signal {
    /// It may grant, and not only deny.
    trusted: bool,
    /// `None`: it cannot be read, and denies all.
    purposes: Option<BTreeSet<String>>,
}

impl Signal {
    fn of(trusted: bool, words: Vec<String>) -> Self {
        let readable = words.len() <= MAX_PURPOSES && words.iter().all(|word| is_purpose(word));
        Self {
            trusted,
            purposes: readable.then(|| BTreeSet::from_iter(words)),
        }
    }

    fn names(&self, purpose: &str) -> bool {
        self.purposes
            .as_ref()
            .is_some_and(|purposes| purposes.contains(purpose))
    }
}

impl Consent {
    /// Whether `Sec-GPC: 1` was sent and counts.
    #[must_use]
    pub const fn opted_out(&self) -> bool {
        self.opted_out
    }

    /// The purposes that are granted; `None` where no claim, header or cookie says anything.
    #[must_use]
    pub fn purposes(&self) -> Option<BTreeSet<&str>> {
        let named = self.signals.iter().flat_map(|signal| &signal.purposes);
        let granted = named
            .flatten()
            .map(String::as_str)
            .filter(|purpose| self.is_granted(purpose));
        (!self.signals.is_empty()).then(|| granted.collect())
    }

    /// Whether a source says something that is no list of purposes, such as a TC string.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.signals.iter().any(|signal| signal.purposes.is_none())
    }

    /// Whether the person agreed to this purpose.
    #[must_use]
    pub fn is_granted(&self, purpose: &str) -> bool {
        !self.is_refused(purpose) && (self.is_vouched() || self.default == ConsentDefault::Granted)
    }

    /// Whether the person refused this purpose. Without a signal neither this nor
    /// [`Consent::is_granted`] holds, unless the configuration names a default.
    #[must_use]
    pub fn is_denied(&self, purpose: &str) -> bool {
        self.is_refused(purpose) || !self.is_vouched() && self.default == ConsentDefault::Denied
    }

    /// Whether a source that can be trusted says anything.
    fn is_vouched(&self) -> bool {
        self.signals.iter().any(|signal| signal.trusted)
    }

    fn is_refused(&self, purpose: &str) -> bool {
        self.opted_out && OPT_OUT_PURPOSES.contains(&purpose)
            || self.signals.iter().any(|signal| !signal.names(purpose))
    }
}

/// A condition on consent: `{ "denied": ["sharing"] }`, `{ "granted": ["analytics"] }`.
///
/// Holds when any purpose under `denied` is denied, or all under `granted` are granted; with both,
/// both must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentCondition {
    granted: Vec<String>,
    denied: Vec<String>,
}

impl ConsentCondition {
    /// Reads the `consent` key of a match.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let condition = Self {
                granted: fields.or("granted", Vec::new(), |n| n.strings()),
                denied: fields.or("denied", Vec::new(), |n| n.strings()),
            };
            if condition == Self::default() {
                fields
                    .node()
                    .reject(r#"expected "granted" or "denied" with purposes"#);
                return None;
            }
            Some(condition)
        })
    }

    /// The condition, and what the signals say to it.
    #[must_use]
    pub fn told(&self, key: &'static str, consent: &Consent) -> Condition {
        let purposes = self.granted.iter().chain(&self.denied);
        let found: Vec<String> = purposes
            .map(
                |purpose| match (consent.is_denied(purpose), consent.is_granted(purpose)) {
                    (true, _) => format!("{purpose} is denied"),
                    (_, true) => format!("{purpose} is granted"),
                    _ => format!("nothing is said about {purpose}"),
                },
            )
            .collect();
        let mut expected = Vec::new();
        if !self.granted.is_empty() {
            expected.push(format!("granted {:?}", self.granted));
        }
        if !self.denied.is_empty() {
            expected.push(format!("denied {:?}", self.denied));
        }
        Condition {
            key,
            expected: expected.join(" and "),
            found: found.join(", "),
        }
    }

    /// Whether `consent` fulfils the condition.
    #[must_use]
    pub fn holds(&self, consent: &Consent) -> bool {
        let denied =
            self.denied.is_empty() || self.denied.iter().any(|purpose| consent.is_denied(purpose));
        denied
            && self
                .granted
                .iter()
                .all(|purpose| consent.is_granted(purpose))
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

/// What Global Privacy Control is about (CCPA regulations section 7025).
const OPT_OUT_PURPOSES: [&str; 2] = ["sale", "sharing"];
const MAX_PURPOSES: usize = 64;
const MAX_PURPOSE_BYTES: usize = 128;
/// The core of a TC string has at least 30 bytes.
const MIN_ENCODED_BYTES: usize = 24;
const MAX_LINES: usize = 8;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config;
    use crate::facts::tests::Request;
    use crate::identity::{Identity, parse_claims};

    fn sources(text: &str) -> ConsentSources {
        config::read(text, |node| ConsentSources::read(&node)).unwrap()
    }

    fn condition(text: &str) -> ConsentCondition {
        config::read(text, |node| ConsentCondition::read(&node)).unwrap()
    }

    /// What these signals say about sharing: granted, denied.
    fn sharing(
        configuration: &str,
        headers: &[(&str, &str)],
        claims: Option<&str>,
    ) -> (bool, bool) {
        let identity = claims.map(|text| Identity {
            claims: parse_claims(text.as_bytes()).unwrap(),
            ..Identity::default()
        });
        let request = Request {
            identity,
            ..Request::get("/", headers)
        };
        let consent = sources(configuration).signals(&request);
        (consent.is_granted("sharing"), consent.is_denied("sharing"))
    }

    const GRANTED: (bool, bool) = (true, false);
    const DENIED: (bool, bool) = (false, true);
    const UNKNOWN: (bool, bool) = (false, false);
    const TRUSTED: &str = r#"{"header":{"name":"X-Consent","trusted":true},"cookie":{"name":"consent","trusted":true}}"#;

    #[test]
    fn signals_decide() {
        let with = |headers: &[(&str, &str)], claims| sharing(TRUSTED, headers, claims);
        assert_eq!(with(&[], None), UNKNOWN);
        assert_eq!(with(&[("sec-gpc", "1")], None), DENIED);
        assert_eq!(with(&[("sec-gpc", "0, 1")], None), DENIED);
        assert_eq!(with(&[("sec-gpc", "true")], None), UNKNOWN);
        assert_eq!(with(&[("x-consent", "ads,sharing")], None), GRANTED);
        assert_eq!(with(&[("x-consent", "ads")], None), DENIED);
        assert_eq!(
            with(&[("x-consent", "sharing"), ("sec-gpc", "1")], None),
            DENIED
        );
        assert_eq!(with(&[("cookie", "a=b; consent=sharing")], None), GRANTED);
        assert_eq!(with(&[], Some(r#"{"consents":["sharing"]}"#)), GRANTED);
        assert_eq!(with(&[], Some(r#"{"consents":[]}"#)), DENIED);
        assert_eq!(with(&[], Some(r#"{"sub":"x"}"#)), UNKNOWN);
    }

    #[test]
    fn a_later_withdrawal_beats_a_claim_and_no_grant_beats_a_denial() {
        let claims = Some(r#"{"consents":["sharing"]}"#);
        let denied = Some(r#"{"consents":["ads"]}"#);
        for configuration in [TRUSTED, r#"{"header":"x-consent","cookie":"consent"}"#] {
            let with = |headers: &[(&str, &str)], claims| sharing(configuration, headers, claims);
            assert_eq!(with(&[("x-consent", "")], claims), DENIED);
            assert_eq!(with(&[("x-consent", "ads")], claims), DENIED);
            assert_eq!(with(&[("x-consent", "sharing")], claims), GRANTED);
            assert_eq!(with(&[("x-consent", "sharing")], denied), DENIED);
            assert_eq!(with(&[("cookie", "consent=")], claims), DENIED);
            // Two lines or cookies of one name: no client chooses which of them counts.
            let lines = [("x-consent", "sharing"), ("x-consent", "ads")];
            assert_eq!(with(&lines, claims), DENIED);
            let cookies = "consent=sharing; consent=ads";
            assert_eq!(with(&[("cookie", cookies)], claims), DENIED);
        }
    }

    #[test]
    fn the_own_word_of_a_caller_denies_and_does_not_grant() {
        let own = r#"{"header":"x-consent","cookie":"consent"}"#;
        assert_eq!(sharing(own, &[("x-consent", "sharing")], None), UNKNOWN);
        assert_eq!(
            sharing(own, &[("cookie", "consent=sharing")], None),
            UNKNOWN
        );
        assert_eq!(sharing(own, &[("x-consent", "ads")], None), DENIED);
        let opt_in = r#"{"header":"x-consent","default":"denied"}"#;
        assert_eq!(sharing(opt_in, &[("x-consent", "sharing")], None), DENIED);
        let opt_out = r#"{"header":"x-consent","default":"granted"}"#;
        assert_eq!(sharing(opt_out, &[("x-consent", "sharing")], None), GRANTED);
        assert_eq!(sharing(opt_out, &[("x-consent", "ads")], None), DENIED);
    }

    #[test]
    fn an_encoded_string_is_no_purpose_and_denies() {
        for encoded in [
            "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
            "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw",
            "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
            "%7B%22sharing%22%3Atrue%7D",
        ] {
            let cookie = format!("consent={encoded}");
            let headers = [("cookie", cookie.as_str())];
            let consent = sources(TRUSTED).signals(&Request::get("/", &headers));
            assert!(consent.is_unreadable(), "{encoded}");
            assert!(consent.is_denied(encoded) && consent.is_denied("sharing"));
            assert_eq!(consent.purposes(), Some(BTreeSet::new()));
        }
        for purpose in [
            "sharing",
            "https://example.com/purposes/Care",
            "TREAT",
            "v2:Marketing",
        ] {
            assert!(is_purpose(purpose), "{purpose}");
        }
    }

    #[test]
    fn the_default_decides_without_a_signal() {
        for (text, holds) in [("granted", false), ("denied", true), ("unknown", false)] {
            let sources = sources(&format!(r#"{{"default":"{text}"}}"#));
            let consent = sources.signals(&Request::get("/", &[]));
            assert_eq!(
                condition(r#"{"denied":["sharing"]}"#).holds(&consent),
                holds,
                "{text}"
            );
        }
    }

    #[test]
    fn an_empty_condition_is_a_mistake() {
        assert!(config::read("{}", |node| ConsentCondition::read(&node)).is_err());
    }
}
