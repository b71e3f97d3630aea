//! What the metadata of routes and virtual hosts says to filters.

use std::collections::BTreeSet;
use std::ops::Range;

use host::route_config::check_metadata;
use meshward_bundle::config::{Part, split};
use policy::config::{Checked, Problem};
use policy::filters::ORDER;
use policy::json::Json;

use super::BUNDLE;
use super::tree::{Kind, Member, Tree};

/// A name space of ours in the `filter_metadata` of something.
pub(super) struct Said<'t> {
    pub(super) namespace: &'t Member,
    /// `None` where no filter has this name.
    pub(super) addressee: Option<Addressee>,
    /// The name space of all says something to this one filter as well.
    is_said_twice: bool,
}

/// Whom a name space is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// `meshward`: each filter has a part.
    All,
    One(Part),
}

/// A filter of the manifest, with the configuration of its own.
pub(super) struct Plugin {
    part: Part,
    config: Json,
}

impl Plugin {
    /// The filters in a configuration: one, or those of the bundle.
    pub(super) fn of(filter: &str, config: &Json) -> Vec<Self> {
        if filter == BUNDLE {
            let parts = split(&config.to_string()).parts.into_iter();
            return parts
                .filter_map(|text| {
                    let config = Json::parse(text.json.as_bytes()).ok()?;
                    let part = text.part;
                    Some(Self { part, config })
                })
                .collect();
        }
        let part = Part::of_filter(filter).into_iter();
        let config = || config.clone();
        part.map(|part| Self {
            part,
            config: config(),
        })
        .collect()
    }

    fn reads_metadata(&self) -> bool {
        !matches!(
            self.config.member("route_config"),
            None | Some(Json::Bool(false))
        )
    }
}

/// Everything that is said to filters of ours in a document.
pub(super) fn find(tree: &Tree) -> Vec<Said<'_>> {
    let mut found = Vec::new();
    visit(tree, &mut found);
    found
}

fn visit<'t>(tree: &'t Tree, found: &mut Vec<Said<'t>>) {
    match &tree.kind {
        Kind::List(items) => items.iter().for_each(|item| visit(item, found)),
        Kind::Map(members) => {
            for member in members {
                if ["filter_metadata", "filterMetadata"].contains(&member.name.as_str()) {
                    let spaces = member.value.members().iter().filter_map(said);
                    found.extend(compared(spaces.collect()));
                } else {
                    visit(&member.value, found);
                }
            }
        }
        _ => {}
    }
}

fn said(namespace: &Member) -> Option<Said<'_>> {
    let rest = namespace.name.strip_prefix(BUNDLE)?;
    let addressee = match rest.strip_prefix('.') {
        Some(filter) => Part::of_filter(filter).map(Addressee::One),
        None if rest.is_empty() => Some(Addressee::All),
        None => return None,
    };
    Some(Said {
        namespace,
        addressee,
        is_said_twice: false,
    })
}

