//! What each host gets, and what is left to do there.

use clap::ValueEnum;
use meshward_bundle::config::Part;
use policy::json::Json;

use super::File;
use super::edit::{documents, has_member, member_of, with_member, without, without_member};
use super::openapi::{Made, pretty};

/// What the filters run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Host {
    /// Istio, at an ingress gateway
    Istio,
    /// Envoy by itself
    Envoy,
    /// Envoy Gateway
    EnvoyGateway,
    /// APISIX
    Apisix,
    /// Higress
    Higress,
    /// Kong Gateway 3.4 to 3.10
    Kong,
}

impl Host {
    /// The filters that the host can run to the full.
    pub(super) fn default_parts(self) -> Vec<Part> {
        let can = |part: &Part| *part != Part::Redact || self.changes_bodies();
        Part::ALL.into_iter().filter(can).collect()
    }

    /// What is said of the filters that were chosen.
    pub(super) fn remarks(self, parts: &[Part]) -> Vec<String> {
        let remark = match (self.changes_bodies(), parts.contains(&Part::Redact)) {
            (true, _) => return Vec::new(),
            (false, true) => {
                "The rule under redact reports: this host cannot change bodies, and a rule that enforces would refuse every request that it matches."
            }
            (false, false) => {
                "redact is left out: this host cannot change bodies. --use redact writes a rule that reports."
            }
        };
        vec![remark.to_owned()]
    }

    /// Whether a filter can take a credential out of the query of a request.
    pub(super) const fn rewrites_queries(self) -> bool {
        !matches!(self, Self::Apisix | Self::Kong)
    }

    const fn changes_bodies(self) -> bool {
        !matches!(self, Self::Apisix | Self::Kong)
    }

