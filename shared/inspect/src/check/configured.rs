//! The configurations in a file, whatever it is: to run them rather than to find fault. Every command
//! but `check` itself, which wants their places, reads its configurations here.

use host::fake::Profile;
use policy::json::Json;
use serde_json::{Map, Value};

use super::plugin::{self, shaped};
use super::tree::Kind;
use super::{BUNDLE, carried, document, routes, tree};
use meshward_bundle::config::{Part, split};

/// A configuration and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// The filter, or [`BUNDLE`].
    pub filter: &'static str,
    /// The configuration, as JSON.
    pub json: String,
    /// What simulates the host whose manifest it stands in.
    pub profile: Option<Profile>,
}

/// The one configuration in a text. Several filters, each there once, are told as the bundle that does
/// the same. `filter` says whose it is, or which is meant; of the bundle it is the filter's part.
///
/// # Errors
/// There is none, or no single one.
pub fn one(text: &str, filter: Option<&str>) -> Result<Configured, String> {
    let mut all = all(text, filter)?;
    if let Some(wanted) = filter {
        all = all
            .into_iter()
            .filter_map(|found| found.of(wanted))
            .collect();
    }
    match all.len() {
        0 => Err(match filter {
            Some(filter) => format!("there is no configuration of {filter}"),
            None => "there is no configuration of a filter; if it is one, say whose".to_owned(),
        }),
        1 => all.pop().ok_or_else(String::new),
        _ => bundled(&all),
    }
}

/// The configuration of one filter, wherever it stands in a text: alone, among others, or in the bundle.
/// `of` says whose the text is, where that is not plain from it.
///
/// # Errors
/// There is none, or no single one.
pub fn part(text: &str, of: Option<&str>, filter: &'static str) -> Result<String, String> {
    let configured = one(text, of).or_else(|_| one(text, Some(filter)))?;
    let found = configured.of(filter).map(|configured| configured.json);
    found.ok_or_else(|| format!("there is no configuration of {filter}"))
}

impl Configured {
    /// The same, or the part in it, if it is for a filter.
    fn of(self, filter: &str) -> Option<Self> {
        if self.filter == filter {
            return Some(self);
        }
        let part = Part::of_filter(filter).filter(|_| self.filter == BUNDLE)?;
        let parts = split(&self.json).parts.into_iter();
        let found = parts.into_iter().find(|text| text.part == part)?;
        Some(Self {
            filter: part.filter(),
            json: found.json,
            profile: self.profile,
        })
    }
}

/// All configurations in a text, in its order. `filter` says whose one is that stands by itself. What
/// is wrong in them is for their readers to say.
///
/// # Errors
/// The text is neither JSON nor YAML.
pub fn all(text: &str, filter: Option<&str>) -> Result<Vec<Configured>, String> {
    found(text, filter, false)
}

/// As [`all`] finds them; in a text within another, what it carries itself is not looked at.
fn found(text: &str, filter: Option<&str>, is_carried: bool) -> Result<Vec<Configured>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let whole = |filter: &'static str| {
        vec![Configured {
            filter,
            json: text.to_owned(),
            profile: None,
        }]
    };
    let wanted = filter.and_then(plugin::named);
    let start = text.trim_start();
    if start.starts_with(['{', '[']) && !start.starts_with("{{") {
        match Json::parse(text.as_bytes()) {
            Ok(json) => {
                let is_manifest = json.member("kind").is_some();
                let shape = plugin::shape(&json).filter(|_| !is_manifest);
                let by_name = wanted
                    .filter(|_| shape != Some(BUNDLE) && !is_manifest && !is_one_of_several(text));
                if let Some(filter) = by_name.or(shape) {
                    return Ok(whole(filter));
                }
            }
            Err(_) => {
                if let Some(filter) = wanted.filter(|_| !is_one_of_several(text)) {
                    return Ok(whole(filter));
                }
            }
        }
    }
    let mut found = Vec::new();
    for document in &document::trees(text)? {
        let texts = carried::texts(document).into_iter();
        for carried in texts.filter(|_| !is_carried) {
            let inner = carried.value.text().unwrap_or_default();
            let inner = self::found(inner, None, true)
                .unwrap_or_default()
                .into_iter();
            // Other programs have providers and rules too.
            found.extend(inner.filter(|one| {
                let is_read = super::parsed(one.filter, &one.json).is_ok();
                carried.is_named || one.profile.is_some() || is_read
            }));
        }
        let sites = plugin::find(document);
        if sites.is_empty()
            && document.get("kind").is_none()
            && let Some(filter) = shaped(document).or(wanted)
        {
            found.push(Configured {
                filter,
                json: document.json().to_string(),
                profile: None,
            });
        }
        for site in sites {
            let config = site.config.as_deref();
            let Some(config) = config.filter(|config| !matches!(config.kind, Kind::Null)) else {
                continue;
            };
            let json = config.text().map(str::to_owned);
            found.push(Configured {
                // A module is not always named after what it is.
                filter: shaped(config).unwrap_or(site.filter),
                json: json.unwrap_or_else(|| config.struct_json().to_string()),
                profile: Some(site.host.profile()),
            });
        }
    }
    Ok(found)
}

/// What the metadata of a route says to a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidByRoute {
    /// The filter that the configuration is for.
    pub part: Part,
    /// What it says, an object.
    pub json: String,
    /// The line of the text, from 1.
    pub line: usize,
}

