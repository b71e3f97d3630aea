//! Documents that carry other texts: files in a ConfigMap, values and patches in an Application of Argo CD.

use super::plugin::{self, named};
use super::routes;
use super::tree::{self, Tree};

/// A text within a document.
#[derive(Debug)]
pub(super) struct Carried<'t> {
    /// The text as a scalar of the document.
    pub(super) value: &'t Tree,
    /// What the text is called there says that it is of a filter.
    pub(super) is_named: bool,
}

/// All texts that a document carries.
pub(super) fn texts(document: &Tree) -> Vec<Carried<'_>> {
    let kind = document.get("kind").and_then(Tree::text);
    let mut found = Vec::new();
    match kind.unwrap_or_default() {
        "ConfigMap" => files(document, "data", &mut found),
        "Secret" => files(document, "stringData", &mut found),
        "Application" => {
            let several = document.at(&["spec", "sources"]);
            let sources = several.map_or(&[][..], Tree::items).iter();
            for source in sources.chain(document.at(&["spec", "source"])) {
                let patches = source.at(&["kustomize", "patches"]);
                let patches = patches.map_or(&[][..], Tree::items).iter();
                let patches = patches.filter_map(|patch| patch.get("patch"));
                found.extend(
                    patches
                        .chain(source.at(&["helm", "values"]))
                        .filter(|value| value.text().is_some())
                        .map(|value| Carried {
                            value,
                            is_named: false,
                        }),
                );
            }
        }
        "List" | "ConfigMapList" => {
            let items = document.get("items").map_or(&[][..], Tree::items);
            found.extend(items.iter().flat_map(texts));
        }
        _ => {}
    }
    found
}

fn files<'t>(document: &'t Tree, of: &str, found: &mut Vec<Carried<'t>>) {
    let files = document.get(of).map_or(&[][..], Tree::members);
    found.extend(
        files
            .iter()
            .filter(|file| file.value.text().is_some())
            .map(|file| Carried {
                value: &file.value,
                is_named: is_of_filter(&file.name),
            }),
    );
}

/// `token-bucket.json`, and not `token-bucket.lua`.
fn is_of_filter(file: &str) -> bool {
    let is_read = [".json", ".yaml", ".yml"]
        .iter()
        .any(|end| file.ends_with(end));
    is_read && named(file).is_some()
}

/// Whether a text is a manifest with filters in it, rather than perhaps the configuration of one.
pub(super) fn has_filters(text: &str) -> bool {
    let trees = tree::read(text).trees;
    trees
        .iter()
        .any(|tree| !plugin::find(tree).is_empty() || !routes::find(tree).is_empty())
}

/// Whether a text has the providers of another program, such as Traefik: those of jwt-auth have rules beside them.
pub(super) fn has_other_providers(text: &str) -> bool {
    let trees = tree::read(text).trees;
    trees.iter().any(|tree| {
        let has = |name: &str| tree.get(name).is_some();
        has("providers") && !has("rules") && !has("default")
    })
}
