//! An assessment as OSCAL assessment results (NIST, version 1.1.2), in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::assessment::{Assessment, ControlResult, ControlState, MeasureResult, MeasureState};
use trail::time;

/// Writes the assessment as an OSCAL assessment-results document.
#[must_use]
pub fn document(assessment: &Assessment, program_version: &str) -> Value {
    let framework = &assessment.framework;
    let made = time::format(assessment.made_ms);
    let ids = Ids {
        base: format!("{framework}/{}", assessment.made_ms),
    };
    let controls = &assessment.controls;
    let assessed: Vec<&ControlResult> = controls
        .iter()
        .filter(|control| control.state != ControlState::Beyond)
        .collect();
    let observations: Vec<Value> = assessed
        .iter()
        .flat_map(|control| {
            control
                .measures
                .iter()
                .map(move |measure| (control, measure))
        })
        .map(|(control, measure)| observation(&ids, &made, control, measure))
        .collect();
    let findings: Vec<Value> = assessed
        .iter()
        .map(|control| finding(&ids, control))
        .collect();
    let included: Vec<Value> = assessed
        .iter()
        .map(|control| json!({"control-id": token(&control.id)}))
        .collect();
    let begin = assessment
        .period
        .from_ms
        .map_or_else(|| made.clone(), time::format);
    let end = assessment
        .period
        .to_ms
        .map_or_else(|| made.clone(), time::format);
    let selection = if included.is_empty() {
        json!({"include-all": {}})
    } else {
        json!({"include-controls": included})
    };
    let mut result = json!({
        "uuid": ids.uuid("result"),
        "title": format!("What the gateway does for {}", assessment.title),
        "description": description(assessment),
        "start": begin,
        "end": end,
        "reviewed-controls": {"control-selections": [selection]},
    });
    // Lists of nothing are not allowed.
    for (name, list) in [("observations", observations), ("findings", findings)] {
        if !list.is_empty()
            && let Some(members) = result.as_object_mut()
        {
            members.insert(name.to_owned(), Value::Array(list));
        }
    }
    json!({"assessment-results": {
        "uuid": ids.uuid("document"),
        "metadata": {
            "title": format!("Meshward evidence pack: {}", assessment.title),
            "last-modified": made,
            "version": program_version,
            "oscal-version": OSCAL_VERSION,
        },
        // There is no plan in OSCAL; the assessment follows the files of controls.
        "import-ap": {"href": format!("#{}", ids.uuid("plan")), "remarks": "The files of controls of meshward are the plan."},
        "back-matter": {"resources": resources(&ids, assessment)},
        "results": [result],
    }})
}

/// What the document points at: the plan with its controls, the configurations, and the trail.
fn resources(ids: &Ids, assessment: &Assessment) -> Vec<Value> {
    let plan = assessment.controls.iter().map(|control| {
        let measures: Vec<&str> = control.measures.iter().map(|one| one.id.as_str()).collect();
        json!({"id": control.id, "title": control.title, "demands": control.demands, "measures": measures, "beyond": control.beyond})
    });
    let plan = json!({"framework": assessment.framework, "controls": plan.collect::<Vec<_>>()});
    let configurations = assessment.configurations.iter();
    let configurations: Vec<String> = configurations
        .map(|(part, place)| format!("{part}: {place}"))
        .collect();
    let mut resources = vec![
        json!({
            "uuid": ids.uuid("plan"),
            "title": format!("Controls of meshward for {}", assessment.title),
            "base64": {
                "filename": format!("{}.json", assessment.framework),
                "media-type": "application/json",
                "value": STANDARD.encode(plan.to_string()),
            },
        }),
        json!({
            "uuid": ids.uuid("configuration"),
            "title": "The configurations that were assessed",
            "description": configurations.join("; "),
        }),
    ];
    if assessment.trail.is_some() {
        resources.push(json!({
            "uuid": ids.uuid("trail"),
            "title": "The audit trail",
            "description": description(assessment),
        }));
    }
    resources
}

fn description(assessment: &Assessment) -> String {
    match &assessment.trail {
        None => "Settings only: no audit trail was given.".to_owned(),
        Some(trail) => {
            let others = trail.of_other_configurations.values();
            let others: u64 = others.map(|evidence| evidence.records).sum();
            let others = match others {
                0 => String::new(),
                count => format!(" {count} records of other configurations are not counted."),
            };
            format!(
                "{} records for which a known key vouches; the trail is {}: {}.{others}",
                trail.counted.records, trail.result, trail.sentence
            )
        }
    }
}

