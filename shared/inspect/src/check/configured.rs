//! The configurations in a file, whatever it is: to run them rather than to find fault.

use policy::json::Json;
use serde_json::{Map, Value};

use super::plugin::{self, shaped};
use super::{BUNDLE, tree};
use meshward_bundle::config::Part;

/// A configuration and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// The filter, or [`BUNDLE`].
    pub filter: &'static str,
    /// The configuration.
    pub json: String,
}

/// The one configuration in a text. Several filters, each there once, are told as the bundle that does
/// the same. `filter` says whose it is, or which is meant.
pub fn one(text: &str, filter: Option<&str>) -> Result<Configured, String> {
    let mut all = all(text, filter)?;
    if let Some(wanted) = filter {
        all.retain(|configured| configured.filter == wanted);
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
    if configured.filter == filter {
        return Ok(configured.json);
    }
    let parts = meshward_bundle::config::split(&configured.json).parts;
    let found = parts.into_iter().find(|text| text.part.filter() == filter);
    let found = found.filter(|_| configured.filter == BUNDLE);
    found
        .map(|text| text.json)
        .ok_or_else(|| format!("there is no configuration of {filter}"))
}

/// All configurations in a text, in its order.
fn all(text: &str, filter: Option<&str>) -> Result<Vec<Configured>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let whole = |filter: &'static str| {
        vec![Configured {
            filter,
            json: text.to_owned(),
        }]
    };
    let is_json = text.trim_start().starts_with(['{', '[']);
    if is_json && let Ok(json) = Json::parse(text.as_bytes()) {
        let is_manifest = json.member("kind").is_some();
        let shape = plugin::shape(&json).filter(|_| !is_manifest);
        let wanted = filter.and_then(plugin::named);
        let by_name = wanted.filter(|_| !is_manifest && !is_one_of_several(text));
        if let Some(filter) = by_name.or(shape) {
            return Ok(whole(filter));
        }
    }
    let documents = tree::read(text);
    if let Some(remark) = documents.remarks.iter().find(|remark| remark.is_error) {
        let before = text.get(..remark.span.start).unwrap_or_default();
        let line = before.lines().count().max(1);
        return Err(format!("line {line}: {}", remark.message));
    }
    let mut found = Vec::new();
    for document in &documents.trees {
        let sites = plugin::find(document);
        if sites.is_empty() && document.get("kind").is_none() {
            let by_name = filter.and_then(plugin::named);
            if let Some(filter) = shaped(document).or(by_name) {
                found.push(Configured {
                    filter,
                    json: document.json().to_string(),
                });
            }
        }
        for site in sites {
            if let Some(config) = site.config {
                found.push(Configured {
                    filter: site.filter,
                    json: config
                        .text()
                        .map_or_else(|| config.json().to_string(), str::to_owned),
                });
            }
        }
    }
    Ok(found)
}

/// Whether a text is a manifest with filters in it.
fn is_one_of_several(text: &str) -> bool {
    let documents = tree::read(text);
    documents
        .trees
        .iter()
        .any(|document| !plugin::find(document).is_empty())
}

/// The configurations of several filters as that of the bundle.
fn bundled(all: &[Configured]) -> Result<Configured, String> {
    let mut parts = Map::new();
    for configured in all {
        let Some(part) = Part::of_filter(configured.filter) else {
            return Err(format!(
                "there are {} configurations, one of them for all filters; say which is meant",
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
    })
}

#[cfg(test)]
mod tests {
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
    fn a_filter_that_is_there_twice_is_not_chosen_between() {
        let twice = format!(
            "filter_chains:\n- filters:\n  - name: token-bucket\n    config: {LIMITS}\n  - name: token-bucket\n    config: {LIMITS}\n"
        );
        assert!(one(&twice, None).unwrap_err().contains("several"));
    }
}
