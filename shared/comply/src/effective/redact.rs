//! What pii-redactor takes out of messages, and for whom.

use pii_redactor::action::{Action, Generalization};
use pii_redactor::config::{Config, Place, Rule};
use pii_redactor::detect::{DETECTORS, PRESETS, Treatment};
use pii_redactor::paths::Path;
use pii_redactor::plan::FieldAction;
use policy::config::{self, Configuration};
use policy::consent::{Consent, ConsentCondition};
use serde_json::{Map, Value, json};

use super::browser::says;
use super::reach::{is_of_all_but_consent, items};
use super::{budget, mode_word};

/// `kinds` and `presets`: what is taken out of responses at all, and whether out of every one.
/// `found`: of which presets every value is found, whatever becomes of it. `minimises`: the lists of
/// members, by direction. `rules`: what single rules do on a refusal. `budgets`: what callers may have.
pub(super) fn effective(text: &str, config: &Map<String, Value>) -> Option<Value> {
    let read = Config::parse(text).ok()?;
    let all = Rules::of(&read, config);
    let kinds = detectors().filter_map(|(kind, name, _)| {
        let demanded = PRESETS.iter().find(|preset| preset.name == "pci");
        let demanded = demanded.and_then(|preset| preset.treatment(kind));
        // A few digits can be tried one by one, so a code that is made of them is them: PCI 3.3.1 wants them gone, even
        // where they are encrypted.
        let is_short = CARD_SECRETS.contains(&name);
        let keeps = |action: &Action| is_short && matches!(action, Action::Pseudonym(_));
        all.row(name, &[(kind, demanded)], |action| !keeps(action))
    });
    let of_presets = PRESETS.iter().flat_map(|preset| {
        let kinds = kinds_of(preset.bit).map(|kind| (kind, preset.treatment(kind)));
        let kinds: Vec<Demand> = kinds.collect();
        let special = kinds.iter().copied();
        let special = special.filter(|(_, demanded)| *demanded == Some(Treatment::Remove));
        let special: Vec<Demand> = special.collect();
        let special = (preset.name == "gdpr").then_some(("gdpr_special_categories", special));
        [(preset.name, kinds)].into_iter().chain(special)
    });
    let presets = of_presets.filter_map(|(name, kinds)| {
        // A code that is made of the value is no Safe Harbor: 45 CFR 164.514(c).
        let is_derived = |action: &Action| matches!(action, Action::Pseudonym(_));
        all.row(name, &kinds, |action| {
            name != "hipaa" || !is_derived(action)
        })
    });
    let found = PRESETS.iter().filter_map(|preset| {
        let reaches = kinds_of(preset.bit).map(|kind| all.finds(kind));
        let least = reaches.min()??;
        Some(json!({"name": preset.name, "everywhere": least == Reach::Everywhere}))
    });
    let rules = all.rules.iter().map(|rule| {
        let by_browser = rule.acts_for(&all.opted_out) && !rule.consents.is_empty();
        let unasked = rule.acts_for(&all.unasked) && rule.asks_for_refusal();
        json!({
            "mode": mode_word(rule.read.mode),
            "honours_gpc": by_browser && changes_something(rule.read),
            "needs_consent": unasked && all.is_substantial(rule),
            // Which of these people may object to, jwt-auth knows.
            "stops_objections": false,
            "acts_on_refusal_of": rule.refused().filter(|_| all.is_substantial(rule)).collect::<Vec<_>>(),
            "everywhere": rule.is_for_all_requests(),
        })
    });
    let makes_pseudonyms = |rule: &&RuleAt<'_>| {
        actions(rule.read).any(|action| matches!(action, Action::Pseudonym(_)))
    };
    let pseudonyms = all.rules.iter().filter(makes_pseudonyms).map(|rule| {
        json!({
            "mode": mode_word(rule.read.mode),
            "is_made": true,
            "everywhere": all.is_whole
                && rule.read.places.has(Place::ResponseBody)
                && rule.is_for(&Audience::All),
        })
    });
    Some(json!({
        "kinds": kinds.collect::<Vec<_>>(),
        "presets": presets.collect::<Vec<_>>(),
        "found": found.collect::<Vec<_>>(),
        "minimises": all.minimises(),
        "rules": rules.collect::<Vec<_>>(),
        "pseudonyms": pseudonyms.collect::<Vec<_>>(),
        "budgets": budget::rows(&all, config),
    }))
}

