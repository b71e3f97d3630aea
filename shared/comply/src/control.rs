//! The requirements, read from their files.

use std::collections::BTreeSet;

use policy::nearest;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::effective::{EFFECTIVE_KEY, forms};
use crate::predicate::{Predicate, SyntaxError};

/// Something that the filters can do.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The id by which controls name the measure.
    pub id: String,
    /// A title of a few words.
    pub title: String,
    /// What the configuration must say.
    pub setting: Predicate,
    /// The same as it is written.
    pub setting_text: String,
    /// What the configuration must say for it to be done for all requests, callers and directions.
    pub everywhere: Predicate,
    /// What the configuration says where nobody can tell whether it is done.
    pub unclear: Option<Predicate>,
    /// It is done in report mode too.
    pub in_report_mode: bool,
    /// Which records show that it was done; none leave any.
    pub records: Option<Predicate>,
    /// The same as it is written.
    pub records_text: Option<String>,
    /// It is not done where the trail says that requests have no record.
    pub needs_all_records: bool,
    /// Records show it only where each of so many last days has some.
    pub covers_days: Option<u64>,
    /// Which records show that it was not.
    pub contradicts: Option<Predicate>,
    /// The tests that show it, each as `file::name`.
    pub tests: Vec<String>,
    /// How to set it in the configuration.
    pub guidance: String,
    /// A configuration of the bundle that does it.
    pub example: String,
    /// One that does not, where the bare one of the tests would.
    pub counterexample: Option<String>,
    /// All of it as it was written.
    text: toml::Table,
}

/// A requirement of a standard.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// What the standard calls it: `3.4.1`, `164.312(b)`.
    pub id: String,
    /// What it is about, in our own words.
    pub title: String,
    /// What it demands, in our own words.
    pub demands: String,
    /// The measures that it needs, all of them.
    #[serde(default)]
    pub measures: Vec<String>,
    /// What no gateway can do for it.
    #[serde(default)]
    pub beyond: String,
}

/// A standard with its requirements.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// What it is called on the command line.
    pub id: String,
    /// The standard's name and edition.
    pub title: String,
    /// Its requirements, as far as a gateway has a part in them.
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureText {
    id: String,
    title: String,
    setting: String,
    everywhere: String,
    unclear: Option<String>,
    #[serde(default)]
    in_report_mode: bool,
    records: Option<String>,
    #[serde(default)]
    needs_all_records: bool,
    covers_days: Option<u64>,
    contradicts: Option<String>,
    #[serde(default)]
    tests: Vec<String>,
    guidance: String,
    #[serde(default)]
    example: String,
    counterexample: Option<String>,
}

/// All measures and frameworks that are known.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// What the filters can do.
    pub measures: Vec<Measure>,
    /// The standards with their requirements.
    pub frameworks: Vec<Framework>,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A file is not what it should be.
    #[error("{file}: {message}")]
    File {
        /// The path of the file.
        file: String,
        /// The message of the parser.
        message: String,
    },
    /// A predicate cannot be read.
    #[error("the measure {measure:?}: {key}: {error}")]
    Predicate {
        /// The id of the measure.
        measure: String,
        /// The key of the measure that is wrong.
        key: &'static str,
        /// What is wrong with its value.
        error: SyntaxError,
    },
    /// A predicate asks about what no configuration has.
    #[error("{file}: the measure {measure:?}: {path}: no configuration has that{near}")]
    UnknownPath {
        /// The path of the file.
        file: String,
        /// The id of the measure.
        measure: String,
        /// What the predicate asks about.
        path: String,
        /// What may be meant.
        near: String,
    },
    /// A control names a measure that there is not.
    #[error("{framework} {control}: there is no measure {measure:?}")]
    UnknownMeasure {
        /// The id of the framework.
        framework: String,
        /// The id of the control.
        control: String,
        /// The id of the measure that does not exist.
        measure: String,
    },
}

