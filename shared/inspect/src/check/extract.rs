//! The configurations that stand in a file: one by itself, or those of a manifest.

use policy::json::Json;

use super::plugin::{self, shaped};
use super::tree::{self, Tree};

/// Each configuration with its filter. What is wrong in them is for `check` to say.
pub fn configurations(text: &str) -> Vec<(&'static str, Json)> {
    if let Ok(json) = Json::parse(text.as_bytes())
        && json.member("kind").is_none()
        && let Some(filter) = plugin::shape(&json)
    {
        return vec![(filter, json)];
    }
    let documents = tree::read(text);
    let mut found = Vec::new();
    for document in &documents.trees {
        let sites = plugin::find(document);
        if sites.is_empty()
            && let Some(filter) = shaped(document).filter(|_| document.get("kind").is_none())
        {
            found.push((filter, document.json()));
        }
        let of_sites = sites.iter().filter_map(|site| {
            let config = site.config?;
            let json = match config.text() {
                Some(text) => Json::parse(text.as_bytes()).ok()?,
                None => config.json(),
            };
            // The module of a site is not always named after what it is.
            let filter = shaped(config).unwrap_or(site.filter);
            matches!(json, Json::Object(_)).then_some((filter, json))
        });
        found.extend(of_sites);
    }
    found
}

/// A document of any kind, in JSON or YAML.
///
/// # Errors
/// What is wrong with it, and where.
pub fn document(text: &str) -> Result<Json, String> {
    if text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('{')
    {
        return Json::parse(text.trim_start_matches('\u{feff}').as_bytes())
            .map_err(|error| error.to_string());
    }
    let documents = tree::read(text);
    if let Some(remark) = documents.remarks.iter().find(|remark| remark.is_error) {
        let before = text.get(..remark.span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        return Err(format!("line {line}: {}", remark.message));
    }
    let first = documents.trees.first().map(Tree::json);
    first.ok_or_else(|| "there is nothing in it".to_owned())
}