/// What nobody may keep of a card.
const CARD_SECRETS: [&str; 3] = ["CARD_CVV", "CARD_PIN", "CARD_TRACK"];

/// All kinds, with their names and presets.
fn detectors() -> impl Iterator<Item = (u8, &'static str, u8)> {
    let all = (0_u8..).zip(DETECTORS.iter());
    all.map(|(kind, detector)| (kind, detector.name, detector.presets))
}

fn kinds_of(preset: u8) -> impl Iterator<Item = u8> {
    let kinds = detectors().filter(move |(_, _, presets)| presets & preset != 0);
    kinds.map(|(kind, _, _)| kind)
}

/// A kind, and what is demanded of it.
type Demand = (u8, Option<Treatment>);

/// Of whom it is asked what is done.
#[derive(Clone, Debug)]
pub(super) enum Audience {
    /// Everybody, whatever they have agreed to.
    All,
    /// People whose requests say this; each of these is enough.
    Saying(Vec<Consent>),
}

/// For which messages something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Somewhere,
    Everywhere,
}

/// A rule, and what it says about consent.
pub(super) struct RuleAt<'c> {
    pub(super) read: &'c Rule,
    written: Option<&'c Value>,
    consents: Vec<ConsentCondition>,
}

impl RuleAt<'_> {
    /// Whether what it says about consent lets it act on such people.
    fn acts_for(&self, audience: &Audience) -> bool {
        match audience {
            Audience::All => true,
            Audience::Saying(said) => self
                .consents
                .iter()
                .all(|condition| said.iter().any(|said| condition.holds(said))),
        }
    }

    /// Whether it is about each request of everybody who has or has not agreed to what it asks.
    fn is_for_all_requests(&self) -> bool {
        self.is_counted_everywhere(true) && self.read.unless.is_empty()
    }

    /// Whether it is about each request of such people, none of whom is exempt.
    fn is_for(&self, audience: &Audience) -> bool {
        let asks_nothing = matches!(audience, Audience::Saying(_)) || self.consents.is_empty();
        asks_nothing && self.acts_for(audience) && self.is_for_all_requests()
    }

    /// Whether it is about each request; of callers who are exempt a rule counts what they get.
    pub(super) fn is_counted_everywhere(&self, whatever_consent: bool) -> bool {
        (whatever_consent || self.consents.is_empty())
            && self.written.is_none_or(is_of_all_but_consent)
    }

    fn asks_for_refusal(&self) -> bool {
        self.refused().next().is_some()
    }

    /// The purposes of which it asks whether they are refused.
    fn refused(&self) -> impl Iterator<Item = &str> {
        let parts = ["when", "match"].map(|key| self.written?.get(key)?.get("consent"));
        let lists = parts
            .into_iter()
            .flatten()
            .filter_map(|one| one.get("denied")?.as_array());
        lists.flatten().filter_map(Value::as_str)
    }
}

/// All rules, that of the presets at the top level first.
pub(super) struct Rules<'c> {
    pub(super) config: &'c Config,
    pub(super) rules: Vec<RuleAt<'c>>,
    /// Nothing that applies to all rules lets values pass that they are about.
    pub(super) is_whole: bool,
    /// Callers whose browser sends `Sec-GPC: 1`.
    opted_out: Audience,
    /// Who has refused that sensitive information is used, or that anything is sold or shared.
    limiting: Audience,
    /// Callers who send no signal about consent.
    unasked: Audience,
}

impl<'c> Rules<'c> {
    fn of(read: &'c Config, config: &'c Map<String, Value>) -> Self {
        let written = items(config, "rules");
        let of_presets = read.rules.len().saturating_sub(written.len());
        let written = std::iter::repeat_n(None, of_presets).chain(written.iter().map(Some));
        let rules = read
            .rules
            .iter()
            .zip(written)
            .map(|(read, written)| RuleAt {
                read,
                written,
                consents: consents(written),
            });
        let sources = config.get("consent").cloned().unwrap_or_else(|| json!({}));
        let by_browser = says(&sources, true);
        let limit = says(&json!({"gpc": LIMITING_PURPOSES}), true);
        Self {
            config: read,
            rules: rules.collect(),
            is_whole: leaves_nothing_out(config),
            limiting: Audience::Saying(by_browser.iter().cloned().chain(limit).collect()),
            opted_out: Audience::Saying(by_browser.into_iter().collect()),
            unasked: Audience::Saying(says(&sources, false).into_iter().collect()),
        }
    }