impl Catalog {
    /// The files that this program comes with.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub fn own() -> Result<Self, CatalogError> {
        Self::read(MEASURES, &FRAMEWORKS)
    }

    /// From the text of the measures, and of the frameworks with their names.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub fn read(measures: &str, frameworks: &[(&str, &str)]) -> Result<Self, CatalogError> {
        let mut catalog = Self {
            measures: Vec::new(),
            frameworks: Vec::new(),
        };
        catalog.add("measures.toml", measures)?;
        for (name, text) in frameworks {
            catalog.add(name, text)?;
        }
        Ok(catalog)
    }

    /// Takes in a file of measures, of a framework, or of both. What it says of a measure that there is already takes
    /// the place of what was said, key by key; a framework takes the place of the one with its id.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), CatalogError> {
        let wrong = |message: String| CatalogError::File {
            file: file.to_owned(),
            message,
        };
        let mut rest: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        let added = match rest.remove("measure") {
            None => Vec::new(),
            Some(toml::Value::Array(added)) => added,
            Some(_) => return Err(wrong("expected [[measure]]".to_owned())),
        };
        for measure in added {
            let toml::Value::Table(said) = measure else {
                return Err(wrong("expected [[measure]]".to_owned()));
            };
            let id = said.get("id").and_then(toml::Value::as_str);
            let place = self.measures.iter().position(|one| Some(&*one.id) == id);
            let known = place.and_then(|place| self.measures.get(place));
            let mut whole = known.map_or_else(toml::Table::new, |known| known.text.clone());
            whole.extend(said);
            let measure = Measure::read(whole, &wrong)?;
            match place.and_then(|place| self.measures.get_mut(place)) {
                Some(known) => *known = measure,
                None => self.measures.push(measure),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        let framework: Framework = rest
            .try_into()
            .map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        for control in &framework.controls {
            for measure in &control.measures {
                if self.measure(measure).is_none() {
                    return Err(CatalogError::UnknownMeasure {
                        framework: framework.id.clone(),
                        control: control.id.clone(),
                        measure: measure.clone(),
                    });
                }
            }
        }
        self.frameworks.retain(|known| known.id != framework.id);
        self.frameworks.push(framework);
        Ok(())
    }

    /// Takes in a file that somebody else has written, and refuses predicates that ask about what never stands under
    /// `effective`: of what is not there nothing is wrong, so a slip of the pen would make a measure of nothing.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub fn add_own(&mut self, file: &str, text: &str) -> Result<(), CatalogError> {
        let known = self.effective_paths();
        self.add(file, text)?;
        for measure in &self.measures {
            let predicates = measure.unclear.iter();
            let predicates = predicates.chain([&measure.setting, &measure.everywhere]);
            for path in predicates.flat_map(|predicate| predicate.paths()) {
                let Some(near) = misspelt(&path, &known) else {
                    continue;
                };
                let near = near.map(|near| format!("; did you mean {near}?"));
                return Err(CatalogError::UnknownPath {
                    file: file.to_owned(),
                    measure: measure.id.clone(),
                    path: path.join("."),
                    near: near.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// All that can stand under `effective`: the example of some measure has it.
    fn effective_paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for measure in &self.measures {
            let example: Map<String, Value> =
                serde_json::from_str(&measure.example).unwrap_or_default();
            for form in forms(&example, &[], 0) {
                let parts = form.document.as_object().into_iter().flatten();
                for (part, document) in parts {
                    if let Some(effective) = document.get(EFFECTIVE_KEY) {
                        names_in(effective, &format!("{part}.{EFFECTIVE_KEY}"), &mut paths);
                    }
                }
            }
        }
        paths
    }

    /// A measure by its id.
    #[must_use]
    pub fn measure(&self, id: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.id == id)
    }

    /// A framework by its id.
    #[must_use]
    pub fn framework(&self, id: &str) -> Option<&Framework> {
        self.frameworks.iter().find(|framework| framework.id == id)
    }
}

impl Measure {
    fn read(
        whole: toml::Table,
        wrong: &dyn Fn(String) -> CatalogError,
    ) -> Result<Self, CatalogError> {
        let text: Result<MeasureText, toml::de::Error> = whole.clone().try_into();
        let text = text.map_err(|error| wrong(error.to_string()))?;
        let parse = |key: &'static str, predicate: &str| {
            Predicate::parse(predicate).map_err(|error| CatalogError::Predicate {
                measure: text.id.clone(),
                key,
                error,
            })
        };
        let may_parse = |key, predicate: &Option<String>| {
            let predicate = predicate.as_deref();
            predicate.map(|text| parse(key, text)).transpose()
        };
        let setting = parse("setting", &text.setting)?;
        let everywhere = parse("everywhere", &text.everywhere)?;
        let unclear = may_parse("unclear", &text.unclear)?;
        let records = may_parse("records", &text.records)?;
        let contradicts = may_parse("contradicts", &text.contradicts)?;
        Ok(Self {
            setting,
            everywhere,
            unclear,
            records,
            contradicts,
            text: whole,
            id: text.id,
            title: text.title,
            setting_text: text.setting,
            in_report_mode: text.in_report_mode,
            needs_all_records: text.needs_all_records,
            records_text: text.records,
            covers_days: text.covers_days,
            tests: text.tests,
            guidance: text.guidance,
            example: text.example,
            counterexample: text.counterexample,
        })
    }
}

/// Whether a path leads under `effective` to what never stands there, and what may be meant.
fn misspelt<'k>(path: &[&str], known: &'k BTreeSet<String>) -> Option<Option<&'k str>> {
    let (_, rest) = path.split_first()?;
    let first = rest.first()?;
    if *first != EFFECTIVE_KEY {
        let near = nearest(first, std::iter::once(EFFECTIVE_KEY));
        return near.is_some().then_some(near);
    }
    // What is asked of callers stands there as it is in the rules.
    let joined = path.join(".");
    let asked = joined.split(".require").next().unwrap_or_default();
    let is_open = path.iter().any(|name| name.starts_with('*'));
    if is_open || rest.len() == 1 || known.contains(asked) {
        return None;
    }
    Some(nearest(asked, known.iter().map(String::as_str)))
}

/// All paths of names in a document.
fn names_in(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names_in(item, path, paths)),
        Value::Object(members) => {
            for (name, value) in members {
                let path = format!("{path}.{name}");
                names_in(value, &path, paths);
                paths.insert(path);
            }
        }
        _ => {}
    }
}

const MEASURES: &str = include_str!("../controls/measures.toml");
const FRAMEWORKS: [(&str, &str); 9] = [
    ("pci.toml", include_str!("../controls/pci.toml")),
    ("hipaa.toml", include_str!("../controls/hipaa.toml")),
    ("gdpr.toml", include_str!("../controls/gdpr.toml")),
    ("ccpa.toml", include_str!("../controls/ccpa.toml")),
    ("soc2.toml", include_str!("../controls/soc2.toml")),
    ("iso27001.toml", include_str!("../controls/iso27001.toml")),
    ("nist.toml", include_str!("../controls/nist.toml")),
    ("bulk-data.toml", include_str!("../controls/bulk-data.toml")),
    ("owasp-api.toml", include_str!("../controls/owasp-api.toml")),
];
