//! The kinds that a configuration adds, and values that it lets stay.

use aho_corasick::nfa::contiguous::NFA;
use policy::config::Node;
use policy::json::Json;
use regex_lite::{Regex, RegexBuilder};

use crate::custom::{Custom, CustomForm};
use crate::detect::{DETECTORS, named};
use crate::lexicon::folded;
use crate::plan::{Allowed, FIRST_CUSTOM};

/// All kinds of the configuration, by name.
pub(super) struct Kinds<'c> {
    customs: &'c [Custom],
}

impl<'c> Kinds<'c> {
    pub(super) const fn new(customs: &'c [Custom]) -> Self {
        Self { customs }
    }

    /// The number of a kind.
    pub(super) fn number(&self, name: &str) -> Option<u8> {
        named(name).map(|(entity, _)| entity).or_else(|| {
            let place = self.customs.iter().position(|custom| custom.name == name)?;
            FIRST_CUSTOM.checked_add(u8::try_from(place).ok()?)
        })
    }

    /// The name of a kind.
    pub(super) fn name(&self, entity: u8) -> &str {
        let detector = DETECTORS.get(usize::from(entity));
        let custom = || {
            let place = entity.checked_sub(FIRST_CUSTOM)?;
            self.customs.get(usize::from(place))
        };
        detector.map_or_else(
            || custom().map_or("", |custom| custom.name.as_str()),
            |detector| detector.name,
        )
    }

    /// What to say about a name that is none.
    pub(super) fn unknown(&self, name: &str) -> String {
        // The configuration's own error with the nearest name.
        let mut names: Vec<&str> = DETECTORS.iter().map(|detector| detector.name).collect();
        names.extend(self.customs.iter().map(|custom| custom.name.as_str()));
        policy::sort::by(&mut names, Ord::cmp);
        match policy::nearest(name, names.iter().copied()) {
            Some(near) => format!("unknown kind; did you mean {near:?}?"),
            None => "unknown kind; the README lists them".to_owned(),
        }
    }
}

/// `[{ "name": "EMPLOYEE", "regex": "E[0-9]{6}", "keywords": ["E"] }]`
pub(super) fn read(node: &Node<'_>) -> Option<Vec<Custom>> {
    let customs = node
        .clone()
        .at_most(MAX_CUSTOMS)
        .non_empty_list(|item| read_one(&item))?;
    for (place, custom) in customs.iter().enumerate() {
        let twice = customs
            .iter()
            .take(place)
            .any(|other| other.name == custom.name);
        if twice || named(&custom.name).is_some() {
            node.reject_unseen(format_args!(
                "there are two kinds with the name {:?}",
                custom.name
            ));
        }
    }
    Some(customs)
}