    /// Where all of these kinds are taken out; where they are not, where they would be by rules that only
    /// report.
    fn row(
        &self,
        name: &str,
        kinds: &[Demand],
        is_good: impl Fn(&Action) -> bool,
    ) -> Option<Value> {
        let of_all = |counts_reported: bool, audience: &Audience| {
            let mut reaches = kinds.iter().map(|(kind, demanded)| {
                self.reach(*kind, (counts_reported, audience), |action| {
                    is_enough(action, *demanded) && is_good(action)
                })
            });
            reaches.try_fold(Reach::Everywhere, |all, one| Some(all.min(one?)))
        };
        let modes = [("enforce", false), ("report", true)];
        let (mode, counts_reported, found) = modes
            .into_iter()
            .find_map(|(mode, counts)| Some((mode, counts, of_all(counts, &Audience::All)?)))?;
        let word = |audience: &Audience| match of_all(counts_reported, audience)? {
            Reach::Everywhere if self.is_whole => Some("everywhere"),
            Reach::Everywhere | Reach::Somewhere => Some("somewhere"),
        };
        Some(json!({
            "mode": mode,
            "name": name,
            "everywhere": self.is_whole && found == Reach::Everywhere,
            "on_opt_out": word(&self.opted_out),
            "on_refusal": word(&self.limiting),
        }))
    }

    /// Out of which responses to such people a kind is taken by an action that is enough. Of several
    /// rules about one response the strictest acts.
    fn reach(
        &self,
        kind: u8,
        (counts_reported, audience): (bool, &Audience),
        is_enough: impl Fn(&Action) -> bool,
    ) -> Option<Reach> {
        let acting = self.rules.iter().filter(|rule| {
            rule.read.places.has(Place::ResponseBody)
                && (counts_reported || rule.read.mode.enforces())
                && rule.acts_for(audience)
        });
        let found = acting.filter_map(|rule| {
            let mut detected = rule.read.detect.iter();
            let (_, action) = detected.find(|(known, _)| *known == kind)?;
            Some((rule, &**action))
        });
        let (enough, less): (Vec<_>, Vec<_>) = found.partition(|(_, action)| is_enough(action));
        enough.first()?;
        let everywhere = enough.iter().filter(|(rule, _)| rule.is_for(audience));
        let strictest = everywhere.map(|(_, action)| action.strictness()).min();
        let is_everywhere = strictest.is_some_and(|strictest| {
            // A pseudonym is stricter than a year, and no Safe Harbor.
            less.iter()
                .all(|(_, action)| action.strictness() >= strictest)
        });
        Some(if is_everywhere {
            Reach::Everywhere
        } else {
            Reach::Somewhere
        })
    }

    /// In which responses a kind is found, whatever becomes of it.
    pub(super) fn finds(&self, kind: u8) -> Option<Reach> {
        let searching = self.rules.iter().filter(|rule| {
            let mut detected = rule.read.detect.iter();
            rule.read.places.has(Place::ResponseBody) && detected.any(|(known, _)| *known == kind)
        });
        let reaches = searching.map(|rule| match rule.is_counted_everywhere(false) {
            true if self.is_whole => Reach::Everywhere,
            _ => Reach::Somewhere,
        });
        reaches.max()
    }

    /// The lists of members that may pass, by direction. Of several about one message the first counts,
    /// so one that lets all pass undoes those behind it.
    fn minimises(&self) -> Vec<Value> {
        let places = [
            ("request", Place::RequestBody),
            ("response", Place::ResponseBody),
        ];
        let rows = places.into_iter().flat_map(|(direction, place)| {
            let about = self.rules.iter().filter(move |rule| {
                rule.read.places.has(place) && rule.read.allow_fields.is_some()
            });
            let enforcing = about.clone().filter(|rule| rule.read.mode.enforces());
            let is_undone = enforcing.clone().any(|rule| !lists_members(rule.read));
            let good = about.filter(|rule| lists_members(rule.read));
            good.map(move |rule| {
                let is_for_all = self.is_whole && rule.is_for(&Audience::All);
                json!({
                    "mode": mode_word(rule.read.mode),
                    "direction": direction,
                    "everywhere": is_for_all && !is_undone,
                })
            })
        });
        rows.collect()
    }