/// The name spaces of one route, each with whether what it says is said by another.
fn compared(mut spaces: Vec<Said<'_>>) -> Vec<Said<'_>> {
    let is_for_all = |said: &&Said<'_>| said.addressee == Some(Addressee::All);
    let to_all = spaces.iter().find(is_for_all).and_then(Said::config);
    let to_all = to_all.and_then(|config| match config.text() {
        Some(text) => Json::parse(text.as_bytes()).ok(),
        None => Some(config.struct_json()),
    });
    for said in &mut spaces {
        if let (Some(Addressee::One(part)), Some(to_all)) = (said.addressee, &to_all) {
            said.is_said_twice = to_all.member(part.key()).is_some();
        }
    }
    spaces
}

impl Said<'_> {
    /// Why nobody reads it, if nobody does: the plugins that it is for do not read metadata.
    pub(super) fn unread(&self, plugins: &[Plugin]) -> Option<String> {
        let name = &self.namespace.name;
        let mut meant = plugins.iter().filter(|plugin| match self.addressee {
            None | Some(Addressee::All) => true,
            Some(Addressee::One(part)) => plugin.part == part,
        });
        let is_there = meant.clone().next().is_some();
        let is_read = meant.any(Plugin::reads_metadata);
        (is_there && !is_read).then(|| {
            format!("the configuration of the plugin does not say \"route_config\": true, so {name:?} is not read")
        })
    }

    /// What filters that read metadata refuse before they look at what is said, each with where it is.
    pub(super) fn refused(&self) -> Vec<(Range<usize>, String)> {
        let Member {
            name,
            name_span,
            value,
        } = self.namespace;
        if self.addressee.is_none() {
            let names = ORDER.map(|filter| format!("{BUNDLE}.{filter}"));
            let near = policy::nearest(name, names.iter().map(String::as_str));
            let hint = near.map_or_else(
                || format!("there are {BUNDLE} and {}", names.join(", ")),
                |near| format!("did you mean {near:?}?"),
            );
            return vec![(
                name_span.clone(),
                format!("no filter reads {name:?}; {hint}"),
            )];
        }
        let members = value.members();
        let others = members.iter().filter(|member| member.name != CONFIG);
        let mut refused: Vec<_> = others
            .map(|other| {
                let message = format!("unknown key; filters read only {CONFIG:?} of {name:?}");
                (other.name_span.clone(), message)
            })
            .collect();
        if refused.is_empty() && members.is_empty() {
            let message = format!("filters read only {CONFIG:?} of {name:?}, which is missing");
            refused.push((name_span.clone(), message));
        }
        if self.is_said_twice {
            let message =
                format!("{BUNDLE:?} and {name:?} both say something to one filter; say it in one");
            refused.push((name_span.clone(), message));
        }
        refused
    }

    /// The text or the structure that is said.
    pub(super) fn config(&self) -> Option<&Tree> {
        self.namespace.value.get(CONFIG)
    }

    /// What is said, by the filters that it is for.
    pub(super) fn parts(&self) -> Vec<(Part, Json)> {
        let json = self.config().map(|config| match config.text() {
            Some(text) => Json::parse(text.as_bytes()).unwrap_or(Json::Null),
            None => config.struct_json(),
        });
        let json = json.filter(|json| matches!(json, Json::Object(_)));
        match (self.addressee, json) {
            (Some(Addressee::One(part)), Some(json)) => vec![(part, json)],
            (Some(Addressee::All), Some(json)) => Part::ALL
                .into_iter()
                .filter_map(|part| Some((part, json.member(part.key())?.clone())))
                .filter(|(_, json)| matches!(json, Json::Object(_)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Reads what is said as the filters that it is for do.
    pub(super) fn check(&self, config: &Json, plugins: &[Plugin]) -> Checked<()> {
        let (parts, is_for_all) = match self.addressee {
            None => (Vec::new(), false),
            Some(Addressee::One(part)) => (vec![part], false),
            Some(Addressee::All) => (Part::ALL.to_vec(), true),
        };
        let mut problems: Vec<Problem> = Vec::new();
        let mut warnings = Vec::new();
        for part in parts {
            let mut of_part = plugins.iter().filter(|plugin| plugin.part == part);
            let of_route = of_part.clone().find(|plugin| plugin.reads_metadata());
            let plugin = of_route.or_else(|| of_part.next());
            let plugin =
                plugin.map_or_else(|| stand_in(part, config), |plugin| plugin.config.clone());
            let part_of = part.route_part();
            let checked = check_metadata(config, is_for_all, part.filter(), &plugin, &part_of);
            for problem in checked.result.err().into_iter().flatten() {
                // What is no object at all is said once.
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
            warnings.extend(checked.warnings);
        }
        Checked::found(problems, warnings, BTreeSet::new())
    }
}

/// A plugin for what is said to one that is in another file: it takes whatever a route may say, and
/// has all providers that are named.
fn stand_in(part: Part, said: &Json) -> Json {
    let text = match part {
        Part::Audit => r#"{"sink": "host_log", "retention": {"keep": "1y"}}"#.to_owned(),
        Part::Limits => {
            r#"{"limits": [{"name": "plugin", "key": ["ip"], "rate": "1/s"}]}"#.to_owned()
        }
        Part::Redact => r#"{"rules": [{"name": "plugin", "detect": ["EMAIL"]}]}"#.to_owned(),
        Part::Auth => {
            let mut names = BTreeSet::new();
            let parsed = said
                .as_str()
                .and_then(|text| Json::parse(text.as_bytes()).ok());
            providers(parsed.as_ref().unwrap_or(said), &mut names);
            let provider = r#"{"issuer": "https://idp.example.com", "audiences": ["any"], "jwks": {"remote": {"uri": "https://idp.example.com/keys", "cluster": "idp"}}, "algorithms": ["RS256"]}"#;
            let named = names
                .into_iter()
                .map(|name| format!("{}: {provider}", Json::String(name)));
            let named: Vec<String> = named.collect();
            format!(r#"{{"providers": {{{}}}}}"#, named.join(", "))
        }
    };
    Json::parse(text.as_bytes()).unwrap_or(Json::Null)
}

/// The providers that rules name.
fn providers(json: &Json, names: &mut BTreeSet<String>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| providers(item, names)),
        Json::Object(members) => {
            for (key, value) in members {
                match value {
                    Json::String(name) if key == "provider" => {
                        names.insert(name.clone());
                    }
                    Json::Array(items) if key == "any_of" || key == "all_of" => {
                        names.extend(items.iter().filter_map(Json::as_str).map(str::to_owned));
                    }
                    inner => providers(inner, names),
                }
            }
        }
        _ => {}
    }
}

/// The member of a name space that filters read.
const CONFIG: &str = "config";
