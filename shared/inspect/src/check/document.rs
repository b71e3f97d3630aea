//! A file of any kind, in JSON or YAML, for those who only want what it says.

use policy::json::Json;

use super::tree::{self, Tree};

/// The documents of a text.
///
/// # Errors
/// The first thing that is wrong with it, and where.
pub(super) fn trees(text: &str) -> Result<Vec<Tree>, String> {
    let documents = tree::read(text);
    if let Some(remark) = documents.remarks.iter().find(|remark| remark.is_error) {
        let before = text.get(..remark.span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        return Err(format!("line {line}: {}", remark.message));
    }
    Ok(documents.trees)
}

/// The first document of a text.
///
/// # Errors
/// What is wrong with it, and where.
pub fn first(text: &str) -> Result<Json, String> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        return Json::parse(text.as_bytes()).map_err(|error| error.to_string());
    }
    let first = trees(text)?.first().map(Tree::json);
    first.ok_or_else(|| "there is nothing in it".to_owned())
}
