//! One text: a configuration by itself, or a manifest with some.

use std::collections::BTreeSet;
use std::ops::Range;

use host::fake::Profile;
use policy::config::{Checked, Warning};
use policy::json::Json;

use super::Source;
use super::carried::Carried;
use super::codes::{self, Code};
use super::finding::Finding;
use super::plugin::{self, Site, shaped};
use super::rerouted::{self, Placed};
use super::routes::{self, Plugin, Said};
use super::template::{template_at, unrendered, unrendered_at};
use super::tree::{self, Documents, Tree};
use super::{
    BUNDLE, ENVOY, bootstrap, callers, carried, headers, loaded, locate, parser, subjects, wiring,
};

/// How a configuration is read.
type Read<'r> = &'r dyn Fn(&str) -> Checked<()>;

/// As a filter reads its own, at a time in seconds since 1970.
fn reader(filter: &str, now_s: i64) -> impl Fn(&str) -> Checked<()> + use<> {
    let parse = parser(filter);
    move |text| {
        parse.map_or_else(
            || Checked::found(Vec::new(), Vec::new(), BTreeSet::new()),
            |parse| parse(text, now_s),
        )
    }
}

/// As [`reader`] reads it, where the configuration stands by itself: nothing before it tells the caller.
fn alone<'f>(filter: &'f str, host: Profile, now_s: i64) -> impl Fn(&str) -> Checked<()> + use<'f> {
    let read = reader(filter, now_s);
    move |text| {
        let mut checked = loaded::on_host(read(text), filter, host, text);
        if filter == BUNDLE {
            checked.warnings.extend(callers::of_bundle(text));
        }
        checked
    }
}

struct Checker<'s> {
    source: &'s Source,
    /// What a configuration that stands by itself is for.
    host: Profile,
    now_s: i64,
    findings: Vec<Finding>,
    is_ours: bool,
    /// It stands within another text, and what it carries itself is not looked at.
    is_carried: bool,
}

/// Everything that is wrong with a text.
pub(super) fn check(
    source: &Source,
    filter: Option<&str>,
    host: Profile,
    now_s: i64,
) -> super::Checked {
    Checker {
        source,
        host,
        now_s,
        findings: Vec::new(),
        is_ours: filter.is_some(),
        is_carried: false,
    }
    .check(filter)
}

