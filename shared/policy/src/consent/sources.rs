//! Where consent signals are looked for.

use std::fmt;
use std::rc::Rc;

use super::iab::{self, Wanted};
use super::lookup::{ConsentLookup, OptOutMemory};
use super::{Consent, ConsentDefault, Signal, purposes};
use crate::config::{Fields, Node};
use crate::facts::Facts;
use crate::http;
use crate::json::Json;
use crate::values::Query;

/// Where consent signals are looked for.
///
/// ```json
/// { "gpc": true, "claim": "consents", "header": "x-consent",
///   "cookie": { "name": "consent", "trusted": true },
///   "tcf": { "cookie": "euconsent-v2", "vendor": 755, "purposes": { "1": "storage" } },
///   "default": "unknown" }
/// ```
/// Claim, header, cookie and query parameter hold the purposes that were agreed to, separated by
/// spaces or commas (the claim may be an array, or one of codings: `purpose_of_use[].code`). A source
/// that is present denies every purpose that it does not name; a TC or GPP string denies those that
/// it is asked about. All of them count, and the strictest wins: a purpose is granted if a source that
/// can be trusted names it and no source that is present denies it, so that a withdrawal in a header
/// takes effect while an older token still says otherwise. With `"combine": "first"` the first source
/// that is present and can be trusted ends the search, in the order above: what stands before it can
/// deny, and what is behind it is not read.
///
/// The claim can be trusted, for an issuer has signed it. The others are the caller's own word: they
/// can deny, and grant only with `"trusted": true`, which says that something before this filter
/// writes them and removes what callers send.
///
/// What cannot be read denies all, and so do more than eight values of one source. `Sec-GPC: 1` (Global Privacy Control) denies `sale`, `sharing` and
/// `targeted_advertising`, or the purposes of a list, whatever else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentSources {
    /// What Global Privacy Control denies; nothing where it does not count.
    gpc: Vec<String>,
    claim: Option<String>,
    header: Option<OwnWord>,
    cookie: Option<OwnWord>,
    query: Option<OwnWord>,
    tcf: Option<EncodedSource>,
    gpp: Option<EncodedSource>,
    receipt: Option<String>,
    lookup: Option<ConsentLookup>,
    opt_out_memory: Option<OptOutMemory>,
    combine: Combine,
    default: ConsentDefault,
    written: Written,
}

/// The block as it was written, for the record: two blocks that mean the same are the same.
#[derive(Clone, Default)]
struct Written(Option<String>);

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Written {}

/// A header, a cookie or a query parameter, which a caller can write.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnWord {
    name: String,
    trusted: bool,
}

/// How sources that disagree are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Combine {
    /// What one denies is denied.
    Strictest,
    /// Behind the first that is present and can be trusted, nothing is read.
    First,
}

/// A string of the IAB: where it is, and what its numbers mean to the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
struct EncodedSource {
    place: Place,
    trusted: bool,
    wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Header(String),
    Cookie(String),
    Query(String),
}

impl Default for ConsentSources {
    fn default() -> Self {
        Self {
            gpc: OPT_OUT_PURPOSES.map(str::to_owned).to_vec(),
            claim: Some("consents".to_owned()),
            header: None,
            cookie: None,
            query: None,
            tcf: None,
            gpp: None,
            receipt: None,
            lookup: None,
            opt_out_memory: None,
            combine: Combine::Strictest,
            default: ConsentDefault::Unknown,
            written: Written::default(),
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
                .required("name", "the name of the header, cookie or parameter")
                .and_then(|n| name(&n));
            let trusted = trusted(fields);
            Some(Self {
                name: named?,
                trusted,
            })
        })
    }
}

fn trusted(fields: &mut Fields<'_>) -> bool {
    let trusted = fields.or("trusted", false, |n| n.boolean());
    if trusted {
        fields.node().warn_unseen(
            "consent_trusted",
            "callers can write this themselves: trusted is right only where something before this \
             filter writes it and removes what callers send",
        );
    }
    trusted
}

