//! What a person has agreed to, as the request says it.

use std::collections::BTreeSet;

use crate::config::Node;
use crate::facts::Facts;
use crate::http;

/// Where consent signals are looked for.
///
/// ```json
/// { "gpc": true, "claim": "consents", "header": "x-consent", "cookie": "consent", "default": "unknown" }
/// ```
/// Claim, header and cookie hold the purposes that were agreed to, separated by spaces or commas
/// (the claim may be an array). The first source that is present decides; purposes that it does
/// not name are denied. `Sec-GPC: 1` (Global Privacy Control) denies `sale` and `sharing` whatever
/// else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentSources {
    gpc: bool,
    claim: Option<String>,
    header: Option<String>,
    cookie: Option<String>,
    default: ConsentDefault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConsentDefault {
    /// No signal is no answer: neither `granted` nor `denied` holds.
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
                header: fields.or("header", None, |n| n.header_name().map(Some)),
                cookie: fields.or("cookie", None, |n| n.name(256).map(str::to_owned).map(Some)),
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
        let claim = self.claim.as_deref().and_then(|claim| {
            let identity = facts.identity()?;
            identity.claim(claim).map(|value| value.words())
        });
        let header = || {
            facts
                .header(self.header.as_deref()?)
                .map(|value| purposes(&value))
        };
        let cookie = || {
            let cookies = facts.header("cookie").filter(|_| self.cookie.is_some())?;
            http::cookie(&cookies, self.cookie.as_deref()?).map(purposes)
        };
        let granted = claim.or_else(header).or_else(cookie);
        Consent {
            opted_out,
            granted: granted.map(BTreeSet::from_iter),
            default: self.default,
        }
    }
}

/// The consent of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    opted_out: bool,
    granted: Option<BTreeSet<String>>,
    default: ConsentDefault,
}

impl Consent {
    /// Whether `Sec-GPC: 1` was sent and counts.
    #[must_use]
    pub const fn opted_out(&self) -> bool {
        self.opted_out
    }

    /// The purposes that a claim, header or cookie names; `None` without such a source.
    #[must_use]
    pub const fn purposes(&self) -> Option<&BTreeSet<String>> {
        self.granted.as_ref()
    }

    /// Whether the person agreed to this purpose.
    #[must_use]
    pub fn is_granted(&self, purpose: &str) -> bool {
        !self.is_opted_out_of(purpose)
            && match &self.granted {
                Some(granted) => granted.contains(purpose),
                None => self.default == ConsentDefault::Granted,
            }
    }

    /// Whether the person refused this purpose. Without a signal neither this nor
    /// [`Consent::is_granted`] holds, unless the configuration names a default.
    #[must_use]
    pub fn is_denied(&self, purpose: &str) -> bool {
        self.is_opted_out_of(purpose)
            || match &self.granted {
                Some(granted) => !granted.contains(purpose),
                None => self.default == ConsentDefault::Denied,
            }
    }

    fn is_opted_out_of(&self, purpose: &str) -> bool {
        self.opted_out && OPT_OUT_PURPOSES.contains(&purpose)
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

/// What Global Privacy Control is about (CCPA regulations section 7025).
const OPT_OUT_PURPOSES: [&str; 2] = ["sale", "sharing"];

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

    #[test]
    fn signals_decide() {
        let all = r#"{"claim":"consents","header":"X-Consent","cookie":"consent"}"#;
        let claims = |text: &str| Identity {
            claims: parse_claims(text.as_bytes()).unwrap(),
            ..Identity::default()
        };
        let with = |headers: &[(&str, &str)], identity: Option<Identity>| {
            let request = Request {
                identity,
                ..Request::get("/", headers)
            };
            let consent = sources(all).signals(&request);
            (consent.is_granted("sharing"), consent.is_denied("sharing"))
        };
        let (granted, denied, unknown) = ((true, false), (false, true), (false, false));
        assert_eq!(with(&[], None), unknown);
        assert_eq!(with(&[("sec-gpc", "1")], None), denied);
        assert_eq!(with(&[("sec-gpc", "0, 1")], None), denied);
        assert_eq!(with(&[("sec-gpc", "true")], None), unknown);
        assert_eq!(with(&[("x-consent", "ads,sharing")], None), granted);
        assert_eq!(with(&[("x-consent", "ads")], None), denied);
        assert_eq!(
            with(&[("x-consent", "sharing"), ("sec-gpc", "1")], None),
            denied
        );
        assert_eq!(with(&[("cookie", "a=b; consent=sharing")], None), granted);
        let says = Some(claims(r#"{"consents":["sharing"]}"#));
        assert_eq!(with(&[("x-consent", "")], says), granted);
        assert_eq!(with(&[], Some(claims(r#"{"consents":[]}"#))), denied);
        assert_eq!(with(&[], Some(claims(r#"{"sub":"x"}"#))), unknown);
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
