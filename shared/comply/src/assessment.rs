//! For each requirement: which setting gives it, which records show it, what is missing.

use std::collections::BTreeMap;

use audit::Hash;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::control::{Catalog, Control, Framework, Measure};
use crate::effective::{Bypassed, Form, RouteConfig, forms, passed_by};
use crate::evidence::{Evidence, Found, Period};
use crate::inventory::Inventory;
use crate::predicate::ReportMode;
use trail::verdict::Verdict;

/// Whether a measure is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureState {
    /// The configuration does not say so.
    Missing,
    /// It is set, in report mode: nothing is done.
    ReportOnly,
    /// Something of the kind is configured, and nobody can tell whether it is enough.
    Unclear,
    /// It is set for some requests, callers, credentials or directions, and not for others.
    Limited,
    /// It is set, and no record of the period shows it.
    Set,
    /// It is set, and records for which a key vouches show it.
    Shown,
}

/// Whether a requirement is met, as far as a gateway can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// No measure of a gateway is known for it.
    Beyond,
    /// None of its measures is taken.
    Missing,
    /// Some are, and some are not, or only in report mode or for some requests.
    Partial,
    /// All are set; no records show all those that leave records.
    Set,
    /// All are set, and records show all those that leave records.
    Shown,
}

/// A measure, of a requirement.
#[derive(Clone, Debug, Serialize)]
pub struct MeasureResult {
    /// The id of the measure.
    pub id: String,
    /// A title of a few words.
    pub title: String,
    /// Whether the configuration takes the measure.
    pub state: MeasureState,
    /// What the configuration must say.
    pub setting: String,
    /// For which requests it is not done, where it is for others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// The query that records of the measure must meet.
    pub query: Option<String>,
    /// The records that show it, where a trail was given.
    pub evidence: Option<Evidence>,
    /// The tests that show that it works.
    pub tests: Vec<String>,
    /// How to set it, where it is not.
    pub guidance: Option<String>,
}

/// What was found for one requirement.
#[derive(Clone, Debug, Serialize)]
pub struct ControlResult {
    /// What the standard calls it.
    pub id: String,
    /// The title of the requirement.
    pub title: String,
    /// What the requirement demands, in our words.
    pub demands: String,
    /// Whether the requirement is met.
    pub state: ControlState,
    /// The measures that it needs.
    pub measures: Vec<MeasureResult>,
    /// What no gateway can do for it.
    pub beyond: String,
}

/// How many requirements are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names of the states")]
pub struct Counts {
    pub shown: u64,
    pub set: u64,
    pub partial: u64,
    pub missing: u64,
    pub beyond: u64,
}

/// What is known of the trail.
#[derive(Clone, Debug, Serialize)]
pub struct TrailResult {
    /// Records of the period for which a key vouches.
    pub counted: Evidence,
    /// Records for which none does: they are evidence of nothing.
    pub not_counted: u64,
    /// Records for which one does, made under other configurations, by the `config_sha256` of each: they show
    /// nothing of the configuration that is assessed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub of_other_configurations: BTreeMap<String, Evidence>,
    /// Records that count, though the beginning of their chain, which names the configuration, is not there.
    pub of_unknown_configuration: u64,
    /// Whether the trail can be trusted.
    pub result: &'static str,
    /// The same as a sentence.
    pub sentence: String,
}

/// The evidence pack for a framework.
#[derive(Clone, Debug, Serialize)]
pub struct Assessment {
    /// The id of the framework: `pci`.
    pub framework: String,
    /// The framework's name and edition.
    pub title: String,
    /// When it was made, milliseconds since 1970.
    pub made_ms: u64,
    /// The period that was looked at.
    pub period: Period,
    /// Where the configurations come from: the filter, and the file.
    pub configurations: Vec<(String, String)>,
    /// What is known of the trail, where one was given.
    pub trail: Option<TrailResult>,
    /// What passed beside what is documented, where an OpenAPI document was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// How many requirements are in each state.
    pub counts: Counts,
    /// The results for all requirements.
    pub controls: Vec<ControlResult>,
}

/// What an assessment is made of.
#[derive(Debug)]
pub struct Basis<'b> {
    /// All forms of the configurations.
    pub forms: &'b [Form],
    /// What was found in the trail, for these measures.
    pub found: Option<(&'b [&'b Measure], &'b Found)>,
    /// Whether it can be trusted.
    pub verdict: Option<&'b Verdict>,
}