    /// The file with the configuration of the filters.
    const fn file(self) -> &'static str {
        match self {
            Self::Istio | Self::EnvoyGateway => "gateway.yaml",
            Self::Envoy => "envoy.yaml",
            Self::Higress => "meshward.yaml",
            Self::Apisix => "apisix.yaml",
            Self::Kong => "kong.yaml",
        }
    }

    /// The key of the bundle's configuration.
    const fn key(self) -> &'static str {
        match self {
            Self::Istio => "pluginConfig:",
            Self::Envoy => "value:",
            Self::EnvoyGateway | Self::Kong => "config:",
            Self::Higress => "defaultConfig:",
            Self::Apisix => "conf:",
        }
    }

    /// The shipped manifests, with these filters alone, and with the rules that were made from a document.
    pub(super) fn files(self, parts: &[Part], made: Option<&Made>) -> Vec<File> {
        let Some(made) = made else {
            return self.shipped(parts, parts.contains(&Part::Auth));
        };
        let auth = made.parts.iter().find(|(part, _)| *part == Part::Auth);
        let issuer = auth.and_then(|(_, auth)| issuer(auth));
        let mut files = self.shipped(parts, issuer.is_some());
        let (host, port) = issuer.unwrap_or_default();
        for file in &mut files {
            if file.name == self.file() {
                for (part, json) in made.parts.iter().filter(|(part, _)| parts.contains(part)) {
                    file.text = without_member(&file.text, self.key(), part.key());
                    let json = self.adapted(*part, json, (&host, &port));
                    // Lines of JSON stand further in than the key that they belong to.
                    let json = pretty(&json).trim_end().replace('\n', "\n  ");
                    let member = format!("{}: {json}", part.key());
                    file.text = with_member(&file.text, self.key(), &member);
                }
            }
            if !host.is_empty() {
                file.text = file.text.replace("idp.example.com", &host);
                file.text = file.text.replace("443", &port);
            }
            // The document says what there is.
            file.text = file.text.replace("uri: /orders/*", "uri: /*");
            file.text = file.text.replace("paths: [\"/orders\"]", "paths: [\"/\"]");
        }
        files
    }

    /// A part that was made from a document, as this host needs it.
    fn adapted(self, part: Part, json: &Json, issuer: (&str, &str)) -> Json {
        match json {
            Json::Object(members) => {
                let member = |(name, value): &(String, Json)| {
                    let value = match value {
                        Json::String(cluster) if name == "cluster" && cluster == "idp" => {
                            Json::String(self.cluster(issuer))
                        }
                        value => self.adapted_within(value, issuer),
                    };
                    (name.clone(), value)
                };
                let mode = ("mode".to_owned(), Json::String("report".to_owned()));
                let reports = part == Part::Redact && !self.changes_bodies();
                let mode = reports.then_some(mode).into_iter();
                Json::Object(mode.chain(members.iter().map(member)).collect())
            }
            other => self.adapted_within(other, issuer),
        }
    }

    fn adapted_within(self, json: &Json, issuer: (&str, &str)) -> Json {
        match json {
            Json::Array(items) => {
                let items = items.iter().map(|item| self.adapted_within(item, issuer));
                Json::Array(items.collect())
            }
            Json::Object(_) => self.adapted(Part::Auth, json, issuer),
            other => other.clone(),
        }
    }

    /// What the cluster of the provider is called.
    fn cluster(self, (host, port): (&str, &str)) -> String {
        match self {
            Self::Istio => format!("outbound|{port}||{host}"),
            Self::Higress => format!("outbound|{port}||idp.dns"),
            Self::Apisix | Self::Kong => format!("{host}:{port}"),
            Self::Envoy | Self::EnvoyGateway => "idp".to_owned(),
        }
    }

    fn shipped(self, parts: &[Part], has_issuer: bool) -> Vec<File> {
        let has = |part: Part| parts.contains(&part);
        let file = |name: &'static str, text: String| File { name, text };
        match self {
            Self::Istio => {
                let text = bundle(ISTIO, "pluginConfig:", parts, "");
                let text = if has(Part::Audit) {
                    text
                } else {
                    without(&text, "env:").replace("    vmConfig:\n", "")
                };
                let services = documents(ISTIO_SERVICES, |document| {
                    (has_issuer || !document.contains("idp."))
                        && (has(Part::Audit) || !document.contains("collector"))
                });
                let mut files = vec![
                    file("gateway.yaml", text),
                    file("metrics.yaml", ISTIO_METRICS.to_owned()),
                ];
                if services.contains("kind:") {
                    files.push(file("services.yaml", services));
                }
                files
            }
            Self::Envoy => {
                let mut text = bundle(ENVOY, "value:", parts, "");
                if !has(Part::Audit) {
                    text = without(&text, "environment_variables:");
                    text = without(&text, "- name: collector");
                }
                if !has_issuer {
                    text = without(&text, "- name: idp");
                }
                vec![file("envoy.yaml", text)]
            }
            Self::EnvoyGateway => {
                let mut text = bundle(GATEWAY, "config:", parts, "");
                if !has(Part::Audit) {
                    text = without(&text, "env:");
                    text = without(&text, "provider:");
                    text = without(&text, "- name: collector");
                }
                if !has_issuer {
                    text = without(&text, "- name: idp");
                }
                if !has(Part::Audit) && !has_issuer {
                    text = without(&text, "static_resources:");
                }
                vec![file("gateway.yaml", text)]
            }
            Self::Higress => {
                let mut text = bundle(HIGRESS, "defaultConfig:", parts, "");
                if !has(Part::Audit) {
                    text = without(&text, "vmConfig:");
                    text = without(&text, "- { name: collector");
                }
                if !has_issuer {
                    text = without(&text, "- { name: idp");
                }
                if !has(Part::Audit) && !has_issuer {
                    text = documents(&text, |document| !document.contains("McpBridge"));
                }
                vec![file("meshward.yaml", text)]
            }
            Self::Apisix => {
                let mut config = without(APISIX_CONFIG, "- name: meshward-jwt-auth");
                config = without(&config, "- name: meshward-token-bucket");
                let routes = without(APISIX_ROUTES, "- id: partners");
                let routes = bundle(&routes, "conf:", parts, READ_ONLY);
                vec![file("config.yaml", config), file("apisix.yaml", routes)]
            }
            Self::Kong => vec![
                file("kong.yaml", bundle(KONG, "config:", parts, READ_ONLY)),
                file("meshward.meta.json", KONG_META.to_owned()),
            ],
        }
    }

    /// What is left to do, in order.
    pub(super) fn next(self, parts: &[Part], made: Option<&Made>) -> Vec<String> {
        let has = |part: Part| parts.contains(&part);
        let mut steps = Vec::new();
        let mut step = |text: &str| steps.push(text.to_owned());
        if has(Part::Auth) && made.is_none() {
            step(match self {
                Self::Kong => {
                    "Make an API key, and put its hash where the zeros are: meshward api-key new. Replace the rules under auth by yours: no rule, no access."
                }
                _ => {
                    "Replace issuer, audiences and the rules under auth by yours: no rule, no access."
                }
            });
        }
        if has(Part::Audit) {
            // On APISIX records go to the log.
            if self != Self::Apisix {
                step("Replace the address of the collector by yours.");
            }
            if !matches!(self, Self::Apisix | Self::Kong) {
                step(
                    "Make the keys: meshward audit keygen (MESHWARD_CHAIN_KEY), openssl rand -hex 32 (MESHWARD_SUBJECT_KEY); the head of the file says where they go.",
                );
            }
        }
        step(match self {
            Self::Istio | Self::EnvoyGateway | Self::Higress => {
                "Publish meshward.wasm, and set its url and sha256."
            }
            Self::Envoy => "Put meshward.wasm where envoy.yaml says: /meshward/dist.",
            Self::Apisix => "Put meshward.wasm where config.yaml says: /opt/meshward.",
            Self::Kong => "Put meshward.wasm and meshward.meta.json into wasm_filters_path.",
        });
        step("Check it: meshward check --deny warnings .");
        step(&format!(
            "Try a request: meshward explain -c {} --request 'GET /orders/17'",
            self.file()
        ));
        let names: Vec<&str> = parts.iter().map(|part| part.key()).collect();
        step(&format!(
            "Start with `mode: report` under {}: everything is counted and logged, and nothing refused.",
            names.join(", ")
        ));
        step(match self {
            Self::Istio => {
                "kubectl apply -f services.yaml -f gateway.yaml; metrics.yaml says how labels of metrics are kept."
            }
            Self::EnvoyGateway => {
                "kubectl apply -f gateway.yaml, and name the EnvoyProxy in the GatewayClass."
            }
            Self::Higress => "kubectl apply -f meshward.yaml",
            Self::Envoy => "envoy --mode validate -c envoy.yaml, then start it.",
            Self::Apisix => "Copy both files into conf/ and restart APISIX.",
            Self::Kong => "Set the lines at the head of kong.yaml in kong.conf and restart Kong.",
        });
        steps
    }
}

