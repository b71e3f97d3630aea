//! What stands around the filters in a manifest: clusters, order, stored data, failure, variables.

use std::ops::Range;

use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET, place_in_chain};
use policy::json::Json;

use super::codes::{self, Code};
use super::plugin::{Host, Site, named, shaped};
use super::tree::{Kind, Tree};

/// What is wrong around a filter, and where.
pub(super) struct Fault {
    pub(super) code: &'static Code,
    pub(super) is_error: bool,
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

pub(super) struct Wiring<'t> {
    document: &'t Tree,
    faults: Vec<Fault>,
}

/// Checks what is around the filters of a document.
pub(super) fn check(document: &Tree, sites: &[(Site<'_>, Option<Json>)]) -> Vec<Fault> {
    let mut wiring = Wiring {
        document,
        faults: Vec::new(),
    };
    for (site, config) in sites {
        wiring.identity(site);
        wiring.failure(site);
        wiring.vm(site);
        wiring.capabilities(site);
        wiring.module(site);
        if let Some(config) = config {
            wiring.environment(site, config);
            wiring.clusters(site, config);
        }
    }
    wiring.order(sites);
    wiring.shared_vms(sites);
    wiring.stats_tags(sites);
    wiring.faults
}

impl Wiring<'_> {
    fn error(&mut self, code: &'static Code, span: &Range<usize>, message: String) {
        self.add(code, true, span, message);
    }

    fn warning(&mut self, code: &'static Code, span: &Range<usize>, message: String) {
        self.add(code, false, span, message);
    }

    fn add(&mut self, code: &'static Code, is_error: bool, span: &Range<usize>, message: String) {
        self.faults.push(Fault {
            code,
            is_error,
            span: span.clone(),
            message,
        });
    }

    /// The module and the configuration are of one filter; no name is one of the host's own.
    fn identity(&mut self, site: &Site<'_>) {
        let shape = site.config.and_then(shaped);
        if let (Some(shape), Some(config)) = (shape, site.config)
            && shape != site.filter
        {
            self.error(
                &codes::OTHER_FILTER,
                &config.span,
                format!(
                    "the module is {}, and the configuration has the keys of {shape}",
                    site.filter
                ),
            );
        }
        let is_declared = site.host == Host::Apisix && site.config.is_none();
        let name = site.plugin.get("name").filter(|_| is_declared);
        if let Some(name) = name
            && name.text() == Some(JWT_AUTH)
        {
            self.error(
                &codes::NAME_COLLIDES,
                &name.span,
                "APISIX has a plugin of its own called \"jwt-auth\"; call this one \"meshward-jwt-auth\""
                    .to_owned(),
            );
        }
        let needs_config = site
            .config
            .is_none_or(|config| matches!(config.kind, Kind::Null));
        if needs_config && !is_declared {
            self.error(
                &codes::CONFIG_MISSING,
                &site.span(),
                format!("{} has no configuration here", site.filter),
            );
        }
    }

    fn failure(&mut self, site: &Site<'_>) {
        let policy = ["failure_policy", "failStrategy"]
            .iter()
            .find_map(|name| site.plugin.get(name));
        if let Some(policy) = policy
            && policy.text() == Some("FAIL_OPEN")
        {
            self.warning(
                &codes::FAIL_OPEN,
                &policy.span,
                format!("when {} fails, requests pass it unchecked", site.filter),
            );
        }
        let open = ["fail_open", "failOpen"]
            .iter()
            .find_map(|name| site.plugin.get(name));
        if let Some(open) = open
            && matches!(open.kind, Kind::Bool(true))
        {
            self.warning(
                &codes::FAIL_OPEN,
                &open.span,
                format!("when {} fails, requests pass it unchecked", site.filter),
            );
        }
    }

    fn vm(&mut self, site: &Site<'_>) {
        let keeps_data = [TOKEN_BUCKET, AUDIT_EMITTER, super::BUNDLE].contains(&site.filter);
        let is_missing = site
            .plugin
            .at(&["vm_config", "vm_id"])
            .is_none_or(|id| id.text().is_none_or(str::is_empty));
        if site.host == Host::Envoy && keeps_data && is_missing {
            let message = format!(
                "{} keeps data under its vm_id, and there is none: a new configuration begins with empty stores",
                site.filter
            );
            self.warning(&codes::VM_ID_MISSING, &site.span(), message);
        }
    }

    fn capabilities(&mut self, site: &Site<'_>) {
        let places: [&[&str]; 2] = [
            &["capability_restriction_config", "allowed_capabilities"],
            &[
                "vm_config",
                "capability_restriction_config",
                "allowed_capabilities",
            ],
        ];
        let lists = places.iter().filter_map(|place| site.plugin.at(place));
        for list in lists {
            if list.members().is_empty() {
                continue;
            }
            let has = |name: &str| list.members().iter().any(|member| member.name == name);
            let missing: Vec<&str> = needed(site.filter).filter(|name| !has(name)).collect();
            if !missing.is_empty() {
                let message = format!("{} needs {}", site.filter, missing.join(", "));
                self.error(&codes::CAPABILITY_MISSING, &list.span, message);
            }
        }
    }

    fn module(&mut self, site: &Site<'_>) {
        let (url, digest) = match site.host {
            Host::Envoy => (
                site.plugin
                    .at(&["vm_config", "code", "remote", "http_uri", "uri"]),
                site.plugin.at(&["vm_config", "code", "remote", "sha256"]),
            ),
            Host::Istio | Host::Higress => (site.plugin.get("url"), site.plugin.get("sha256")),
            Host::EnvoyGateway => {
                let source = site
                    .plugin
                    .at(&["code", "http"])
                    .or_else(|| site.plugin.at(&["code", "image"]));
                (
                    source.and_then(|s| s.get("url")),
                    source.and_then(|s| s.get("sha256")),
                )
            }
            _ => return,
        };
        let Some(url) = url else { return };
        let text = url.text().unwrap_or_default();
        let is_pinned = text.contains("@sha256:") || text.starts_with("file:");
        let has_digest = digest
            .and_then(Tree::text)
            .is_some_and(|digest| !digest.is_empty());
        if !is_pinned && !has_digest {
            let message = format!("nothing says which module {text:?} has to be");
            self.warning(&codes::SHA256_MISSING, &url.span, message);
        }
    }

    /// Variables that a configuration names, against those that the manifest hands over.
    fn environment(&mut self, site: &Site<'_>, config: &Json) {
        let mut wanted = Vec::new();
        variables(config, &mut wanted);
        let mut given: Vec<&str> = Vec::new();
        match site.host {
            Host::Envoy => {
                if let Some(block) = site.plugin.at(&["vm_config", "environment_variables"]) {
                    let keys = block.get("host_env_keys").map_or(&[][..], Tree::items);
                    given.extend(keys.iter().filter_map(Tree::text));
                    let values = block.get("key_values").map_or(&[][..], Tree::members);
                    given.extend(values.iter().map(|member| member.name.as_str()));
                }
            }
            Host::Istio => {
                let env = site
                    .plugin
                    .at(&["vmConfig", "env"])
                    .map_or(&[][..], Tree::items);
                given.extend(env.iter().filter_map(|item| item.get("name")?.text()));
            }
            Host::EnvoyGateway => {
                let keys = site
                    .plugin
                    .at(&["env", "hostKeys"])
                    .map_or(&[][..], Tree::items);
                given.extend(keys.iter().filter_map(Tree::text));
            }
            _ => return,
        }
        wanted.retain(|name| !given.contains(&name.as_str()));
        wanted.sort();
        wanted.dedup();
        if !wanted.is_empty() {
            let message = format!(
                "the configuration needs {}, which this does not hand to the VM",
                wanted.join(", ")
            );
            let span = site
                .config
                .map_or_else(|| site.span(), |config| config.span.clone());
            self.error(&codes::ENV_MISSING, &(span.start..span.start), message);
        }
    }

    /// Clusters that a configuration names, against those of a bootstrap.
    fn clusters(&mut self, site: &Site<'_>, config: &Json) {
        let document = self.document;
        let Some(list) = document.at(&["static_resources", "clusters"]) else {
            return;
        };
        if document.at(&["dynamic_resources", "cds_config"]).is_some() {
            return;
        }
        let span = site
            .config
            .map_or_else(|| site.span(), |config| config.span.clone());
        let start = span.start..span.start;
        let mut calls = Vec::new();
        named_clusters(config, &mut calls);
        let names: Vec<&str> = list
            .items()
            .iter()
            .filter_map(|cluster| cluster.get("name")?.text())
            .collect();
        for call in calls {
            let cluster = list
                .items()
                .iter()
                .find(|cluster| cluster.get("name").and_then(Tree::text) == Some(&call.cluster));
            let Some(cluster) = cluster else {
                let near = policy::nearest(&call.cluster, names.iter().copied());
                let hint = near.map_or_else(
                    || format!("there are {}", names.join(", ")),
                    |near| format!("did you mean {near:?}?"),
                );
                let message = format!("no cluster is called {:?}; {hint}", call.cluster);
                self.error(&codes::CLUSTER_MISSING, &start, message);
                continue;
            };
            let text = cluster.json().to_string();
            let speaks_http2 =
                text.contains("http2_protocol_options") || text.contains("http2ProtocolOptions");
            if call.is_grpc && !speaks_http2 {
                let message = format!(
                    "{} asks the cluster {:?} over gRPC, and it does not speak HTTP/2",
                    site.filter, call.cluster
                );
                self.error(&codes::CLUSTER_PROTOCOL, &cluster.span, message);
            }
            let has_tls = cluster.get("transport_socket").is_some()
                || text.contains("transport_socket_matches");
            if call.is_https && !has_tls {
                let message = format!(
                    "the address behind the cluster {:?} is https, and the cluster has no TLS",
                    call.cluster
                );
                self.warning(&codes::CLUSTER_TLS, &cluster.span, message);
            }
        }
    }

    fn order(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        for (position, (site, _)) in sites.iter().enumerate() {
            let Some((list, index)) = site.chain else {
                continue;
            };
            let router = list.items().iter().position(|item| {
                item.get("name").and_then(Tree::text) == Some("envoy.filters.http.router")
            });
            if router.is_some_and(|router| router < index) {
                let message = format!("{} stands behind the router and never runs", site.filter);
                self.error(&codes::AFTER_ROUTER, &site.span(), message);
            }
            let late = sites.iter().take(position).rev().find(|(earlier, _)| {
                let is_same = earlier
                    .chain
                    .is_some_and(|(other, _)| std::ptr::eq(other, list));
                is_same
                    && place_in_chain(earlier.filter) > place_in_chain(site.filter)
                    && earlier.filter != super::BUNDLE
                    && site.filter != super::BUNDLE
            });
            if let Some((earlier, _)) = late {
                let message = format!(
                    "{} stands behind {}; {}",
                    site.filter,
                    earlier.filter,
                    why_before(site.filter)
                );
                self.warning(&codes::CHAIN_ORDER, &site.span(), message);
            }
        }
    }

    fn shared_vms(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        for (position, (site, _)) in sites.iter().enumerate() {
            let id = site.plugin.at(&["vm_config", "vm_id"]);
            let Some((id, text)) = id.and_then(|id| Some((id, id.text()?))) else {
                continue;
            };
            let earlier = sites.iter().take(position).find(|(earlier, _)| {
                let other = earlier.plugin.at(&["vm_config", "vm_id"]);
                earlier.filter != site.filter && other.and_then(Tree::text) == Some(text)
            });
            if let (Some((earlier, _)), false) = (earlier, text.is_empty()) {
                let message = format!(
                    "{} has the vm_id of {}: they share one space of stored data",
                    site.filter, earlier.filter
                );
                self.warning(&codes::VM_ID_SHARED, &id.span, message);
            }
        }
    }

    /// Only a bootstrap can split the names of metrics.
    fn stats_tags(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let is_bootstrap = self.document.get("static_resources").is_some();
        let Some((site, _)) = sites.first().filter(|_| is_bootstrap) else {
            return;
        };
        let tags = self
            .document
            .at(&["stats_config", "stats_tags"])
            .map_or(&[][..], Tree::items);
        let has = |label: &str| {
            tags.iter().any(|tag| {
                let regex = tag.get("regex").and_then(Tree::text).unwrap_or_default();
                regex.contains(&format!(";{label}="))
            })
        };
        let labels = ["outcome", "reason"];
        let missing: Vec<&str> = labels.into_iter().filter(|label| !has(label)).collect();
        if !missing.is_empty() {
            let message = format!(
                "stats_config.stats_tags does not split {}",
                missing.join(", ")
            );
            self.warning(&codes::STATS_TAGS, &site.span(), message);
        }
    }
}

fn why_before(filter: &str) -> &'static str {
    match filter {
        AUDIT_EMITTER => "it sees no request that those before it refuse",
        JWT_AUTH => "those before it do not know the caller",
        _ => "the order is audit-emitter, jwt-auth, token-bucket, pii-redactor",
    }
}

