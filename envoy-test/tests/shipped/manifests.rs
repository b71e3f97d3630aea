//! The manifests for each host: every key is one that the host knows, and every configuration in them
//! is one that the module takes there.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use envoy_test::vm::{Program, Vm};
use envoy_test::{FILTERS, paths};
use host::fake::Profile;
use serde_json::{Value, json};

/// A document of a manifest.
#[derive(Clone)]
struct Document {
    /// The file, below `envoy-test`.
    file: String,
    /// What it is: `<apiVersion>/<kind>`, or the name of an interface in `other-hosts.d.ts`.
    kind: String,
    value: Value,
}

/// What has no `kind` says by its name what it is.
const KINDS: [(&str, &str); 9] = [
    ("apisix/config.yaml", "ApisixConfig"),
    ("apisix/apisix.yaml", "ApisixRoutes"),
    ("kong/kong.yaml", "KongDeclarative"),
    ("kong/separate.yaml", "KongDeclarative"),
    ("kong/meshward.meta.json", "KongFilterMeta"),
    ("kong/audit-emitter.meta.json", "KongFilterMeta"),
    ("kong/jwt-auth.meta.json", "KongFilterMeta"),
    ("kong/token-bucket.meta.json", "KongFilterMeta"),
    ("kong/pii-redactor.meta.json", "KongFilterMeta"),
];

const HOSTS: [&str; 5] = ["istio", "envoy-gateway", "higress", "apisix", "kong"];

fn documents() -> Vec<Document> {
    let mut documents = Vec::new();
    for host in HOSTS {
        let folder = paths::root().join("envoy-test").join(host);
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        for path in files {
            let file = format!("{host}/{}", path.file_name().unwrap().to_str().unwrap());
            let text = fs::read_to_string(&path).unwrap();
            for part in text.split("\n---\n") {
                let value: Value =
                    serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{file}: {error}"));
                let named = KINDS.iter().find(|(name, _)| *name == file);
                let kind = named.map_or_else(
                    || {
                        let text = |key: &str| value[key].as_str().unwrap_or("?").to_owned();
                        format!("{}/{}", text("apiVersion"), text("kind"))
                    },
                    |(_, kind)| (*kind).to_owned(),
                );
                documents.push(Document {
                    file: file.clone(),
                    kind,
                    value,
                });
            }
        }
    }
    assert!(documents.len() >= 20, "{}", documents.len());
    documents
}

/// What is wrong with each, as `kubectl --validate=strict` would say.
fn errors(documents: &[Document]) -> Vec<Vec<String>> {
    let input: Vec<Value> = documents
        .iter()
        .map(|document| json!({ "type": document.kind, "value": document.value }))
        .collect();
    let mut check = Command::new("node")
        .arg(paths::root().join("envoy-test/setup/manifest-types/check.mjs"))
        .arg(paths::manifest_types().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = check.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(&input).unwrap())
        .unwrap();
    drop(stdin);
    let output = check.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_key_is_one_that_the_host_knows() {
    let documents = documents();
    for (document, errors) in documents.iter().zip(errors(&documents)) {
        assert!(errors.is_empty(), "{}: {errors:#?}", document.file);
    }
}

/// Names that are the user's, and what is another's to check: the configuration of a filter, which
/// its module reads, and values that go to Envoy as they are.
const FREE: [&str; 8] = [
    "pluginConfig",
    "defaultConfig",
    "config",
    "conf",
    "matchLabels",
    "nodes",
    "value",
    "properties",
];

/// All documents with one misspelled key each.
fn misspelled(document: &Document) -> Vec<Document> {
    fn keys(value: &Value, at: &str, into: &mut Vec<(String, String)>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    into.push((at.to_owned(), key.clone()));
                    let is_map_of_plugins = key == "plugins" && value.is_object();
                    if !FREE.contains(&key.as_str()) && !is_map_of_plugins {
                        keys(value, &format!("{at}/{}", key.replace('/', "~1")), into);
                    }
                }
            }
            Value::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    keys(item, &format!("{at}/{n}"), into);
                }
            }
            _ => {}
        }
    }
    let mut places = Vec::new();
    keys(&document.value, "", &mut places);
    places
        .into_iter()
        .map(|(at, key)| {
            let mut changed = document.clone();
            let parent = changed
                .value
                .pointer_mut(&at)
                .unwrap()
                .as_object_mut()
                .unwrap();
            let value = parent.remove(&key).unwrap();
            parent.insert(format!("{key}x"), value);
            changed.file = format!("{} {at}/{key}", document.file);
            changed
        })
        .collect()
}

