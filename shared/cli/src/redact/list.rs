//! `meshward redact --list`: the kinds of data and the items of the presets.

use crate::output::say;

/// The kinds and the items of the presets as rows of two tables, as the README has them.
pub(super) fn list() {
    say!("| kind | what it is | category | acts | presets |\n| --- | --- | --- | --- | --- |");
    for detector in &pii_redactor::detect::DETECTORS {
        say!("{}", row(detector));
    }
    say!(
        "\n| preset | item | standard | what | kinds, and what is done with them besides a label |\n| --- | --- | --- | --- | --- |"
    );
    for item in items() {
        say!("{item}");
    }
}

/// A row for each item of each preset.
pub(super) fn items() -> impl Iterator<Item = String> {
    use pii_redactor::detect::{DETECTORS, PRESETS};
    PRESETS.iter().flat_map(|preset| {
        preset.items.iter().map(|item| {
            let kinds = item.kinds.iter().filter_map(|entity| {
                let name = DETECTORS.get(usize::from(*entity))?.name;
                Some(match preset.treatment(*entity) {
                    Some(treatment) => format!("`{name}` ({})", treatment.as_str()),
                    None => format!("`{name}`"),
                })
            });
            let kinds: Vec<String> = kinds.collect();
            format!(
                "| `{}` | {} | {} | {} | {} |",
                preset.name,
                item.id,
                item.standard,
                item.what,
                kinds.join(" ")
            )
        })
    })
}

pub(super) fn row(detector: &pii_redactor::detect::Detector) -> String {
    use pii_redactor::detect::{Form, PRESET_WORDS};
    let acts = match detector.form {
        Form::Named | Form::NamedIf(_) => "by name, on the whole value",
        Form::Scanned => "alone",
        Form::Shapes { alone: [], .. } => "with a word",
        Form::Shapes { announced: [], .. } => "alone",
        Form::Shapes { .. } => "alone in its usual form, else with a word",
    };
    let acts = match detector.name {
        "PHONE" => "alone with `+` or as in North America, else with a word",
        _ => acts,
    };
    let presets: Vec<&str> = PRESET_WORDS
        .iter()
        .filter(|(_, bit)| detector.presets & bit != 0)
        .map(|(word, _)| *word)
        .collect();
    format!(
        "| `{}` | {} | {} | {acts} | {} |",
        detector.name,
        detector.about,
        detector.category.as_str(),
        presets.join(" ")
    )
}