/// What all metadata of routes and virtual hosts in a text says to filters that read it; what is no
/// object is for `check` to say.
///
/// # Errors
/// The text is neither JSON nor YAML.
pub fn said_by_routes(text: &str) -> Result<Vec<SaidByRoute>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut all = Vec::new();
    for document in &document::trees(text)? {
        for said in routes::find(document) {
            let before = text.get(..said.namespace.name_span.start);
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            all.extend(said.parts().into_iter().map(|(part, json)| SaidByRoute {
                part,
                json: json.to_string(),
                line,
            }));
        }
    }
    Ok(all)
}

/// Whether a text is a manifest with filters in it.
fn is_one_of_several(text: &str) -> bool {
    let documents = tree::read(text).trees;
    documents
        .iter()
        .any(|document| !plugin::find(document).is_empty())
}

/// The configurations of several filters as that of the bundle.
fn bundled(all: &[Configured]) -> Result<Configured, String> {
    let mut parts = Map::new();
    for configured in all {
        let Some(part) = Part::of_filter(configured.filter) else {
            return Err(format!(
                "there are {} configurations, one of them for all filters; say which is meant (--filter)",
                all.len()
            ));
        };
        let value: Value = serde_json::from_str(&configured.json)
            .map_err(|error| format!("the configuration of {}: {error}", configured.filter))?;
        if parts.insert(part.key().to_owned(), value).is_some() {
            return Err(format!(
                "there are several configurations of {}; give one in a file of its own",
                configured.filter
            ));
        }
    }
    Ok(Configured {
        filter: BUNDLE,
        json: Value::Object(parts).to_string(),
        profile: all.iter().find_map(|configured| configured.profile),
    })
}

#[cfg(test)]
mod tests {
    use policy::config::Configuration as _;
    use policy::filters::TOKEN_BUCKET;

    use super::*;

    const LIMITS: &str = r#"{"limits": [{"name": "a", "key": ["ip"], "rate": "5/s"}]}"#;

    #[test]
    fn a_configuration_alone_in_either_language() {
        assert_eq!(one(LIMITS, None).unwrap().filter, "token-bucket");
        let yaml = "limits:\n  - { name: a, key: [ip], rate: 5/s }\n";
        assert_eq!(one(yaml, None).unwrap().filter, "token-bucket");
        assert_eq!(one("{}", Some("pii-redactor")).unwrap().json, "{}");
        assert!(one("{}", None).is_err());
        assert!(one("a: [", None).unwrap_err().starts_with("line 1"));
    }

    #[test]
    fn separate_filters_of_a_manifest_are_told_as_the_bundle() {
        let manifest = include_str!("../../../../envoy-test/envoy/meshward.yaml");
        let bundle = one(manifest, None).unwrap();
        assert_eq!(bundle.filter, BUNDLE);
        meshward_bundle::config::check(&bundle.json).result.unwrap();
        let alone = one(manifest, Some("token-bucket")).unwrap();
        assert_eq!(alone.filter, "token-bucket");
    }

    #[test]
    fn the_part_of_a_filter_is_found_wherever_it_stands() {
        let wanted = |text: &str| part(text, None, TOKEN_BUCKET).unwrap();
        let manifest = include_str!("../../../../envoy-test/envoy/meshward.yaml");
        let bundle = include_str!("../../../../filters/meshward/examples/shop.json");
        for text in [LIMITS, manifest, bundle] {
            assert!(wanted(text).contains("\"limits\""), "{text}");
        }
        let other = r#"{"presets": ["pci"]}"#;
        assert!(part(other, None, TOKEN_BUCKET).is_err());
    }

    #[test]
    fn a_part_of_the_bundle_is_a_configuration_of_its_filter() {
        let manifest = include_str!("../../../../envoy-test/envoy/bundle.yaml");
        let part = one(manifest, Some("jwt-auth")).unwrap();
        assert_eq!(part.filter, "jwt-auth");
        jwt_auth::config::Config::parse(&part.json).unwrap();
        let alone = format!(r#"{{"limits": {LIMITS}, "redact": {{}}}}"#);
        assert_eq!(
            one(&alone, Some("token-bucket")).unwrap().json,
            r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/s"}]}"#
        );
        assert_eq!(one(&alone, None).unwrap().filter, BUNDLE);
        assert!(
            one(&alone, Some("audit-emitter"))
                .unwrap_err()
                .contains("no configuration of audit-emitter")
        );
    }

    /// What the filter gets is one configuration, with the rules for single routes in it.
    #[test]
    fn match_rules_of_higress_are_folded_as_its_controller_does() {
        let manifest = format!(
            "apiVersion: extensions.higress.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: token-bucket}}\nspec:\n  defaultConfig: {LIMITS}\n  matchRules:\n  - {{ingress: [shop], config: {{mode: report}}}}\n  - {{domain: [a.example], configDisable: true, config: {{mode: report}}}}\n"
        );
        let found = one(&manifest, None).unwrap();
        let json = Json::parse(found.json.as_bytes()).unwrap();
        let rules = json.member("_rules_").unwrap().to_string();
        assert_eq!(rules, r#"[{"_match_route_":["shop"],"mode":"report"}]"#);
        assert!(crate::check::parsed(found.filter, &found.json).is_ok());
    }

    #[test]
    fn what_is_no_json_is_left_to_the_reader_of_the_filter() {
        assert_eq!(
            one("{\"limits\": [}", Some("token-bucket")).unwrap().json,
            "{\"limits\": [}"
        );
    }

    #[test]
    fn a_filter_that_is_there_twice_is_not_chosen_between() {
        let twice = format!(
            "filter_chains:\n- filters:\n  - name: token-bucket\n    config: {LIMITS}\n  - name: token-bucket\n    config: {LIMITS}\n"
        );
        assert!(one(&twice, None).unwrap_err().contains("several"));
    }
}