#[test]
fn a_misspelled_key_is_found_wherever_it_stands() {
    let changed: Vec<Document> = documents().iter().flat_map(misspelled).collect();
    assert!(changed.len() > 300, "{}", changed.len());
    let unnoticed: Vec<String> = changed
        .iter()
        .zip(errors(&changed))
        .filter(|(_, errors)| errors.is_empty())
        .map(|(document, _)| document.file.clone())
        .collect();
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}

/// A configuration of a filter in a manifest.
struct Embedded {
    file: String,
    module: String,
    configuration: Value,
}

/// The module behind an address or a file: `oci://…/meshward/jwt-auth:0.1.0` is `jwt-auth`.
fn module(address: &str) -> String {
    let name = address.rsplit('/').next().unwrap();
    let name = name.split([':', '@']).next().unwrap();
    name.strip_suffix(".wasm").unwrap_or(name).to_owned()
}

fn embedded(document: &Document) -> Vec<Embedded> {
    let value = &document.value;
    let one = |address: &Value, configuration: &Value| Embedded {
        file: document.file.clone(),
        module: module(address.as_str().unwrap()),
        configuration: configuration.clone(),
    };
    let list = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let spec = &value["spec"];
    match document.kind.rsplit('/').next().unwrap() {
        "TrafficExtension" => vec![one(&spec["wasm"]["url"], &spec["wasm"]["pluginConfig"])],
        "WasmPlugin" if document.kind.contains("higress") => {
            let rules = list(&spec["matchRules"]);
            let configurations = rules.iter().map(|rule| &rule["config"]);
            [&spec["defaultConfig"]]
                .into_iter()
                .chain(configurations)
                .filter(|configuration| configuration.is_object())
                .map(|configuration| one(&spec["url"], configuration))
                .collect()
        }
        "WasmPlugin" => vec![one(&spec["url"], &spec["pluginConfig"])],
        "EnvoyExtensionPolicy" => list(&spec["wasm"])
            .iter()
            .map(|wasm| {
                let code = &wasm["code"];
                let url = [&code["image"]["url"], &code["http"]["url"]];
                one(
                    url.into_iter().find(|url| url.is_string()).unwrap(),
                    &wasm["config"],
                )
            })
            .collect(),
        "ApisixRoutes" => list(&value["routes"])
            .iter()
            .flat_map(|route| route["plugins"].as_object().unwrap().clone())
            .map(|(name, plugin)| one(&json!(apisix_file(&name)), &plugin["conf"]))
            .collect(),
        "KongDeclarative" => list(&value["filter_chains"])
            .iter()
            .flat_map(|chain| list(&chain["filters"]))
            .map(|filter| one(&filter["name"], &filter["config"]))
            .collect(),
        _ => Vec::new(),
    }
}

/// The file that config.yaml registers under a plugin's name.
fn apisix_file(plugin: &str) -> String {
    let documents = documents();
    let config = documents.iter().find(|d| d.kind == "ApisixConfig").unwrap();
    let plugins = config.value["wasm"]["plugins"].as_array().unwrap();
    let registered = plugins.iter().find(|p| p["name"] == plugin);
    registered.unwrap()["file"].as_str().unwrap().to_owned()
}

fn profile(file: &str) -> Profile {
    match file.split('/').next().unwrap() {
        "apisix" => Profile::Apisix,
        "kong" => Profile::Kong,
        _ => Profile::Envoy,
    }
}

