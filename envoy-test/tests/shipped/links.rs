//! The documents: what they link to is there, and the site has all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use envoy_test::paths;

/// Every document of the tree, from its root.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![paths::root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_made =
                ["target", "dist", "node_modules"].contains(&name) || name.starts_with('.');
            if path.is_dir() {
                folders.extend((!is_made).then_some(path));
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(paths::root()).unwrap().to_owned(), text);
            }
        }
    }
    found
}

/// The lines of a document that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// A line without what stands in backquotes.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<&str>>().join("`")
}

/// What a document links to.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        let line = without_code(line);
        for after in line.split("](").skip(1) {
            links.extend(after.split_once(')').map(|(link, _)| link.to_owned()));
        }
    }
    links
}

/// The places that headings make, as the pages of repositories name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let title = heading.trim_start_matches('#').trim();
        // Of a link, its text.
        let title = match title.split_once("](") {
            Some((before, after)) => {
                before.to_owned() + after.split_once(')').map_or("", |(_, rest)| rest)
            }
            None => title.to_owned(),
        };
        let slug: String = title
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let numbered = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(numbered);
        let place = free.into_iter().find(|place| !anchors.contains(place));
        anchors.extend(place);
    }
    anchors
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let documents = documents();
    let mut broken = Vec::new();
    let mut followed = 0;
    for (path, text) in &documents {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => plain(&path.parent().unwrap().join(file)),
            };
            let is_there = paths::root().join(&target).exists();
            let has_place = |text: &String| anchor.is_empty() || anchors(text).contains(anchor);
            if !is_there || documents.get(&target).is_some_and(|text| !has_place(text)) {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 150, "{followed}");
}

#[test]
fn the_site_has_every_document() {
    let folder = Path::new("envoy-test/docs");
    let summary = fs::read_to_string(paths::root().join(folder).join("SUMMARY.md")).unwrap();
    let listed = links(&summary).into_iter();
    let listed: BTreeSet<PathBuf> = listed.map(|link| plain(&folder.join(link))).collect();
    let mut all: BTreeSet<PathBuf> = documents().into_keys().collect();
    all.remove(&folder.join("SUMMARY.md"));
    assert_eq!(listed, all, "envoy-test/docs/SUMMARY.md is stale");
}

#[test]
fn places_are_named_as_the_pages_of_repositories_do() {
    let text = "# `on_error`: what then?\n## The [format](a.md) of it\n# Twice\n# Twice\n```\n# no heading\n```\n";
    let wanted = ["on_error-what-then", "the-format-of-it", "twice", "twice-1"];
    assert_eq!(anchors(text), wanted.map(str::to_owned).into());
    let links = links("[a](b.md#c) and `[no](link)` [d](e)");
    assert_eq!(links, ["b.md#c", "e"]);
}