/// Host and port of the first issuer whose keys are fetched.
fn issuer(auth: &Json) -> Option<(String, String)> {
    let Some(Json::Object(providers)) = auth.member("providers") else {
        return None;
    };
    providers.iter().find_map(|(_, provider)| {
        let discovery = provider.member("jwks")?.member("discovery")?;
        let url = discovery
            .member("uri")
            .or_else(|| provider.member("issuer"))?;
        let address = url.as_str()?.strip_prefix("https://")?.split('/').next()?;
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "443"));
        Some((host.to_owned(), port.to_owned()))
    })
}

/// A manifest with the bundle, of which these parts stay. One that it does not have comes from the
/// manifest of Envoy Gateway, behind `remark`.
fn bundle(manifest: &str, key: &str, parts: &[Part], remark: &str) -> String {
    let mut text = manifest.to_owned();
    for part in Part::ALL {
        if !parts.contains(&part) {
            text = without_member(&text, key, part.key());
        } else if !has_member(&text, key, part.key())
            && let Some(member) = member_of(GATEWAY, "config:", part.key())
        {
            // Only redact is missing anywhere, where bodies cannot be changed.
            let applies = "apply_to: [response.body]\n";
            let member = member.replace(applies, &format!("mode: report\n              {applies}"));
            text = with_member(&text, key, &format!("        {remark}\n{member}"));
        }
    }
    by_address(text, parts)
}

/// Where nobody verifies callers, limits count by address.
fn by_address(text: String, parts: &[Part]) -> String {
    if parts.contains(&Part::Auth) {
        return text;
    }
    let text = text
        .replace(r#"key: ["claim:sub"]"#, "key: [ip]")
        .replace("key: [consumer]", "key: [ip]");
    without(&text, "on_missing_key: { fallback: [ip] }")
}

const ISTIO: &str = include_str!("../../../../envoy-test/istio/gateway.yaml");
const ISTIO_SERVICES: &str = include_str!("../../../../envoy-test/istio/services.yaml");
const ISTIO_METRICS: &str = include_str!("../../../../envoy-test/istio/metrics.yaml");
const ENVOY: &str = include_str!("../../../../envoy-test/envoy/bundle.yaml");
const GATEWAY: &str = include_str!("../../../../envoy-test/envoy-gateway/gateway.yaml");
const HIGRESS: &str = include_str!("../../../../envoy-test/higress/meshward.yaml");
const APISIX_CONFIG: &str = include_str!("../../../../envoy-test/apisix/config.yaml");
const APISIX_ROUTES: &str = include_str!("../../../../envoy-test/apisix/apisix.yaml");
const KONG: &str = include_str!("../../../../envoy-test/kong/kong.yaml");
const KONG_META: &str = include_str!("../../../../envoy-test/kong/meshward.meta.json");
const READ_ONLY: &str = "# This host cannot change bodies: a rule that enforces would refuse every request that it matches.";