impl Checker<'_> {
    fn check(self, filter: Option<&str>) -> super::Checked {
        let mut checker = self;
        let (source, host, now_s) = (checker.source, checker.host, checker.now_s);
        let text = source.text.as_str();
        let start = text.trim_start_matches('\u{feff}').trim_start();
        // Two braces begin a template.
        let is_json = start.starts_with(['{', '[']) && !start.starts_with("{{");
        match filter.filter(|filter| *filter != ENVOY) {
            Some(filter) if is_json => {
                checker.json_config(&alone(filter, host, now_s), text, &|at| at);
            }
            Some(filter) => checker.yaml_config(filter),
            None => checker.anything(filter.is_some(), is_json),
        }
        super::Checked {
            findings: checker.findings,
            is_ours: checker.is_ours,
        }
    }

    /// A text within a document, such as a file in a ConfigMap. What is there beside ours is left alone.
    fn carried(&mut self, carried: &Carried<'_>) {
        let Some(text) = carried.value.text() else {
            return;
        };
        let inner = Source {
            name: self.source.name.clone(),
            text: text.to_owned(),
            is_named: false,
        };
        let checked = Checker {
            source: &inner,
            host: self.host,
            now_s: self.now_s,
            findings: Vec::new(),
            is_ours: false,
            is_carried: true,
        }
        .check(None);
        // Other programs have providers and rules too: their files are refused at the top.
        let mut refused = checked
            .findings
            .iter()
            .filter(|finding| finding.code == &codes::INVALID)
            .peekable();
        let is_of_others = (refused.peek().is_some() && carried::has_other_providers(text))
            || refused.any(|finding| !finding.path.contains(['.', '[']));
        let is_broken = checked
            .findings
            .iter()
            .any(|finding| [&codes::SYNTAX, &codes::TEMPLATE].contains(&finding.code));
        let is_ours = if checked.is_ours {
            carried.is_named || !is_of_others || carried::has_filters(text)
        } else {
            // What cannot be read does not say whose it is.
            carried.is_named && is_broken
        };
        if !is_ours {
            return;
        }
        self.is_ours = true;
        let place = |at: usize| tree::within(&self.source.text, &carried.value.span, text, at);
        for mut finding in checked.findings {
            finding.span = finding.span.map(|span| locate::moved(&span, &place));
            self.findings.push(finding);
        }
    }

    fn add(
        &mut self,
        code: &'static Code,
        is_error: bool,
        span: Option<Range<usize>>,
        (path, message): (&str, String),
    ) {
        self.findings.push(Finding {
            code,
            is_error,
            file: self.source.name.clone(),
            span,
            path: path.to_owned(),
            message,
            hint: None,
            bypasses: Vec::new(),
            line: 0,
            column: 0,
        });
    }

    fn fault(&mut self, fault: wiring::Fault) {
        let message = ("", fault.message);
        self.add(fault.code, fault.is_error, Some(fault.span), message);
        if let Some(finding) = self.findings.last_mut() {
            finding.bypasses = fault.bypasses;
        }
    }

    fn hint(&mut self, hint: Option<String>) {
        if let Some(finding) = self.findings.last_mut() {
            finding.hint = hint;
        }
    }

    /// A configuration in JSON, which stands in the file where `place` says.
    fn json_config(&mut self, read: Read<'_>, text: &str, place: &dyn Fn(usize) -> usize) {
        if let Some(at) = unrendered_at(text) {
            self.unrendered(locate::moved(&(at..at + 2), place));
            return;
        }
        if let Err(error) = Json::parse(text.as_bytes()) {
            let message = error.to_string();
            let at = offset_of(text, &message);
            let start = place(at);
            self.add(&codes::SYNTAX, true, Some(start..start + 1), ("", message));
            self.hint(hint(text, at));
            return;
        }
        let checked = read(text);
        let paths: BTreeSet<String> = paths_of(&checked).collect();
        let wanted: BTreeSet<&str> = paths
            .iter()
            .flat_map(|path| locate::ancestors(path))
            .collect();
        let spans = locate::spans(text, &wanted);
        let span_of = |path: &str, key: bool| {
            let span = locate::nearest(text, &spans, path, key)?;
            Some(locate::moved(&span, place))
        };
        self.checked(&checked, &span_of);
    }

    /// A configuration that is a part of a tree.
    fn tree_config(&mut self, read: Read<'_>, tree: &Tree, json: &Json) {
        if let Some(span) = unrendered(tree) {
            self.unrendered(span);
            return;
        }
        let checked = read(&json.to_string());
        self.checked(&checked, &|path, key| Some(tree.span_of(path, key)));
    }

    fn checked(
        &mut self,
        checked: &Checked<()>,
        span_of: &dyn Fn(&str, bool) -> Option<Range<usize>>,
    ) {
        for warning in &checked.warnings {
            let code = codes::of_warning(warning.code());
            let span = span_of(warning.problem().path(), false);
            let message = warning.problem().message().to_owned();
            self.add(code, false, span, (warning.problem().path(), message));
        }
        if let Err(problems) = &checked.result {
            for problem in problems.iter() {
                let message = problem.message();
                let is_key = message.starts_with("unknown key");
                let span = span_of(problem.path(), is_key);
                self.add(
                    &codes::INVALID,
                    true,
                    span,
                    (problem.path(), message.to_owned()),
                );
            }
        }
    }

    fn unrendered(&mut self, span: Range<usize>) {
        let message = "a template; render it first: helm template . | meshward check -";
        self.add(&codes::TEMPLATE, true, Some(span), ("", message.to_owned()));
    }

    /// The text in YAML; what is wrong with it as a text is told.
    fn documents(&mut self) -> Documents {
        let documents = tree::read(&self.source.text);
        let is_broken = documents.remarks.iter().any(|remark| remark.is_error);
        if let Some(at) =
            template_at(&self.source.text).filter(|_| is_broken || documents.trees.is_empty())
        {
            self.unrendered(at..at + 2);
            return Documents::default();
        }
        for remark in &documents.remarks {
            let code = if !remark.is_error {
                &codes::YAML_BOOLEAN
            } else if remark.message.starts_with("duplicate") {
                &codes::DUPLICATE_KEY
            } else {
                &codes::SYNTAX
            };
            let span = Some(remark.span.clone());
            self.add(code, remark.is_error, span, ("", remark.message.clone()));
            if code == &codes::SYNTAX {
                let hint = hint(&self.source.text, remark.span.start);
                // It is YAML that is read here.
                self.hint(hint.filter(|hint| hint != LOOKS_LIKE_YAML));
            }
        }
        documents
    }

    fn yaml_config(&mut self, filter: &str) {
        let documents = self.documents();
        if documents.trees.is_empty() && self.findings.is_empty() {
            self.add(
                &codes::SYNTAX,
                true,
                None,
                ("", "the file is empty".to_owned()),
            );
        }
        for tree in &documents.trees {
            self.tree_config(&alone(filter, self.host, self.now_s), tree, &tree.json());
        }
    }

    /// Whatever it is: a manifest, or a configuration whose keys say whose.
    fn anything(&mut self, is_envoy: bool, is_json: bool) {
        if is_json {
            let text = self.source.text.clone();
            match Json::parse(text.as_bytes()) {
                Ok(json) => {
                    let is_manifest = json.member("kind").is_some();
                    if let Some(filter) = plugin::shape(&json).filter(|_| !is_manifest) {
                        self.is_ours = true;
                        self.json_config(&alone(filter, self.host, self.now_s), &text, &|at| at);
                        return;
                    }
                }
                // A manifest may be YAML in braces; a configuration in braces is JSON.
                Err(error) if !is_manifest(&tree::read(&text)) => {
                    let message = error.to_string();
                    let at = offset_of(&text, &message);
                    self.add(&codes::SYNTAX, true, Some(at..at + 1), ("", message));
                    self.hint(hint(&text, at));
                    return;
                }
                Err(_) => {}
            }
        }
        let documents = self.documents();
        let mut managers = 0;
        let mut placed = Vec::new();
        let mut plugins = Vec::new();
        for document in &documents.trees {
            if !self.is_carried {
                for carried in &carried::texts(document) {
                    self.carried(carried);
                }
            }
            let sites = plugin::find(document);
            self.is_ours |= !sites.is_empty();
            if sites.is_empty()
                && let Some(filter) = shaped(document).filter(|_| document.get("kind").is_none())
            {
                self.is_ours = true;
                self.tree_config(
                    &alone(filter, self.host, self.now_s),
                    document,
                    &document.json(),
                );
                continue;
            }
            let sites: Vec<(Site<'_>, Option<Json>)> = sites
                .into_iter()
                .map(|site| {
                    let config = self.site(&site);
                    (site, config)
                })
                .collect();
            // Many documents have no filter, and there is nothing around one then.
            if !sites.is_empty() {
                for fault in wiring::check(&self.source.text, document, &documents.trees, &sites) {
                    self.fault(fault);
                }
            }
            for (site, config) in &sites {
                placed.extend(config.iter().map(|config| Placed {
                    span: site.span(),
                    filter: site.filter,
                    chain: site.chain.map(|(list, _)| list.span.start),
                    config: config.clone(),
                }));
            }
            for (site, config) in &sites {
                let config = config.iter();
                plugins.extend(config.flat_map(|config| Plugin::of(site.filter, config)));
            }
            if !sites.is_empty() || is_envoy {
                managers += self.managers(document);
            }
        }
        for said in documents.trees.iter().flat_map(routes::find) {
            self.is_ours = true;
            self.said(&said, &plugins);
        }
        let faults = rerouted::check(&documents.trees, &placed).into_iter();
        for fault in faults
            .chain(subjects::check(&placed))
            .chain(headers::of_chain(&placed))
        {
            self.fault(fault);
        }
        for (code, at, message) in wiring::priorities(&documents.trees) {
            self.add(code, false, Some(at.span.clone()), ("", message));
        }
        if is_envoy && managers == 0 && self.findings.is_empty() {
            let message = bootstrap::without_manager(&documents.trees);
            self.add(&codes::NOTHING_FOUND, true, None, ("", message));
        } else if !self.is_ours && self.findings.is_empty() {
            let misspelt = documents.trees.iter().find_map(plugin::misspelt);
            let message = match &misspelt {
                Some((_, word, near)) => {
                    format!("no configuration of a filter has a key {word:?}; did you mean {near:?}?")
                }
                None => "neither a configuration of a filter nor a manifest with one; if it is one, say whose: meshward check token-bucket FILE".to_owned(),
            };
            // What a cluster has beside ours: `check mesh/*` names it too.
            let is_resource = |tree: &Tree| {
                ["kind", "apiVersion"]
                    .iter()
                    .all(|name| tree.get(name).is_some())
            };
            let trees = &documents.trees;
            let are_resources = !trees.is_empty() && trees.iter().all(is_resource);
            if self.source.is_named && !are_resources || misspelt.is_some() {
                let span = misspelt.map(|(span, ..)| span);
                self.add(&codes::NOTHING_FOUND, true, span, ("", message));
            }
        }
    }

    /// The configuration of a filter in a manifest.
    fn site(&mut self, site: &Site<'_>) -> Option<Json> {
        let config = site.config.as_deref()?;
        let is_other = shaped(config).is_some_and(|shape| shape != site.filter);
        if is_other {
            return None;
        }
        let read = reader(site.filter, self.now_s);
        let read = |text: &str| loaded::on_host(read(text), site.filter, site.host.profile(), text);
        self.embedded(&read, config)
    }

    /// A configuration in a manifest: JSON in a string, or a structure.
    fn embedded(&mut self, read: Read<'_>, config: &Tree) -> Option<Json> {
        match config.text() {
            Some(text) => {
                let source = self.source.text.clone();
                let place = |at: usize| tree::within(&source, &config.span, text, at);
                self.json_config(read, text, &place);
                Json::parse(text.as_bytes()).ok()
            }
            None if matches!(config.kind, tree::Kind::Null) => None,
            None => {
                let json = config.struct_json();
                self.tree_config(read, config, &json);
                Some(json)
            }
        }
    }

    /// What route metadata says to a filter.
    fn said(&mut self, said: &Said<'_>, plugins: &[Plugin]) {
        if let Some(message) = said.unread(plugins) {
            let span = Some(said.namespace.name_span.clone());
            self.add(&codes::ROUTE_UNREAD, false, span, ("", message));
        }
        for (span, message) in said.refused() {
            self.add(&codes::ROUTE_UNREAD, true, Some(span), ("", message));
        }
        if let Some(config) = said.config() {
            let read = |text: &str| said.check(&Json::String(text.to_owned()), plugins);
            match config.text() {
                // Not even nothing is left out: whoever says it means an object.
                None => self.tree_config(&read, config, &config.struct_json()),
                Some(_) => drop(self.embedded(&read, config)),
            }
        }
    }

    /// The connection managers of a document.
    fn managers(&mut self, document: &Tree) -> usize {
        let json = document.json().to_string();
        let value = serde_json::from_str(&json).unwrap_or(serde_json::Value::Null);
        let (count, warnings) = bootstrap::check(&value);
        for warning in warnings {
            let code = codes::of_warning(Warning::code(&warning));
            let span = document.span_of(warning.problem().path(), true);
            let message = warning.problem().message().to_owned();
            self.add(code, false, Some(span), (warning.problem().path(), message));
        }
        count
    }
}