/// Every module takes its configurations under the rules of the host they are for.
#[test]
fn every_configuration_is_taken_by_its_module_on_that_host() {
    let mut configured = 0;
    for document in documents() {
        for embedded in embedded(&document) {
            let program = Program::open(&paths::wasm(&embedded.module).unwrap()).unwrap();
            let mut proxy = Vm::proxy(&program, profile(&embedded.file)).unwrap();
            for (name, value) in [
                ("MESHWARD_SUBJECT_KEY", "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo"),
                (
                    "MESHWARD_CHAIN_KEY",
                    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                ),
            ] {
                proxy.host().set_environment_variable(name, value);
            }
            let taken = proxy.configure(embedded.configuration.to_string());
            assert!(
                taken.is_ok(),
                "{} ({}): {:#?}",
                embedded.file,
                embedded.module,
                proxy.host().logs()
            );
            configured += 1;
        }
    }
    assert!(configured >= 21, "{configured}");
}

/// Each host has the four filters apart, or says why not; Kong takes the keys that its filters have.
#[test]
fn the_four_filters_stand_apart_as_well() {
    let documents = documents();
    for host in ["istio", "higress", "kong"] {
        let file = format!("{host}/separate.yaml");
        let own = documents.iter().filter(|document| document.file == file);
        let modules: Vec<String> = own.flat_map(embedded).map(|one| one.module).collect();
        // In the order of the chain.
        assert_eq!(
            modules,
            ["audit-emitter", "jwt-auth", "token-bucket", "pii-redactor"],
            "{host}"
        );
    }
    for filter in FILTERS {
        let file = format!("kong/{filter}.meta.json");
        let meta = documents.iter().find(|document| document.file == file);
        let properties = &meta.unwrap().value["config_schema"]["properties"];
        let schema = paths::root().join(format!("filters/{filter}/schema.json"));
        let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
        let known = schema["properties"].as_object().unwrap().keys();
        let known: Vec<&String> = known.filter(|key| !key.starts_with(['$', '_'])).collect();
        let told: Vec<&String> = properties.as_object().unwrap().keys().collect();
        assert_eq!(told, known, "{filter}");
    }
}

/// Metrics get the same labels in Istio and Envoy Gateway as in the Envoy of the tests.
#[test]
fn every_host_has_the_same_stats_tags() {
    let shipped = fs::read_to_string(paths::root().join("envoy-test/envoy/meshward.yaml")).unwrap();
    let shipped: Value = serde_saphyr::from_str(&shipped).unwrap();
    let tags = &shipped["stats_config"]["stats_tags"];
    assert!(tags.is_array());
    let mut found = 0;
    for document in documents() {
        let spec = &document.value["spec"];
        let bootstrap = match document.kind.rsplit('/').next().unwrap() {
            "EnvoyFilter" => spec["configPatches"][0]["patch"]["value"].clone(),
            "EnvoyProxy" => {
                let text = spec["bootstrap"]["value"].as_str().unwrap();
                serde_saphyr::from_str(text).unwrap()
            }
            _ => continue,
        };
        assert_eq!(
            &bootstrap["stats_config"]["stats_tags"], tags,
            "{}",
            document.file
        );
        found += 1;
    }
    assert_eq!(found, 2);
}

/// A label that no tag splits stays in the name of its metric, where no dashboard and no alert finds it.
#[test]
fn every_label_of_a_metric_has_its_tag() {
    let shipped = fs::read_to_string(paths::root().join("envoy-test/envoy/meshward.yaml")).unwrap();
    let quoted = |text: &str| -> Vec<String> {
        let pieces = text.split('`').skip(1).step_by(2);
        pieces.map(str::to_owned).collect()
    };
    let mut labels = 0;
    for filter in FILTERS {
        let readme = paths::root().join(format!("filters/{filter}/README.md"));
        let readme = fs::read_to_string(readme).unwrap();
        let table = readme
            .lines()
            .skip_while(|line| !line.starts_with("## Metrics"));
        let rows = table.skip_while(|line| !line.starts_with("| `"));
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            // `label`: `value`, `value`; `label`
            for label in cells[2]
                .split(';')
                .flat_map(|part| quoted(part.split(':').next().unwrap()))
            {
                let tag = format!("tag_name: {label}, regex: \"(;{label}=");
                assert!(shipped.contains(&tag), "{filter}: {label} in {row}");
                labels += 1;
            }
        }
    }
    assert!(labels > 40, "{labels}");
}