impl EncodedSource {
    /// `{ "cookie": "euconsent-v2", "vendor": 755, "purposes": { "1": "storage" } }`.
    fn read(node: &Node<'_>, needs_purposes: bool) -> Option<Self> {
        node.object(|fields| {
            let header = fields.optional("header");
            let cookie = fields.optional("cookie");
            let query = fields.optional("query");
            let place = match (header, cookie, query) {
                (Some(header), None, None) => header.field_name().map(Place::Header),
                (None, Some(cookie), None) => {
                    cookie.name(256).map(|name| Place::Cookie(name.to_owned()))
                }
                (None, None, Some(query)) => query.parameter_name().map(Place::Query),
                _ => {
                    fields
                        .node()
                        .reject_unseen(r#"expected exactly one of "header", "cookie" and "query""#);
                    None
                }
            };
            let wanted = Wanted {
                purposes: fields.or("purposes", Vec::new(), |n| numbered(&n, 24)),
                special_features: fields.or("special_features", Vec::new(), |n| numbered(&n, 12)),
                vendor: fields.or("vendor", None, |n| n.integer(1..=65_535).map(Some)),
            };
            let is_told_nothing = wanted.purposes.is_empty() && wanted.special_features.is_empty();
            if needs_purposes && is_told_nothing && !fields.refused(&["purposes", "special_features"]) {
                fields.node().reject_unseen(
                    r#"expected "purposes" such as { "1": "storage" }: without names for its numbers a TC string says nothing"#,
                );
            }
            Some(Self {
                trusted: trusted(fields),
                place: place?,
                wanted,
            })
        })
    }

    /// The strings that some server may read.
    fn texts(&self, facts: &dyn Facts) -> Vec<String> {
        match &self.place {
            Place::Header(name) => facts.header_lines(name),
            Place::Cookie(name) => cookies(facts, name),
            Place::Query(name) => parameters(facts, name),
        }
    }
}

/// Names for the numbers of a framework.
fn numbered(node: &Node<'_>, most: u32) -> Option<Vec<(u32, String)>> {
    let named = node.named(|number, name| {
        let known = number.parse().ok().filter(|n| (1..=most).contains(n));
        if known.is_none() {
            name.reject(format_args!(
                "{number:?} is no number from 1 to {most}, by which the framework knows it"
            ));
        }
        let name = name.name(64).map(str::to_owned);
        Some((known?, name?))
    })?;
    Some(named.into_iter().map(|(_, numbered)| numbered).collect())
}

impl ConsentSources {
    /// Reads the `consent` key of a filter's configuration.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let defaults = Self::default();
            let default_gpc = defaults.gpc.clone();
            Some(Self {
                gpc: fields.or("gpc", defaults.gpc, |n| {
                    if matches!(n.json(), Json::Array(_)) {
                        return n.non_empty_list(|purpose| purpose.name(64).map(str::to_owned));
                    }
                    Some(if n.boolean()? {
                        default_gpc
                    } else {
                        Vec::new()
                    })
                }),
                claim: fields.or("claim", defaults.claim, |n| {
                    n.name(256).map(str::to_owned).map(Some)
                }),
                header: fields.or("header", None, |n| {
                    OwnWord::read(&n, |n| n.field_name()).map(Some)
                }),
                cookie: fields.or("cookie", None, |n| {
                    OwnWord::read(&n, |n| n.name(256).map(str::to_owned)).map(Some)
                }),
                query: fields.or("query", None, |n| {
                    OwnWord::read(&n, |n| n.parameter_name()).map(Some)
                }),
                tcf: fields.or("tcf", None, |n| EncodedSource::read(&n, true).map(Some)),
                gpp: fields.or("gpp", None, |n| EncodedSource::read(&n, false).map(Some)),
                receipt: fields.or("receipt", None, |n| {
                    n.name(256).map(str::to_owned).map(Some)
                }),
                lookup: fields.or("lookup", None, |n| ConsentLookup::read(&n).map(Some)),
                opt_out_memory: fields.or("remember_opt_out", None, |n| {
                    OptOutMemory::read(&n).map(Some)
                }),
                combine: fields.or("combine", Combine::Strictest, |n| {
                    n.one_of(&[("strictest", Combine::Strictest), ("first", Combine::First)])
                }),
                default: fields.or("default", defaults.default, |n| {
                    n.one_of(&[
                        ("unknown", ConsentDefault::Unknown),
                        ("granted", ConsentDefault::Granted),
                        ("denied", ConsentDefault::Denied),
                    ])
                }),
                written: Written(Some(node.json().to_string())),
            })
        })
    }

    /// The query parameters that hold TC or GPP strings.
    pub fn encoded_parameters(&self) -> impl Iterator<Item = &str> {
        let sources = [&self.tcf, &self.gpp].into_iter().flatten();
        sources.filter_map(|source| match &source.place {
            Place::Query(name) => Some(name.as_str()),
            Place::Header(_) | Place::Cookie(_) => None,
        })
    }

    /// The block as compact JSON, for a hash that says which policy was in force; `None` where there
    /// is none.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.written.0.as_deref()
    }

    /// The service that is asked, by the filter that verifies callers.
    #[must_use]
    pub const fn lookup(&self) -> Option<&ConsentLookup> {
        self.lookup.as_ref()
    }

    /// How opt-outs are remembered, by that filter too.
    #[must_use]
    pub const fn opt_out_memory(&self) -> Option<OptOutMemory> {
        self.opt_out_memory
    }

    /// Whether this request has Global Privacy Control, and it counts.
    #[must_use]
    pub fn is_opted_out(&self, facts: &dyn Facts) -> bool {
        // Several Sec-GPC headers of which one is exactly 1 count as 1; other values say nothing.
        let says_so = |value: String| value.split(',').any(|value| value.trim() == "1");
        !self.gpc.is_empty() && facts.header("sec-gpc").is_some_and(says_so)
    }

    /// Reads what each source says about this request.
    #[must_use]
    pub fn signals(&self, facts: &dyn Facts) -> Consent {
        let remembered = facts.identity().is_some_and(|identity| identity.opted_out);
        let opted_out = self.is_opted_out(facts) || remembered && !self.gpc.is_empty();
        let mut signals = Vec::new();
        // What a caller says of himself does not keep another source from being asked.
        let goes_on = |signals: &[Signal]| {
            self.combine == Combine::Strictest || !signals.iter().any(Signal::is_trusted)
        };
        if let (Some(claim), Some(identity)) = (&self.claim, facts.identity()) {
            let named = identity.claims.0.gathered(claim);
            let named = named.as_deref().map(Json::words);
            // Where the provider has another name for it, its mapping has found it.
            let mapped = identity.consents.clone().filter(|_| named.is_none());
            let words = named.or(mapped);
            signals.extend(words.map(|words| Signal::of_words("claim", true, words)));
        }
        if let Some(identity) = facts.identity()
            && goes_on(&signals)
        {
            signals.extend(Signal::of_lookup(&identity.agreed));
        }
        // Which of several lines, cookies or parameters counts, servers do not agree on: all do.
        type Texts = fn(&dyn Facts, &str) -> Vec<String>;
        let lines: Texts = |facts, name| facts.header_lines(name);
        for (source, own, texts) in [
            ("header", &self.header, lines),
            ("cookie", &self.cookie, cookies),
            ("query", &self.query, parameters),
        ] {
            if let Some(OwnWord { name, trusted }) = own
                && goes_on(&signals)
            {
                let read = |text: &str| Signal::of_words(source, *trusted, purposes(text));
                add_lines(&mut signals, &texts(facts, name), &read);
            }
        }
        type Decode = fn(&str, &Wanted) -> Option<iab::Decoded>;
        let (tcf, gpp): (Decode, Decode) = (iab::tcf, iab::gpp);
        for (source, encoded, decode) in [("tcf", &self.tcf, tcf), ("gpp", &self.gpp, gpp)] {
            if let Some(encoded) = encoded
                && goes_on(&signals)
            {
                let read = |text: &str| {
                    let decoded = decode(text.trim(), &encoded.wanted);
                    Signal::of_string(source, encoded.trusted, text, decoded)
                };
                add_lines(&mut signals, &encoded.texts(facts), &read);
            }
        }
        // An objection counts whatever the sources say, and keeps none of them from being read.
        let objects_to = facts.identity().map(|identity| &identity.objects_to);
        if let Some(purposes) = objects_to.filter(|purposes| !purposes.is_empty()) {
            signals.insert(0, Signal::of_objection(purposes));
        }
        let receipt = self.receipt.as_ref().and_then(|claim| {
            let id = facts.identity()?.claim(claim)?.scalar_text()?;
            (id.len() <= MAX_RECEIPT_BYTES).then_some(id)
        });
        Consent {
            opted_out,
            opted_out_of: match opted_out {
                true => self.gpc.clone(),
                false => Vec::new(),
            },
            signals,
            receipt,
            default: self.default,
        }
    }
}