fn read_one(node: &Node<'_>) -> Option<Custom> {
    node.object(|fields| {
        let name = fields
            .required("name", "the name of the kind")
            .and_then(|n| {
                let name = n.name(48)?;
                let is_word =
                    |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
                if !name.bytes().all(is_word) {
                    n.reject("expected capital letters, digits and underscores");
                    return None;
                }
                Some(name.to_owned())
            });
        let ignore_case = fields.or("ignore_case", false, |n| n.boolean());
        let keywords = fields.optional("keywords").map(|n| {
            let words = words(&n, 64)?;
            automaton(&n, &words, true)
        });
        let searches_all = keywords.is_none();
        let regex = fields.optional("regex").map(|n| {
            let regex = read_regex(&n, ignore_case)?;
            let size = program_size(&n, ignore_case);
            if searches_all && size > MAX_SEARCHED_EVERYWHERE {
                n.reject_unseen("too large to be searched for in every text: give it \"keywords\", or name the words in a \"dictionary\"");
            }
            Some((regex, size))
        });
        let dictionary = fields.optional("dictionary").map(|n| {
            let words = words(&n, MAX_DICTIONARY_WORDS)?;
            automaton(&n, &words, ignore_case)
        });
        let context = fields.or("context", Vec::new(), |n| {
            Some(words(&n, 64)?.iter().map(|word| folded(word)).collect())
        });
        let needs_context = fields.or("needs_context", false, |n| n.boolean());
        let luhn = fields.or("luhn", false, |n| n.boolean());
        if needs_context && context.is_empty() {
            fields
                .node()
                .reject_unseen(r#""needs_context" needs "context""#);
        }
        if luhn && !may_pass_luhn(fields.node()) {
            fields
                .node()
                .reject_unseen(r#""luhn" needs digits, and no match can have any"#);
        }
        let form = match (regex, dictionary) {
            (Some(regex), None) => {
                let (regex, size) = regex?;
                CustomForm::Regex {
                    regex,
                    keywords: keywords.flatten(),
                    size,
                }
            }
            (None, Some(words)) => CustomForm::Dictionary(words?),
            _ => {
                fields
                    .node()
                    .reject(r#"expected exactly one of "regex" and "dictionary""#);
                return None;
            }
        };
        Some(Custom {
            name: name?,
            form,
            context,
            needs_context,
            luhn,
        })
    })
}

/// Whether anything that a detector finds may have a check digit: a word that has one, or an expression with digits or
/// a class.
fn may_pass_luhn(node: &Node<'_>) -> bool {
    let is_digit = |text: &str| {
        let mut digits = text.bytes().filter(u8::is_ascii_digit);
        digits.next().is_some()
    };
    match node.json().member("dictionary") {
        Some(Json::Array(words)) => words
            .iter()
            .any(|word| matches!(word, Json::String(word) if is_digit(word))),
        Some(_) => true,
        None => match node.json().member("regex") {
            Some(Json::String(text)) => is_digit(text) || text.contains(['\\', '.', '[']),
            _ => true,
        },
    }
}

fn words(node: &Node<'_>, most: usize) -> Option<Vec<String>> {
    let words = node.clone().at_most(most).strings()?;
    let total: usize = words.iter().map(String::len).sum();
    let fits = words
        .iter()
        .all(|word| (1..=MAX_WORD_BYTES).contains(&word.len()));
    if total > MAX_DICTIONARY_BYTES || !fits {
        node.reject_unseen(format_args!(
            "expected at most {most} words of 1 to {MAX_WORD_BYTES} bytes, {MAX_DICTIONARY_BYTES} bytes in all"
        ));
        return None;
    }
    Some(words)
}

fn automaton(node: &Node<'_>, words: &[String], ignore_case: bool) -> Option<NFA> {
    let built = NFA::builder()
        .ascii_case_insensitive(ignore_case)
        .match_kind(aho_corasick::MatchKind::LeftmostLongest)
        .build(words);
    built
        .map_err(|error| node.reject_unseen(format_args!("cannot be searched for: {error}")))
        .ok()
}

fn read_regex(node: &Node<'_>, ignore_case: bool) -> Option<Regex> {
    let text = node.name(MAX_REGEX_BYTES)?;
    let built = RegexBuilder::new(text)
        .size_limit(REGEX_MEMORY_BYTES)
        .nest_limit(16)
        .case_insensitive(ignore_case)
        .build();
    let regex = built
        .map_err(|error| node.reject(format_args!("not an expression that can be used: {error}")))
        .ok()?;
    if regex.is_match("") {
        node.reject("matches nothing at all, and so everywhere");
        return None;
    }
    Some(regex)
}

/// About how many bytes the program of an expression takes: a byte of a text may take as many steps.
fn program_size(node: &Node<'_>, ignore_case: bool) -> usize {
    let text = node.name(MAX_REGEX_BYTES).unwrap_or_default();
    let fits = |size: &usize| {
        let mut builder = RegexBuilder::new(text);
        let builder = builder.size_limit(*size).nest_limit(16);
        builder.case_insensitive(ignore_case).build().is_ok()
    };
    let sizes = (9..18).map(|bits| 1_usize << bits);
    sizes.into_iter().find(fits).unwrap_or(REGEX_MEMORY_BYTES)
}

/// `{ "values": ["support@example.com"], "suffixes": ["@example.com"] }`
pub(super) fn read_allowed(node: &Node<'_>) -> Option<Allowed> {
    node.object(|fields| {
        let lower = |n: Node<'_>| {
            let words = words(&n, 1024)?;
            Some(
                words
                    .iter()
                    .map(|word| word.to_lowercase())
                    .collect::<Vec<_>>(),
            )
        };
        Some(Allowed {
            values: fields.or("values", Vec::new(), lower).into_iter().collect(),
            prefixes: fields.or("prefixes", Vec::new(), lower),
            suffixes: fields.or("suffixes", Vec::new(), lower),
            patterns: fields.or("patterns", Vec::new(), |n| {
                n.non_empty_list(|item| read_regex(&item, true))
            }),
        })
    })
}

const MAX_CUSTOMS: usize = 32;
const MAX_DICTIONARY_WORDS: usize = 10_000;
const MAX_DICTIONARY_BYTES: usize = 256 * 1024;
/// Shorter than what is held, so that no word is cut in two.
const MAX_WORD_BYTES: usize = 128;
const MAX_REGEX_BYTES: usize = 512;
const MAX_SEARCHED_EVERYWHERE: usize = 4096;
const REGEX_MEMORY_BYTES: usize = 256 * 1024;