/// Callbacks without which a filter is skipped, and calls without which its VM ends.
fn needed(filter: &str) -> impl Iterator<Item = &'static str> {
    let common = [
        "proxy_on_vm_start",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_log",
        "proxy_get_buffer_bytes",
        "proxy_get_header_map_pairs",
        "proxy_get_property",
        "proxy_set_property",
        "proxy_send_local_response",
        "proxy_get_current_time_nanoseconds",
        "proxy_define_metric",
        "proxy_increment_metric",
    ];
    let own: &[&str] = match filter {
        PII_REDACTOR => &[
            "proxy_on_request_body",
            "proxy_on_response_headers",
            "proxy_on_response_body",
            "proxy_set_buffer_bytes",
            "proxy_replace_header_map_value",
        ],
        TOKEN_BUCKET => &[
            "proxy_get_shared_data",
            "proxy_set_shared_data",
            "proxy_on_response_headers",
        ],
        AUDIT_EMITTER => &[
            "proxy_on_log",
            "proxy_on_tick",
            "proxy_set_tick_period_milliseconds",
        ],
        _ => &["proxy_http_call", "proxy_on_http_call_response"],
    };
    common.into_iter().chain(own.iter().copied())
}

/// The values of keys that end in `_env`, of `env` and of `headers_env`.
fn variables(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::String(variable) if name.ends_with("_env") => {
                        found.push(variable.clone());
                    }
                    Json::Object(headers) if name == "headers_env" => {
                        let values = headers.iter().filter_map(|(_, value)| value.as_str());
                        found.extend(values.map(str::to_owned));
                    }
                    inner => variables(inner, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| variables(item, found)),
        _ => {}
    }
}

