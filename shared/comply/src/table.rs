//! The tables of the READMEs: article, control, setting, test, and what a gateway cannot do.

use std::fmt::Write as _;

use crate::control::{Catalog, Measure};

/// All requirements, one table for each framework, in Markdown.
#[must_use]
pub fn requirements(catalog: &Catalog) -> String {
    let mut text = String::new();
    for framework in &catalog.frameworks {
        let _ = writeln!(
            text,
            "### {}\n\n| requirement | what it demands | measures | what no gateway can do |\n| --- | --- | --- | --- |",
            framework.title
        );
        for control in &framework.controls {
            let measures: Vec<String> = control
                .measures
                .iter()
                .map(|id| format!("`{id}`"))
                .collect();
            let measures = match measures.len() {
                0 => "none".to_owned(),
                _ => measures.join(", "),
            };
            let _ = writeln!(
                text,
                "| {} {} | {} | {measures} | {} |",
                cell(&control.id),
                cell(&control.title),
                cell(&control.demands),
                cell(&control.beyond)
            );
        }
        text.push('\n');
    }
    text
}

/// All measures: the requirements that they meet, the setting, and the tests, in Markdown.
#[must_use]
pub fn measures(catalog: &Catalog) -> String {
    let mut text = String::from(
        "| measure | requirements | setting | records that show it | test |\n| --- | --- | --- | --- | --- |\n",
    );
    for measure in &catalog.measures {
        let tests: Vec<String> = measure.tests.iter().map(|test| test_link(test)).collect();
        let records = measure.records_text.as_ref();
        let records = records.map_or_else(|| "none".to_owned(), |query| code(query));
        let _ = writeln!(
            text,
            "| `{}`: {} | {} | {} | {records} | {} |",
            measure.id,
            cell(&measure.title),
            met_by(catalog, measure),
            code(&measure.setting_text),
            tests.join(", ")
        );
    }
    text
}

/// Each framework with the ids of the controls that need a measure.
fn met_by(catalog: &Catalog, measure: &Measure) -> String {
    let frameworks = catalog.frameworks.iter().filter_map(|framework| {
        let controls = framework.controls.iter();
        let ids: Vec<&str> = controls
            .filter(|control| control.measures.contains(&measure.id))
            .map(|control| control.id.as_str())
            .collect();
        let name = framework.title.split(" (").next().unwrap_or_default();
        (!ids.is_empty()).then(|| format!("{name} {}", ids.join(", ")))
    });
    let frameworks: Vec<String> = frameworks.collect();
    frameworks.join("; ")
}

fn test_link(test: &str) -> String {
    let (file, name) = test.split_once("::").unwrap_or((test, ""));
    // A test of several files is called by its folder.
    let file = file.strip_suffix("/main.rs").unwrap_or(file);
    let short = file.rsplit('/').next().unwrap_or(file);
    format!("`{short}`: {}", cell(name))
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