impl Assessment {
    /// Assesses a configuration and a trail against a framework.
    #[must_use]
    pub fn new(catalog: &Catalog, framework: &Framework, basis: &Basis<'_>) -> Self {
        let controls = framework.controls.iter();
        let controls: Vec<ControlResult> = controls
            .map(|control| ControlResult::new(catalog, control, basis))
            .collect();
        let mut counts = Counts::default();
        for control in &controls {
            let count = match control.state {
                ControlState::Shown => &mut counts.shown,
                ControlState::Set => &mut counts.set,
                ControlState::Partial => &mut counts.partial,
                ControlState::Missing => &mut counts.missing,
                ControlState::Beyond => &mut counts.beyond,
            };
            *count += 1;
        }
        let trail = basis
            .found
            .zip(basis.verdict)
            .map(|((_, found), verdict)| TrailResult {
                counted: found.counted.clone(),
                not_counted: found.not_counted,
                of_other_configurations: found.of_others.clone(),
                of_unknown_configuration: found.unknown,
                result: verdict.result,
                sentence: verdict.sentence.clone(),
            });
        Self {
            framework: framework.id.clone(),
            title: framework.title.clone(),
            made_ms: 0,
            period: Period::default(),
            configurations: Vec::new(),
            trail,
            inventory: None,
            counts,
            controls,
        }
    }
}

impl ControlResult {
    fn new(catalog: &Catalog, control: &Control, basis: &Basis<'_>) -> Self {
        let measures = control.measures.iter();
        let measures: Vec<MeasureResult> = measures
            .filter_map(|id| catalog.measure(id))
            .map(|measure| MeasureResult::new(measure, basis))
            .collect();
        let is = |state: MeasureState| measures.iter().filter(|one| one.state == state).count();
        let all_shown = measures
            .iter()
            .all(|one| one.state == MeasureState::Shown || one.query.is_none());
        let state = match measures.len() {
            0 => ControlState::Beyond,
            all if is(MeasureState::Missing) == all => ControlState::Missing,
            _ if measures.iter().any(|one| one.state < MeasureState::Set) => ControlState::Partial,
            _ if all_shown && is(MeasureState::Shown) > 0 => ControlState::Shown,
            _ => ControlState::Set,
        };
        Self {
            id: control.id.clone(),
            title: control.title.clone(),
            demands: control.demands.clone(),
            state,
            measures,
            beyond: control.beyond.clone(),
        }
    }
}

impl MeasureResult {
    fn new(measure: &Measure, basis: &Basis<'_>) -> Self {
        let (mut set, mut gaps) = measure.set_by(basis.forms);
        let evidence = basis.found.and_then(|(measures, found)| {
            let number = measures.iter().position(|one| one.id == measure.id)?;
            found.by_measure.get(number).cloned()
        });
        let evidence = evidence.filter(|_| measure.records.is_some());
        if let Some(found) = evidence.as_ref().filter(|found| found.contradicting > 0) {
            set = set.min(MeasureState::Limited);
            gaps.push(format!(
                "{} records of the period show the opposite, such as {}",
                found.contradicting,
                found.contradicting_example.as_deref().unwrap_or_default()
            ));
        }
        let lacking = basis.verdict.filter(|_| measure.needs_all_records);
        if let Some(why) = lacking.and_then(Verdict::lacking) {
            set = set.min(MeasureState::Limited);
            gaps.push(format!(
                "the trail says that requests have no record: {why}"
            ));
        }
        // Records of a trail that was changed prove nothing.
        let is_trusted = basis.verdict.is_some_and(|verdict| verdict.exit_code != 1);
        let is_shown = is_trusted && evidence.as_ref().is_some_and(|found| found.records > 0);
        let days_without = measure.covers_days.and_then(|count| {
            let (_, found) = basis.found?;
            let without = found.days_without.get(&count).copied();
            without.filter(|without| *without > 0 && is_shown)
        });
        if let (Some(count), Some(without)) = (measure.covers_days, days_without) {
            gaps.push(format!(
                "{without} of the last {count} days of the period have no record: what is there does not show it"
            ));
        }
        let state = match set {
            MeasureState::Set if is_shown && days_without.is_none() => MeasureState::Shown,
            set => set,
        };
        Self {
            id: measure.id.clone(),
            title: measure.title.clone(),
            state,
            setting: measure.setting_text.clone(),
            gaps,
            query: measure.records_text.clone(),
            evidence,
            tests: measure.tests.clone(),
            guidance: (state < MeasureState::Set).then(|| measure.guidance.clone()),
        }
    }
}

