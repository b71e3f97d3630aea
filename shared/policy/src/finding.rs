//! What was found in a message, where, and what became of it: the words that pii-redactor reports
//! with, audit-emitter records, and `meshward audit report` counts.
//!
//! A finding never holds the value that was found.

#[cfg(test)]
use serde::{Deserialize, Serialize};

use crate::json::{Json, push_string};

/// So many values of one kind at one place, which all had the same fate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Serialize, Deserialize))]
pub struct Finding {
    /// The kind of data: `CREDIT_CARD`.
    pub kind: String,
    /// What sort of data that is, as the detector of the kind says.
    pub category: Category,
    /// The rule that asked for it, where it is not the one of the whole decision.
    #[cfg_attr(test, serde(default, skip_serializing_if = "Option::is_none"))]
    pub rule: Option<String>,
    /// The part of the message.
    pub place: Place,
    /// How the values were handled.
    pub outcome: FindingOutcome,
    /// How many values were found.
    pub count: u64,
}

impl Finding {
    /// Makes a finding of one value.
    #[must_use]
    pub fn new(kind: &str, category: Category, place: Place, outcome: FindingOutcome) -> Self {
        Self {
            kind: kind.to_owned(),
            category,
            rule: None,
            place,
            outcome,
            count: 1,
        }
    }

    /// The same finding with `count` values.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// The way the message went.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.place.direction()
    }

    /// Reads what [`Finding::push_json`] writes; `None` for what this version does not know.
    pub(crate) fn from_json(json: &Json) -> Option<Self> {
        let word = |name: &str| json.member(name)?.as_str();
        Some(Self {
            kind: word("kind")?.to_owned(),
            category: by_word(Category::ALL, Category::as_str, word("category")?)?,
            rule: word("rule").map(str::to_owned),
            place: by_word(
                Place::ALL.map(|(_, place)| place),
                Place::as_str,
                word("place")?,
            )?,
            outcome: by_word(
                FindingOutcome::ALL,
                FindingOutcome::as_str,
                word("outcome")?,
            )?,
            count: json.member("count")?.as_u64()?,
        })
    }

    /// Appends the JSON object of the finding.
    pub(crate) fn push_json(&self, json: &mut String) {
        json.push_str("{\"kind\":");
        push_string(json, &self.kind);
        json.push_str(",\"category\":");
        push_string(json, self.category.as_str());
        if let Some(rule) = &self.rule {
            json.push_str(",\"rule\":");
            push_string(json, rule);
        }
        json.push_str(",\"place\":");
        push_string(json, self.place.as_str());
        json.push_str(",\"outcome\":");
        push_string(json, self.outcome.as_str());
        json.push_str(",\"count\":");
        json.push_str(&self.count.to_string());
        json.push('}');
    }

    /// Whether the two differ in the count alone.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.category == other.category
            && self.rule == other.rule
            && self.place == other.place
            && self.outcome == other.outcome
    }
}

/// The item of `all` whose word is `word`.
pub(crate) fn by_word<T: Copy>(
    all: impl IntoIterator<Item = T>,
    word_of: impl Fn(T) -> &'static str,
    word: &str,
) -> Option<T> {
    all.into_iter().find(|item| word_of(*item) == word)
}

/// How a value that was found was handled.
///
/// Whether a value that was left alone was *seen* (the caller got it) or *sent* (the upstream got
/// it) follows from the direction: [`FindingOutcome::unchanged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(Serialize, Deserialize))]
#[cfg_attr(test, serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum FindingOutcome {
    /// It was in a response, and reached the caller as it was.
    Seen,
    /// It was in a request, and reached the upstream as it was.
    Sent,
    /// A label, a pseudonym or a part of it stands in its place.
    Masked,
    /// Nothing, or only an empty value, stands in its place.
    Removed,
    /// The whole message went no further.
    Blocked,
}

impl FindingOutcome {
    /// All outcomes, for parsing and for tests.
    pub const ALL: [Self; 5] = [
        Self::Seen,
        Self::Sent,
        Self::Masked,
        Self::Removed,
        Self::Blocked,
    ];

    /// The outcome for a value that nothing changes.
    #[must_use]
    pub const fn unchanged(direction: Direction) -> Self {
        match direction {
            Direction::Request => Self::Sent,
            Direction::Response => Self::Seen,
        }
    }

    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Sent => "sent",
            Self::Masked => "masked",
            Self::Removed => "removed",
            Self::Blocked => "blocked",
        }
    }

    /// Whether the value went on in clear.
    #[must_use]
    pub const fn is_clear(self) -> bool {
        matches!(self, Self::Seen | Self::Sent)
    }
}

/// The way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(Serialize, Deserialize))]
#[cfg_attr(test, serde(rename_all = "snake_case"))]
#[repr(u32)]
pub enum Direction {
    /// From the caller to the upstream.
    Request = 0,
    /// From the upstream to the caller.
    Response = 1,
}

impl Direction {
    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(Serialize, Deserialize))]