struct Call {
    cluster: String,
    is_grpc: bool,
    is_https: bool,
}

/// Every object with a `cluster`.
fn named_clusters(json: &Json, found: &mut Vec<Call>) {
    match json {
        Json::Object(members) => {
            let text = |name: &str| json.member(name).and_then(Json::as_str);
            if let Some(cluster) = text("cluster") {
                let is_rls = json.member("domain").is_some();
                found.push(Call {
                    cluster: cluster.to_owned(),
                    is_grpc: is_rls && text("transport") != Some("http"),
                    is_https: text("uri").is_some_and(|uri| uri.starts_with("https:")),
                });
            }
            if let Some(cluster) = text("jwks_cluster") {
                found.push(Call {
                    cluster: cluster.to_owned(),
                    is_grpc: false,
                    is_https: false,
                });
            }
            members
                .iter()
                .for_each(|(_, value)| named_clusters(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| named_clusters(item, found)),
        _ => {}
    }
}

/// Plugins of several documents with one phase and one priority.
pub(super) fn same_priority(documents: &[Tree]) -> Vec<(&Tree, String)> {
    let mut seen: Vec<(String, &str)> = Vec::new();
    let mut faults = Vec::new();
    for document in documents {
        let is_plugin = document
            .get("kind")
            .and_then(Tree::text)
            .is_some_and(|kind| kind == "WasmPlugin" || kind == "TrafficExtension");
        let Some(spec) = document.get("spec").filter(|_| is_plugin) else {
            continue;
        };
        let url = spec.get("url").or_else(|| spec.at(&["wasm", "url"]));
        let Some(filter) = url.and_then(Tree::text).and_then(named) else {
            continue;
        };
        let word = |name: &str| spec.get(name).map(|value| value.json().to_string());
        let place = format!(
            "{:?} {:?} {:?}",
            word("phase"),
            word("priority"),
            document.at(&["metadata", "namespace"]).and_then(Tree::text)
        );
        let other = seen
            .iter()
            .find(|(known, other)| *known == place && *other != filter);
        if let Some((_, other)) = other {
            let at = spec
                .get("priority")
                .or_else(|| spec.get("phase"))
                .unwrap_or(spec);
            faults.push((
                at,
                format!("{filter} and {other} have one phase and one priority"),
            ));
        }
        seen.push((place, filter));
    }
    faults
}