/// Whether a text is read well, and is of some host.
fn is_manifest(documents: &Documents) -> bool {
    let is_broken = documents.remarks.iter().any(|remark| remark.is_error);
    let is_one = |tree: &Tree| tree.get("kind").is_some() || !plugin::find(tree).is_empty();
    !is_broken && documents.trees.iter().any(is_one)
}

fn paths_of(checked: &Checked<()>) -> impl Iterator<Item = String> {
    let problems = checked.result.as_ref().err();
    let problems = problems
        .into_iter()
        .flat_map(|problems| problems.iter().map(|problem| problem.path().to_owned()));
    let warnings = checked
        .warnings
        .iter()
        .map(|warning| warning.problem().path().to_owned());
    problems.chain(warnings)
}

/// The offset behind `line 3 column 5` in a message of serde_json.
fn offset_of(text: &str, message: &str) -> usize {
    let number = |word: &str| -> Option<usize> {
        let rest = message.rsplit(word).next()?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let (line, column) = (number("line ").unwrap_or(1), number("column ").unwrap_or(1));
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

const LOOKS_LIKE_YAML: &str = "this looks like YAML; a plugin configuration in a string is JSON";

/// Values of other languages that JSON does not have.
const NOT_OF_JSON: [&str; 9] = [
    "True",
    "False",
    "None",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "nil",
    "+",
];

/// What people do, and what to do instead.
fn hint(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at).unwrap_or(text).trim_end();
    let rest = text.get(at..).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let next = rest.trim_start();
    let smart = ['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{201e}'];
    let hint = if text.starts_with('\u{feff}') {
        "the file begins with a byte order mark; save it as UTF-8 without BOM"
    } else if text.trim().is_empty() {
        "there is nothing in it"
    } else if next.starts_with(smart) || before.ends_with(smart) {
        "typographic quotes; JSON wants straight ones: \""
    } else if next.starts_with("//")
        || next.starts_with("/*")
        || next.starts_with('#')
        || line.starts_with("//")
        || line.starts_with('#')
    {
        "JSON has no comments"
    } else if (next.starts_with(['}', ']']) && before.ends_with(','))
        || before.ends_with([',']) && next.is_empty()
    {
        "JSON has no comma after the last item"
    } else if next.starts_with('\'') {
        "JSON wants double quotes"
    } else if before.ends_with(|c: char| c.is_ascii_digit())
        && rest.starts_with(['x', 'X', 'o', 'O', 'b', 'B', '_'])
    {
        "numbers of JSON are decimal, without _"
    } else if NOT_OF_JSON.iter().any(|word| next.starts_with(word)) {
        "JSON has true, false, null and decimal numbers"
    } else if !text.trim_start().starts_with(['{', '[']) && text.contains(": ") {
        LOOKS_LIKE_YAML
    } else if rest.starts_with(|c: char| c.is_ascii_alphabetic()) && line.ends_with(['{', ',']) {
        "names of members stand in double quotes"
    } else {
        return None;
    };
    Some(hint.to_owned())
}