impl Measure {
    /// Whether it is taken in all forms of the configurations, without a look at records, and for
    /// which requests it is not.
    #[must_use]
    pub fn set_by(&self, forms: &[Form]) -> (MeasureState, Vec<String>) {
        let mode = match self.in_report_mode {
            true => ReportMode::Counts,
            false => ReportMode::IsNothing,
        };
        let holds = |form: &Form, mode| self.setting.holds(&form.document, mode);
        let (forms, unmet): (Vec<&Form>, Vec<&Form>) = forms.iter().partition(|form| form.is_met);
        let why = unmet.into_iter().filter(|form| holds(form, mode));
        let why = why.map(|form| format!("{}: what is configured does nothing", form.name));
        if !forms.iter().any(|form| holds(form, mode)) {
            let is_reported = forms.iter().any(|form| holds(form, ReportMode::Counts));
            let is_unclear = |form: &&Form| {
                let unclear = self.unclear.as_ref();
                unclear.is_some_and(|unclear| unclear.holds(&form.document, mode))
            };
            let state = match is_reported {
                true => MeasureState::ReportOnly,
                false if forms.iter().any(is_unclear) => MeasureState::Unclear,
                false => MeasureState::Missing,
            };
            return (state, why.collect());
        }
        let gaps: Vec<String> = forms
            .iter()
            .filter_map(|form| {
                if !holds(form, mode) {
                    Some(format!("{}: it is not done", form.name))
                } else if !self.everywhere.holds(&form.document, mode) {
                    let some =
                        "it is done for some requests, callers, credentials or directions only";
                    Some(format!("{}: {some}", form.name))
                } else {
                    None
                }
            })
            .collect();
        let state = match gaps.is_empty() {
            true => MeasureState::Set,
            false => MeasureState::Limited,
        };
        (state, gaps)
    }
}

/// Configurations of filters, as one document with the names of the bundle.
#[derive(Clone, Debug, Default)]
pub struct Configurations {
    parts: Map<String, Value>,
    /// What routes say in their metadata.
    pub routes: Vec<RouteConfig>,
    /// The filter, and the file, of each.
    pub sources: Vec<(String, String)>,
    /// Filters that requests pass by.
    pub bypasses: Vec<Bypassed>,
    /// What records say of the plugin that writes them: the hash of its configuration.
    pub config_sha256: Vec<Hash>,
    /// How many of the listeners of the manifests take only TLS 1.2 and later: `all`, `some` or `none`.
    pub listener_tls: Option<&'static str>,
}

impl Configurations {
    /// Adds one. `part` is what the bundle calls it.
    ///
    /// # Errors
    /// There is another one of this filter: which of the two is meant, nobody can say.
    pub fn add(&mut self, part: &str, file: &str, config: Value) -> Result<(), String> {
        match self.parts.get(part) {
            Some(known) if *known == config => Ok(()),
            Some(_) => {
                let first = self.sources.iter().find(|(known, _)| known == part);
                let first = first.map_or("", |(_, file)| file);
                Err(format!(
                    "{file}: a second configuration for {part:?}, beside the one of {first}; assess each gateway by itself"
                ))
            }
            None => {
                self.parts.insert(part.to_owned(), config);
                self.sources.push((part.to_owned(), file.to_owned()));
                Ok(())
            }
        }
    }

    /// The documents that predicates ask about, at a time in seconds since 1970.
    #[must_use]
    pub fn forms(&self, now_s: i64) -> Vec<Form> {
        let mut all = passed_by(forms(&self.parts, &self.routes, now_s), &self.bypasses);
        for form in &mut all {
            if let (Some(tls), Some(members)) = (self.listener_tls, form.document.as_object_mut()) {
                let is_some = tls != "none";
                let listeners = json!({"tls": is_some.then_some(tls)});
                members.insert("listeners".to_owned(), listeners);
            }
        }
        all
    }
}
