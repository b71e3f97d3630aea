//! What each host gets, and what is left to do there.

use clap::ValueEnum;
use meshward_bundle::config::Part;

use super::File;
use super::edit::{documents, has_member, member_of, with_member, without, without_member};

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
    /// The shipped manifests, with these filters alone.
    pub(super) fn files(self, parts: &[Part]) -> Vec<File> {
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
                    (has(Part::Auth) || !document.contains("idp."))
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
            Self::Envoy => vec![file("envoy.yaml", envoy(parts))],
            Self::EnvoyGateway => {
                let mut text = bundle(GATEWAY, "config:", parts, "");
                if !has(Part::Audit) {
                    text = without(&text, "env:");
                    text = without(&text, "provider:");
                    text = without(&text, "- name: collector");
                }
                if !has(Part::Auth) {
                    text = without(&text, "- name: idp");
                }
                if !has(Part::Audit) && !has(Part::Auth) {
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
                if !has(Part::Auth) {
                    text = without(&text, "- { name: idp");
                }
                if !has(Part::Audit) && !has(Part::Auth) {
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
    pub(super) fn next(self, parts: &[Part]) -> Vec<String> {
        let has = |part: Part| parts.contains(&part);
        let mut steps = Vec::new();
        let mut step = |text: &str| steps.push(text.to_owned());
        if has(Part::Auth) {
            step(
                "Replace issuer, audiences and the rules under auth by yours: no rule, no access.",
            );
        }
        if has(Part::Audit) {
            step("Replace the address of the collector by yours.");
            if !matches!(self, Self::Envoy | Self::Apisix | Self::Kong) {
                step(
                    "Make the keys: meshward audit keygen (MESHWARD_CHAIN_KEY), openssl rand -hex 32 (MESHWARD_SUBJECT_KEY); the head of the file says where they go.",
                );
            }
        }
        step(match self {
            Self::Istio | Self::EnvoyGateway | Self::Higress => {
                "Publish meshward.wasm, and set its url and sha256."
            }
            Self::Envoy => "Put the .wasm files where the configuration says: /meshward/dist.",
            Self::Apisix => "Put meshward.wasm where config.yaml says: /opt/meshward.",
            Self::Kong => "Put meshward.wasm and meshward.meta.json into wasm_filters_path.",
        });
        step(match self {
            // Whether an identifier contains an escaped slash is for people to know; the file says it.
            Self::Envoy => "Check it: meshward check --deny warnings --allow MW2203 .",
            _ => "Check it: meshward check --deny warnings .",
        });
        step("Try a request: meshward explain -c FILE --request 'GET /orders/17'");
        step(
            "Start with \"mode\": \"report\": everything is counted and logged, and nothing refused.",
        );
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
            text = with_member(&text, key, &format!("        {remark}\n{member}"));
        }
    }
    by_address(text, parts)
}

/// The configuration of Envoy with these filters alone.
fn envoy(parts: &[Part]) -> String {
    let mut text = ENVOY.to_owned();
    for part in Part::ALL {
        if !parts.contains(&part) {
            text = without(&text, &format!("- name: {}", part.filter()));
        }
    }
    if !parts.contains(&Part::Auth) {
        text = without(&text, "- name: idp");
    }
    if !parts.contains(&Part::Audit) {
        text = without(&text, "- name: collector");
    }
    by_address(text, parts)
}

/// Where nobody verifies callers, limits count by address.
fn by_address(text: String, parts: &[Part]) -> String {
    if parts.contains(&Part::Auth) {
        return text;
    }
    let fallback = r#""key": ["claim:sub"], "on_missing_key": { "fallback": ["ip"] }"#;
    let text = text
        .replace(fallback, r#""key": ["ip"]"#)
        .replace(r#"key: ["claim:sub"]"#, "key: [ip]")
        .replace("key: [consumer]", "key: [ip]");
    without(&text, "on_missing_key: { fallback: [ip] }")
}

const ISTIO: &str = include_str!("../../../../envoy-test/istio/gateway.yaml");
const ISTIO_SERVICES: &str = include_str!("../../../../envoy-test/istio/services.yaml");
const ISTIO_METRICS: &str = include_str!("../../../../envoy-test/istio/metrics.yaml");
const ENVOY: &str = include_str!("../../../../envoy-test/envoy/meshward.yaml");
const GATEWAY: &str = include_str!("../../../../envoy-test/envoy-gateway/gateway.yaml");
const HIGRESS: &str = include_str!("../../../../envoy-test/higress/meshward.yaml");
const APISIX_CONFIG: &str = include_str!("../../../../envoy-test/apisix/config.yaml");
const APISIX_ROUTES: &str = include_str!("../../../../envoy-test/apisix/apisix.yaml");
const KONG: &str = include_str!("../../../../envoy-test/kong/kong.yaml");
const KONG_META: &str = include_str!("../../../../envoy-test/kong/meshward.meta.json");
const READ_ONLY: &str =
    "# Bodies cannot be changed on this host: what must be redacted is refused.";