#[expect(missing_docs, reason = "the words say it")]
pub enum Place {
    #[cfg_attr(test, serde(rename = "request.body"))]
    RequestBody,
    #[cfg_attr(test, serde(rename = "request.headers"))]
    RequestHeaders,
    #[cfg_attr(test, serde(rename = "request.query"))]
    RequestQuery,
    #[cfg_attr(test, serde(rename = "request.cookies"))]
    RequestCookies,
    #[cfg_attr(test, serde(rename = "request.trailers"))]
    RequestTrailers,
    #[cfg_attr(test, serde(rename = "response.body"))]
    ResponseBody,
    #[cfg_attr(test, serde(rename = "response.headers"))]
    ResponseHeaders,
    #[cfg_attr(test, serde(rename = "response.trailers"))]
    ResponseTrailers,
}

impl Place {
    /// All places, with their words.
    pub const ALL: [(&'static str, Self); 8] = [
        ("request.body", Self::RequestBody),
        ("request.headers", Self::RequestHeaders),
        ("request.query", Self::RequestQuery),
        ("request.cookies", Self::RequestCookies),
        ("request.trailers", Self::RequestTrailers),
        ("response.body", Self::ResponseBody),
        ("response.headers", Self::ResponseHeaders),
        ("response.trailers", Self::ResponseTrailers),
    ];

    /// The word in configurations, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestBody => "request.body",
            Self::RequestHeaders => "request.headers",
            Self::RequestQuery => "request.query",
            Self::RequestCookies => "request.cookies",
            Self::RequestTrailers => "request.trailers",
            Self::ResponseBody => "response.body",
            Self::ResponseHeaders => "response.headers",
            Self::ResponseTrailers => "response.trailers",
        }
    }

    /// The way the message goes that this is a part of.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::RequestBody
            | Self::RequestHeaders
            | Self::RequestQuery
            | Self::RequestCookies
            | Self::RequestTrailers => Direction::Request,
            Self::ResponseBody | Self::ResponseHeaders | Self::ResponseTrailers => {
                Direction::Response
            }
        }
    }
}

/// The sort of data that a kind is: the categories of OCSF's `data_classification`, with health
/// data and the special categories of GDPR article 9 told apart from other personal data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(Serialize, Deserialize))]
#[cfg_attr(test, serde(rename_all = "snake_case"))]
pub enum Category {
    /// Names, addresses, dates of birth, and whatever else is about a person.
    #[default]
    Personal,
    /// About the health of a person (ePHI).
    Health,
    /// What GDPR article 9 calls special categories, other than health: origin, belief, opinion,
    /// membership, genetics, biometrics, sex life.
    Special,
    /// Numbers that a government gives: of passports, licences, tax and social insurance.
    Governmental,
    /// Payment cards, accounts and banks.
    Financial,
    /// Passwords, keys, tokens, and what else opens something.
    Security,
    /// About a company and not a person.
    Business,
}

impl Category {
    /// All categories, for parsing and for tests.
    pub const ALL: [Self; 7] = [
        Self::Personal,
        Self::Health,
        Self::Special,
        Self::Governmental,
        Self::Financial,
        Self::Security,
        Self::Business,
    ];

    /// The word in records, metrics and lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Health => "health",
            Self::Special => "special",
            Self::Governmental => "governmental",
            Self::Financial => "financial",
            Self::Security => "security",
            Self::Business => "business",
        }
    }

    /// OCSF 1.8.0, `data_classification.category_id`. Its Personal includes health.
    #[must_use]
    pub const fn ocsf_id(self) -> u64 {
        match self {
            Self::Personal | Self::Health | Self::Special => 1,
            Self::Governmental => 2,
            Self::Financial => 3,
            Self::Business => 4,
            Self::Security => 6,
        }
    }

    /// The caption that OCSF gives to [`Category::ocsf_id`].
    #[must_use]
    pub const fn ocsf_caption(self) -> &'static str {
        match self {
            Self::Personal | Self::Health | Self::Special => "Personal",
            Self::Governmental => "Governmental",
            Self::Financial => "Financial",
            Self::Business => "Business",
            Self::Security => "Security",
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn words_are_the_same_in_configurations_and_on_the_wire() {
        let json = |value: &dyn erased::ToJson| value.to_json();
        for (word, place) in Place::ALL {
            assert_eq!(place.as_str(), word);
            assert_eq!(json(&place), format!("\"{word}\""));
            assert!(word.starts_with(place.direction().as_str()), "{word}");
        }
        for category in Category::ALL {
            assert_eq!(json(&category), format!("\"{}\"", category.as_str()));
        }
        for outcome in FindingOutcome::ALL {
            assert_eq!(json(&outcome), format!("\"{}\"", outcome.as_str()));
        }
    }

    #[test]
    fn what_is_left_alone_reaches_the_other_side() {
        assert_eq!(
            FindingOutcome::unchanged(Direction::Response),
            FindingOutcome::Seen
        );
        assert_eq!(
            FindingOutcome::unchanged(Direction::Request),
            FindingOutcome::Sent
        );
        assert!(FindingOutcome::Seen.is_clear() && !FindingOutcome::Masked.is_clear());
    }

    mod erased {
        pub(super) trait ToJson {
            fn to_json(&self) -> String;
        }

        impl<T: serde::Serialize> ToJson for T {
            fn to_json(&self) -> String {
                serde_json::to_string(self).unwrap()
            }
        }
    }
}