/// Adds what each text says. Where there are more than are read, the source cannot be read: the one
/// that some server goes by may be any of them.
fn add_lines(signals: &mut Vec<Signal>, texts: &[String], read: &dyn Fn(&str) -> Signal) {
    let begun = signals.len();
    signals.extend(texts.iter().take(MAX_LINES).map(|text| read(text)));
    if texts.len() > MAX_LINES {
        let added = signals.iter_mut().skip(begun);
        added.for_each(Signal::make_unreadable);
    }
}

fn cookies(facts: &dyn Facts, name: &str) -> Vec<String> {
    let value = facts.header("cookie").unwrap_or_default();
    http::cookies(&value, name)
        .take(MAX_LINES.saturating_add(1))
        .map(str::to_owned)
        .collect()
}

fn parameters(facts: &dyn Facts, name: &str) -> Vec<String> {
    // Where nobody knows all paths, the one that was sent counts.
    let sent = || Rc::new([Query::of(facts.raw_path())]) as Rc<[Query]>;
    let queries = facts.queries().unwrap_or_else(sent);
    let values = queries.iter().flat_map(|query| query.values(name));
    values
        .take(MAX_LINES.saturating_add(1))
        .map(|value| crate::text::lossy(value).into_owned())
        .collect()
}

/// What Global Privacy Control is about: the sale and the sharing of the CCPA (regulations section
/// 7025), and the targeted advertising of the laws of other states.
const OPT_OUT_PURPOSES: [&str; 3] = [iab::SALE, iab::SHARING, iab::TARGETED_ADVERTISING];
/// So many values of one source are read.
const MAX_LINES: usize = 8;
const MAX_RECEIPT_BYTES: usize = 128;
