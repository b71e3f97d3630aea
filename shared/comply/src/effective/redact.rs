//! What pii-redactor takes out of the bodies of responses.

use pii_redactor::action::{Action, Generalization};
use pii_redactor::config::{Config, Place, Rule};
use pii_redactor::detect::{DETECTORS, PRESETS, Treatment};
use pii_redactor::plan::FieldAction;
use policy::config::{self, Configuration};
use policy::consent::{Consent, ConsentCondition, ConsentSources};
use policy::facts::Facts;
use policy::identity::Identity;
use policy::matching::Match;
use policy::path::{PathError, RequestPath};
use policy::request_value::CertificateField;
use serde_json::{Map, Value, json};

use super::{is_of_all, mode_word};

/// `kinds` and `presets`: what is taken out at all, and whether out of every response. `rules`: what
/// single rules do, that of the presets at the top level first.
pub(super) fn effective(text: &str, config: &Map<String, Value>) -> Option<Value> {
    let read = Config::parse(text).ok()?;
    let all = || (0_u8..).zip(DETECTORS.iter());
    let is_whole = leaves_nothing_out(config);
    let kinds = all().filter_map(|(kind, detector)| {
        let demanded = PRESETS.iter().find(|preset| preset.name == "pci");
        let demanded = demanded.and_then(|preset| preset.treatment(kind));
        row(
            &read,
            detector.name,
            (&[(kind, demanded)], is_whole),
            |_| true,
        )
    });
    let of_presets = PRESETS.iter().flat_map(|preset| {
        let kinds = all().filter(|(_, detector)| detector.presets & preset.bit != 0);
        let kinds: Vec<_> = kinds
            .map(|(kind, _)| (kind, preset.treatment(kind)))
            .collect();
        let special = kinds.iter().copied();
        let special = special.filter(|(_, demanded)| *demanded == Some(Treatment::Remove));
        let special: Vec<_> = special.collect();
        let special = (preset.name == "gdpr").then_some(("gdpr_special_categories", special));
        [(preset.name, kinds)].into_iter().chain(special)
    });
    let presets = of_presets.filter_map(|(name, kinds)| {
        // A code that is made of the value is no Safe Harbor: 45 CFR 164.514(c).
        let is_derived = |action: &Action| matches!(action, Action::Pseudonym(_));
        row(&read, name, (&kinds, is_whole), |action| {
            name != "hipaa" || !is_derived(action)
        })
    });
    let written = config.get("rules").and_then(Value::as_array);
    let written = written.into_iter().flatten().map(Some);
    let has_presets = config.contains_key("presets").then_some(None);
    let written = has_presets.into_iter().chain(written);
    let rules = read.rules.iter().zip(written).map(|(rule, written)| {
        let acts_where = |signals: &[(&'static str, &'static str)]| {
            written.is_some_and(|written| {
                changes_something(rule) && acts_on_refusal(config, written, signals)
            })
        };
        json!({
            "mode": mode_word(rule.mode),
            "is_for_all": is_for_all(rule, false),
            "is_for_all_requests": written.is_none_or(is_for_all_requests),
            "is_searched": rule.places.has(Place::ResponseBody) && !rule.detect.is_empty(),
            "minimises": written.is_some_and(|written| minimises(rule, written)),
            "honours_gpc": acts_where(&[("sec-gpc", "1")]),
            "needs_consent": acts_where(&[]),
        })
    });
    let makes_pseudonyms =
        |rule: &&Rule| actions(rule).any(|action| matches!(action, Action::Pseudonym(_)));
    let pseudonyms = read.rules.iter().filter(makes_pseudonyms);
    let pseudonyms = pseudonyms.map(|rule| json!({"mode": mode_word(rule.mode), "is_made": true}));
    Some(json!({
        "kinds": kinds.collect::<Vec<_>>(),
        "presets": presets.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "pseudonyms": pseudonyms.collect::<Vec<_>>(),
    }))
}

/// A kind, and what is demanded of it.
type Demand = (u8, Option<Treatment>);

/// Where all of these kinds are taken out; where they are not, where they would be by rules that only
/// report.
fn row(
    config: &Config,
    name: &str,
    (kinds, is_whole): (&[Demand], bool),
    is_good: impl Fn(&Action) -> bool,
) -> Option<Value> {
    let of_all = |counts_reported, on_refusal| {
        let mut reaches = kinds.iter().map(|(kind, demanded)| {
            reach(config, *kind, (counts_reported, on_refusal), |action| {
                is_enough(action, *demanded) && is_good(action)
            })
        });
        reaches.try_fold(Reach::Everywhere, |all, one| Some(all.min(one?)))
    };
    let modes = [("enforce", false), ("report", true)];
    let (mode, counts_reported, found) = modes
        .into_iter()
        .find_map(|(mode, counts)| Some((mode, counts, of_all(counts, false)?)))?;
    let on_refusal = of_all(counts_reported, true);
    Some(json!({
        "mode": mode,
        "name": name,
        "everywhere": is_whole && found == Reach::Everywhere,
        "on_refusal": is_whole && on_refusal == Some(Reach::Everywhere),
    }))
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

/// Out of which responses something is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Somewhere,
    Everywhere,
}