    /// Whether a rule does more than to change a value here and there: all that some preset of personal
    /// data names goes, or all members but those of a list.
    fn is_substantial(&self, rule: &RuleAt<'_>) -> bool {
        let takes = |kind: u8, demanded: Option<Treatment>| {
            let mut detected = rule.read.detect.iter();
            detected.any(|(known, action)| *known == kind && is_enough(action, demanded))
        };
        let mut personal = PRESETS.iter().filter(|preset| preset.name != "secrets");
        rule.read.places.has(Place::ResponseBody)
            && (lists_members(rule.read)
                || personal.any(|preset| {
                    kinds_of(preset.bit).all(|kind| takes(kind, preset.treatment(kind)))
                }))
    }
}

/// What a rule asks about consent, for all its messages and for itself.
fn consents(written: Option<&Value>) -> Vec<ConsentCondition> {
    let conditions = ["when", "match"].map(|key| written?.get(key)?.get("consent"));
    let read = conditions.into_iter().flatten().filter_map(|condition| {
        config::read(&condition.to_string(), |node| ConsentCondition::read(&node)).ok()
    });
    read.collect()
}

/// Whether nothing that applies to all rules lets values pass that they are about.
fn leaves_nothing_out(config: &Map<String, Value>) -> bool {
    let is = |key: &str, word: &str| config.get(key).and_then(Value::as_str) == Some(word);
    let failures = config.get("on_error").and_then(Value::as_object);
    let lets_pass = failures.is_some_and(|policies| policies.values().any(|one| one == "pass"));
    let stays = config.get("allow").and_then(Value::as_object);
    let lets_stay = stays.is_some_and(|kinds| !kinds.is_empty());
    !(lets_pass || lets_stay || is("type_policy", "keep") || is("min_confidence", "high"))
}

/// Whether an action leaves no more than a preset does.
fn is_enough(action: &Action, demanded: Option<Treatment>) -> bool {
    match (action, demanded) {
        (Action::Detect, _) => false,
        (Action::Mask(mask), Some(Treatment::LastFour)) => mask.keep_last <= 4,
        (Action::Mask(mask), _) => mask.keep_first == 0 && mask.keep_last == 0,
        (Action::Generalize(how), Some(demanded)) => match (how, demanded) {
            // A year may tell an age over 89.
            (Generalization::Zip3, Treatment::Zip3)
            | (Generalization::YearOfLife, Treatment::Year) => true,
            (Generalization::AgeCap(age), Treatment::AgeCap) => *age <= 89,
            (Generalization::Network(v4, v6), Treatment::Network) => *v4 <= 24 && *v6 <= 48,
            (Generalization::Decimals(count), Treatment::Decimals) => *count <= 2,
            _ => false,
        },
        (Action::Generalize(_), None) => false,
        _ => true,
    }
}

/// What is done with values.
fn actions(rule: &Rule) -> impl Iterator<Item = &Action> {
    let detected = rule.detect.iter().map(|(_, action)| &**action);
    let of_fields = rule.fields.iter().filter_map(|field| match &field.action {
        FieldAction::Value(action) => Some(&**action),
        FieldAction::Remove | FieldAction::Null | FieldAction::Replace(_) => None,
    });
    detected.chain(of_fields)
}

fn changes_something(rule: &Rule) -> bool {
    let mut fields = rule.fields.iter();
    actions(rule).any(Action::changes)
        || fields.any(|field| !matches!(field.action, FieldAction::Value(_)))
        || rule.allow_fields.is_some()
        || rule.judges_owners()
}

/// Whether only members pass that are named: a path of nothing but wildcards, or one that begins at any
/// depth, lets more pass than anybody has listed.
fn lists_members(rule: &Rule) -> bool {
    let listed = rule.allow_fields.as_deref();
    listed.is_some_and(|paths| paths.iter().all(Path::goes_by_names))
}

/// What Californian law lets a consumer limit is called so, or is sold or shared.
const LIMITING_PURPOSES: [&str; 8] = [
    "limit_use",
    "sale",
    "sensitive",
    "sensitive_data",
    "sensitive_information",
    "sensitive_use",
    "sharing",
    "targeted_advertising",
];