fn observation(ids: &Ids, made: &str, control: &ControlResult, measure: &MeasureResult) -> Value {
    let mut evidence = vec![json!({
        "href": format!("#{}", ids.uuid("configuration")),
        "description": format!("Configuration: {}", measure.setting),
    })];
    if let Some(found) = &measure.evidence {
        let examples = found.examples.join(", ");
        evidence.push(json!({
            "href": format!("#{}", ids.uuid("trail")),
            "description": format!("{} records, such as {}", found.records, if examples.is_empty() { "none" } else { &examples }),
        }));
    }
    let state = match measure.state {
        MeasureState::Missing => "not set",
        MeasureState::ReportOnly => "set in report mode",
        MeasureState::Unclear => "set to what nobody can tell to be enough",
        MeasureState::Limited => "set for some requests only",
        MeasureState::Set => "set",
        MeasureState::Shown => "set, and shown by records",
    };
    let guidance = measure
        .guidance
        .as_deref()
        .map_or(String::new(), |g| format!(" {g}"));
    json!({
        "uuid": ids.uuid(&format!("observation/{}/{}", control.id, measure.id)),
        "title": measure.title,
        "description": format!("{}: {state}.{guidance}", measure.title),
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "collected": made,
        "relevant-evidence": evidence,
    })
}

fn finding(ids: &Ids, control: &ControlResult) -> Value {
    // What is set and not shown is a plan, and nobody has seen it work.
    let (state, reason, remarks) = match control.state {
        ControlState::Shown => ("satisfied", "pass", ""),
        ControlState::Set => (
            "not-satisfied",
            "other",
            "It is set, and no record of the period shows it.",
        ),
        _ => ("not-satisfied", "fail", ""),
    };
    let related: Vec<Value> = control
        .measures
        .iter()
        .map(|measure| {
            let id = format!("observation/{}/{}", control.id, measure.id);
            json!({"observation-uuid": ids.uuid(&id)})
        })
        .collect();
    let mut status = json!({
        "state": state,
        "reason": reason,
    });
    let beyond = match control.beyond.as_str() {
        "" => String::new(),
        beyond => format!("As far as a gateway can. Beyond it: {beyond}"),
    };
    let remarks = [remarks, &beyond].map(str::trim).join(" ");
    if !remarks.trim().is_empty()
        && let Some(members) = status.as_object_mut()
    {
        members.insert("remarks".to_owned(), remarks.trim().into());
    }
    json!({
        "uuid": ids.uuid(&format!("finding/{}", control.id)),
        "title": format!("{}: {}", control.id, control.title),
        "description": control.demands,
        "target": {
            "type": "objective-id",
            "target-id": token(&control.id),
            "title": control.title,
            "status": status,
        },
        "related-observations": related,
    })
}

/// A name as OSCAL allows it: letters, digits, dots, dashes and underscores, a letter first.
fn token(id: &str) -> String {
    let mut token = String::new();
    for c in id.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => {
                token.push(c.to_ascii_lowercase());
            }
            _ if token.ends_with('-') => {}
            _ => token.push('-'),
        }
    }
    let token = token.trim_end_matches('-');
    if token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        token.to_owned()
    } else {
        format!("c-{token}")
    }
}

/// Ids that are the same for the same assessment.
struct Ids {
    base: String,
}

impl Ids {
    /// In the form of version 4.
    fn uuid(&self, what: &str) -> String {
        let digest = Sha256::digest(format!("{}/{what}", self.base));
        let mut text = String::new();
        for (number, byte) in digest.iter().take(16).enumerate() {
            let byte = match number {
                6 => byte & 0x0f | 0x40,
                8 => byte & 0x3f | 0x80,
                _ => *byte,
            };
            if matches!(number, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }
}

/// The version of the schema.
pub const OSCAL_VERSION: &str = "1.1.2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_tokens() {
        for (id, expected) in [
            ("3.4.1", "c-3.4.1"),
            ("164.312(a)(2)(iii)", "c-164.312-a-2-iii"),
            ("A.8.15", "a.8.15"),
            ("AU-9(3)", "au-9-3"),
            ("5(1)(c)", "c-5-1-c"),
            ("1798.140(ae)", "c-1798.140-ae"),
        ] {
            assert_eq!(token(id), expected);
        }
    }
}