/// Whether a rule is about every message; `on_refusal`: about every one of people who have refused.
fn is_for_all(rule: &Rule, on_refusal: bool) -> bool {
    let asks_refusal_alone =
        |condition: &ConsentCondition| on_refusal && condition.required().is_empty();
    is_of_all(&rule.matches)
        && rule.unless.is_empty()
        && rule.when_consent.as_ref().is_none_or(asks_refusal_alone)
}

/// The same of a rule as it is written, whatever it says about consent.
fn is_for_all_requests(written: &Value) -> bool {
    let Some(mut members) = written.get("match").and_then(Value::as_object).cloned() else {
        return true;
    };
    members.remove("consent");
    let read = config::read(&Value::Object(members).to_string(), |node| {
        Match::read(&node)
    });
    read.is_ok_and(|read| is_of_all(&read))
}

/// Out of which responses a kind is taken by an action that is enough. Of several rules about one
/// response the strictest acts.
fn reach(
    config: &Config,
    kind: u8,
    (counts_reported, on_refusal): (bool, bool),
    is_enough: impl Fn(&Action) -> bool,
) -> Option<Reach> {
    let acting = config.rules.iter().filter(|rule| {
        rule.places.has(Place::ResponseBody) && (counts_reported || rule.mode.enforces())
    });
    let found = acting.filter_map(|rule| {
        let (_, action) = rule.detect.iter().find(|(known, _)| *known == kind)?;
        Some((rule, &**action))
    });
    let (enough, less): (Vec<_>, Vec<_>) = found.partition(|(_, action)| is_enough(action));
    enough.first()?;
    let everywhere = enough
        .iter()
        .filter(|(rule, _)| is_for_all(rule, on_refusal));
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

/// Whether only listed members pass, of whatever the rule is about.
fn minimises(rule: &Rule, written: &Value) -> bool {
    // A path of nothing but wildcards.
    let lets_all_pass = |path: &Value| {
        path.as_str()
            .is_some_and(|path| path.chars().all(|c| "$.*[]".contains(c)))
    };
    let listed = written.get("allow_fields").and_then(Value::as_array);
    let is_about_bodies =
        rule.places.has(Place::ResponseBody) || rule.places.has(Place::RequestBody);
    is_about_bodies
        && rule.when_consent.is_none()
        && listed.is_some_and(|paths| !paths.iter().any(lets_all_pass))
}

/// Whether a rule acts on people who have refused, and on a request with these headers.
fn acts_on_refusal(
    config: &Map<String, Value>,
    written: &Value,
    headers: &[(&'static str, &'static str)],
) -> bool {
    let sources = config.get("consent").map(Value::to_string);
    let sources = config::read(sources.as_deref().unwrap_or("{}"), |node| {
        ConsentSources::read(&node)
    });
    let Ok(sources) = sources else {
        return false;
    };
    let signals = sources.signals(&Browser(headers, Consent::default()));
    let holds = |condition: &Value| {
        let read = config::read(&condition.to_string(), |node| ConsentCondition::read(&node));
        condition.get("denied").is_some() && read.is_ok_and(|condition| condition.holds(&signals))
    };
    let conditions = ["when", "match"].map(|key| written.get(key)?.get("consent"));
    let mut conditions = conditions.into_iter().flatten().peekable();
    conditions.peek().is_some() && conditions.all(holds)
}

/// A request with some headers, of which nothing else is known.
struct Browser<'h>(&'h [(&'static str, &'static str)], Consent);

impl Facts for Browser<'_> {
    fn path(&self) -> Result<&RequestPath, PathError> {
        Err(PathError::Missing)
    }
    fn raw_path(&self) -> &[u8] {
        b""
    }
    fn client_certificate(&self, _: CertificateField) -> Option<String> {
        None
    }
    fn method(&self) -> &str {
        "GET"
    }
    fn host(&self) -> &str {
        ""
    }
    fn route(&self) -> Option<&str> {
        None
    }
    fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.0.iter();
        let found = headers.find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }
    fn header_lines(&self, name: &str) -> Vec<String> {
        self.header(name).into_iter().collect()
    }
    fn folded_lines(&self, name: &str) -> Vec<String> {
        self.header_lines(name)
    }
    fn identity(&self) -> Option<&Identity> {
        None
    }
    fn consent(&self) -> &Consent {
        &self.1
    }
}
