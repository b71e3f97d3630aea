//! The places of a manifest where a configuration of a filter stands, whichever host it is for.

use std::borrow::Cow;
use std::ops::Range;

use host::fake::Profile;
use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET};
use policy::json::Json;

use super::tree::{self, Kind, Member, Tree};
use super::wiring::is_of_apisix;
use super::{higress, locate};

/// The hosts that differ in how they hand out variables and what they call things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Envoy,
    Istio,
    EnvoyGateway,
    Higress,
    Apisix,
    Kong,
}

impl Host {
    /// The profile that the in-process host simulates it with.
    pub(super) const fn profile(self) -> Profile {
        match self {
            Self::Apisix => Profile::Apisix,
            Self::Kong => Profile::Kong,
            Self::Envoy | Self::Istio | Self::EnvoyGateway | Self::Higress => Profile::Envoy,
        }
    }

    /// Whether it cannot do all that Envoy can.
    pub(super) const fn is_limited(self) -> bool {
        !matches!(self.profile(), Profile::Envoy)
    }
}

/// A filter in a manifest.
#[derive(Debug)]
pub(super) struct Site<'t> {
    pub(super) host: Host,
    pub(super) filter: &'static str,
    /// The map that says which plugin it is.
    pub(super) plugin: &'t Tree,
    /// The configuration as the plugin gets it: text or structure.
    pub(super) config: Option<Cow<'t, Tree>>,
    /// The list of filters that it stands in, and its place there.
    pub(super) chain: Option<(&'t Tree, usize)>,
    /// The member of a map of plugins that it is, by the plugin's name.
    pub(super) member: Option<&'t Member>,
}

impl Site<'_> {
    pub(super) fn span(&self) -> Range<usize> {
        if let Some(member) = self.member {
            return member.name_span.clone();
        }
        let start = self.plugin.span.start;
        let name = self.plugin.get("name").map(|name| name.span.clone());
        name.unwrap_or(start..start)
    }

    /// Where a path of its configuration stands in the text, or the nearest part of it that is there.
    pub(super) fn place(&self, source: &str, path: &str) -> Range<usize> {
        let Some(config) = self.config.as_deref() else {
            return self.span();
        };
        let Some(text) = config.text() else {
            return config.span_of(path, false);
        };
        let spans = locate::spans(text, &locate::ancestors(path).collect());
        let place = |at: usize| tree::within(source, &config.span, text, at);
        let found = locate::nearest(text, &spans, path, false);
        found.map_or_else(|| place(0)..place(0), |span| locate::moved(&span, &place))
    }
}

/// Every filter of ours in a document.
pub(super) fn find(tree: &Tree) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    let kind = tree.get("kind").and_then(Tree::text).unwrap_or_default();
    let api = tree
        .get("apiVersion")
        .and_then(Tree::text)
        .unwrap_or_default();
    match kind {
        "WasmPlugin" if api.contains("higress") => {
            if let Some(spec) = tree.get("spec") {
                let names = [spec.get("url"), tree.at(&["metadata", "name"])];
                let config = higress::folded(spec);
                push(&mut sites, Host::Higress, spec, &names, config, None);
            }
        }
        "WasmPlugin" => istio(tree.get("spec"), &mut sites),
        "TrafficExtension" => istio(tree.at(&["spec", "wasm"]), &mut sites),
        "EnvoyExtensionPolicy" => gateway(tree, &mut sites),
        _ if kind.starts_with("Apisix") || api.starts_with("apisix.apache.org/") => {
            ingress(tree, &mut sites);
        }
        "KongPlugin" | "KongClusterPlugin" => {
            kong_plugin(tree, tree.get("plugin"), &mut sites);
        }
        "List" => {
            for item in tree.get("items").map_or(&[][..], Tree::items) {
                sites.extend(find(item));
            }
        }
        _ => {
            envoy(tree, None, &mut sites);
            apisix(tree, &mut sites);
            kong(tree, &mut sites);
        }
    }
    sites
}

/// A Wasm filter, wherever it stands.
fn envoy<'t>(tree: &'t Tree, chain: Option<(&'t Tree, usize)>, sites: &mut Vec<Site<'t>>) {
    match &tree.kind {
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                envoy(item, Some((tree, index)), sites);
            }
        }
        Kind::Map(members) => {
            let kind = tree.get("@type").and_then(Tree::text).unwrap_or_default();
            let is_wasm = kind.ends_with("http.wasm.v3.Wasm")
                || (kind.ends_with("udpa.type.v1.TypedStruct")
                    && tree
                        .get("type_url")
                        .and_then(Tree::text)
                        .is_some_and(|url| url.ends_with("http.wasm.v3.Wasm")));
            let plugin = tree.get("config").or_else(|| tree.at(&["value", "config"]));
            if let (true, Some(plugin)) = (is_wasm, plugin) {
                let config = plugin.get("configuration");
                // An Any: the value beside its type, or inside of it.
                let config = config.map(|any| any.get("value").unwrap_or(any));
                // What runs is the module, whatever it is called here.
                let names = [
                    plugin.at(&["vm_config", "code", "local", "filename"]),
                    plugin.at(&["vm_config", "code", "remote", "http_uri", "uri"]),
                    plugin.get("name"),
                    plugin.get("root_id"),
                    plugin.at(&["vm_config", "vm_id"]),
                ];
                let config = config.map(Cow::Borrowed);
                push(sites, Host::Envoy, plugin, &names, config, chain);
                return;
            }
            for member in members {
                // The filters of a chain are maps in a list; what is inside belongs to that place.
                let is_entry = ["typed_config", "typedConfig"].contains(&member.name.as_str());
                let inner = if is_entry { chain } else { None };
                envoy(&member.value, inner, sites);
            }
        }
        _ => {}
    }
}

fn push<'t>(
    sites: &mut Vec<Site<'t>>,
    host: Host,
    plugin: &'t Tree,
    names: &[Option<&'t Tree>],
    config: Option<Cow<'t, Tree>>,
    chain: Option<(&'t Tree, usize)>,
) {
    let by_name = names
        .iter()
        .flatten()
        .filter_map(|name| name.text())
        .find_map(named);
    let filter = by_name.or_else(|| config.as_deref().and_then(shaped));
    if let Some(filter) = filter {
        sites.push(Site {
            host,
            filter,
            plugin,
            config,
            chain,
            member: None,
        });
    }
}

fn istio<'t>(spec: Option<&'t Tree>, sites: &mut Vec<Site<'t>>) {
    let Some(spec) = spec else { return };
    let names = [spec.get("url"), spec.get("pluginName")];
    push(
        sites,
        Host::Istio,
        spec,
        &names,
        spec.get("pluginConfig").map(Cow::Borrowed),
        None,
    );
}

fn gateway<'t>(tree: &'t Tree, sites: &mut Vec<Site<'t>>) {
    let Some(list) = tree.at(&["spec", "wasm"]) else {
        return;
    };
    for (index, item) in list.items().iter().enumerate() {
        let names = [
            item.at(&["code", "http", "url"]),
            item.at(&["code", "image", "url"]),
            item.get("name"),
            item.get("rootID"),
        ];
        let chain = Some((list, index));
        push(
            sites,
            Host::EnvoyGateway,
            item,
            &names,
            item.get("config").map(Cow::Borrowed),
            chain,
        );
    }
}

/// `wasm.plugins` of config.yaml, and `plugins` of routes, services and global rules.
fn apisix<'t>(tree: &'t Tree, sites: &mut Vec<Site<'t>>) {
    for plugin in tree.at(&["wasm", "plugins"]).map_or(&[][..], Tree::items) {
        let names = [plugin.get("file"), plugin.get("name")];
        push(sites, Host::Apisix, plugin, &names, None, None);
    }
    if let Some(plugins) = tree.get("plugins") {
        for member in plugins.members() {
            let config = member.value.get("conf");
            // One of APISIX's own has no `conf`.
            let by_name =
                named(&member.name).filter(|_| config.is_some() || !is_of_apisix(&member.name));
            let filter = by_name.or_else(|| config.and_then(shaped));
            sites.extend(filter.map(|filter| Site {
                host: Host::Apisix,
                filter,
                plugin: &member.value,
                config: config.map(Cow::Borrowed),
                chain: None,
                member: Some(member),
            }));
        }
    }
    for objects in [
        "routes",
        "services",
        "global_rules",
        "consumers",
        "consumer_groups",
        "plugin_configs",
    ] {
        for item in tree.get(objects).map_or(&[][..], Tree::items) {
            if item.get("plugins").is_some() {
                apisix(item, sites);
            }
        }
    }
}

/// Plugins in the resources of the ingress controller of APISIX: of a route, a global rule, a consumer.
fn ingress<'t>(tree: &'t Tree, sites: &mut Vec<Site<'t>>) {
    let Some(spec) = tree.get("spec") else { return };
    let rules = spec.get("http").map_or(&[][..], Tree::items).iter();
    let lists = rules.chain([spec]).filter_map(|of| of.get("plugins"));
    for plugin in lists.flat_map(Tree::items) {
        let config = plugin.at(&["config", "conf"]);
        // One of APISIX's own has no `conf`.
        let by_name = plugin
            .get("name")
            .and_then(Tree::text)
            .and_then(|name| named(name).filter(|_| config.is_some() || !is_of_apisix(name)));
        let filter = by_name.or_else(|| config.and_then(shaped));
        sites.extend(filter.map(|filter| Site {
            host: Host::Apisix,
            filter,
            plugin,
            config: config.map(Cow::Borrowed),
            chain: None,
            member: None,
        }));
    }
}

/// A filter that Kong has as a plugin. Plugins in Lua may be called like ours, and have other settings.
fn kong_plugin<'t>(plugin: &'t Tree, name: Option<&'t Tree>, sites: &mut Vec<Site<'t>>) {
    let config = plugin.get("config");
    let is_ours = config.is_some_and(|config| config.text().is_some() || shaped(config).is_some());
    if name.and_then(Tree::text).and_then(named).is_some() && is_ours {
        let config = config.map(Cow::Borrowed);
        push(sites, Host::Kong, plugin, &[name], config, None);
    }
}

fn kong<'t>(tree: &'t Tree, sites: &mut Vec<Site<'t>>) {
    for chain in tree.get("filter_chains").map_or(&[][..], Tree::items) {
        let Some(list) = chain.get("filters") else {
            continue;
        };
        for (index, filter) in list.items().iter().enumerate() {
            let name = [filter.get("name")];
            // Filter chains of Envoy have `filters` too, with a typed configuration.
            if filter.get("typed_config").is_none() {
                let place = Some((list, index));
                push(
                    sites,
                    Host::Kong,
                    filter,
                    &name,
                    filter.get("config").map(Cow::Borrowed),
                    place,
                );
            }
        }
    }
    for plugin in tree.get("plugins").map_or(&[][..], Tree::items) {
        kong_plugin(plugin, plugin.get("name"), sites);
    }
    for objects in ["services", "routes"] {
        for item in tree.get(objects).map_or(&[][..], Tree::items) {
            let inner = ["filter_chains", "routes", "plugins"];
            if inner.iter().any(|name| item.get(name).is_some()) {
                kong(item, sites);
            }
        }
    }
}

/// A filter by the name of a plugin, a module or an image.
pub(super) fn named(text: &str) -> Option<&'static str> {
    let text = text.replace('_', "-");
    let all = [AUDIT_EMITTER, JWT_AUTH, TOKEN_BUCKET, PII_REDACTOR];
    let found = all.into_iter().find(|filter| text.contains(filter));
    let file = text.rsplit('/').next().unwrap_or_default();
    // Behind it are an extension, a tag or a digest.
    let name = file.split(['.', ':', '@']).next();
    found.or_else(|| (name == Some(super::BUNDLE)).then_some(super::BUNDLE))
}

/// A filter by the keys of its configuration, which may be text.
pub(super) fn shaped(config: &Tree) -> Option<&'static str> {
    match config.text() {
        Some(text) => match Json::parse(text.as_bytes()) {
            Ok(json) => shape(&json),
            Err(_) => shape(&tree::read(text).trees.first()?.json()),
        },
        None => shape(&config.json()),
    }
}

/// A key by which a configuration would be known if it were spelled right, where all of a document may be
/// one: the place of the key, the key, and the right spelling.
pub(super) fn misspelt(tree: &Tree) -> Option<(Range<usize>, String, &'static str)> {
    let known = |name: &str| KEYS.contains(&name) || OTHER_KEYS.contains(&name);
    let near = |name: &str| policy::nearest(name, KEYS.iter().copied());
    let members = tree.members();
    if !members
        .iter()
        .all(|member| known(&member.name) || near(&member.name).is_some())
    {
        return None;
    }
    members.iter().find_map(|member| {
        let near = near(&member.name).filter(|_| !known(&member.name))?;
        Some((member.name_span.clone(), member.name.clone(), near))
    })
}

/// The keys by which [`shape`] knows a configuration.
const KEYS: [&str; 10] = [
    "audit",
    "auth",
    "limits",
    "redact",
    "providers",
    "rules",
    "sink",
    "presets",
    "detectors",
    "response_rules",
];
/// Keys that may stand beside them.
const OTHER_KEYS: [&str; 8] = [
    "$schema",
    "mode",
    "default",
    "actions",
    "table",
    "headers",
    "retention",
    "client_address",
];

/// A filter by the keys of its configuration.
pub(super) fn shape(config: &Json) -> Option<&'static str> {
    let is_list = |name: &str| matches!(config.member(name), Some(Json::Array(_)));
    let is_part =
        |name: &str| matches!(config.member(name), Some(Json::Object(part)) if !part.is_empty());
    if ["audit", "auth", "limits", "redact"]
        .into_iter()
        .any(is_part)
    {
        return Some(super::BUNDLE);
    }
    let rules = config.member("rules").and_then(Json::as_array);
    let rules = rules.unwrap_or_default();
    let has_rule_with = |keys: &[&str]| {
        let has_one = |rule: &Json| keys.iter().any(|key| rule.member(key).is_some());
        rules.iter().any(has_one)
    };
    let of_jwt_auth = ["providers", "requests", "response_rules", "failures"];
    if of_jwt_auth.iter().any(|key| config.member(key).is_some())
        || has_rule_with(&["require", "allow"])
    {
        return Some(JWT_AUTH);
    }
    if is_list("limits") {
        return Some(TOKEN_BUCKET);
    }
    if config.member("sink").is_some() {
        return Some(AUDIT_EMITTER);
    }
    let is_pii = is_list("presets")
        || config.member("detectors").is_some()
        || has_rule_with(&[
            "detect",
            "fields",
            "allow_fields",
            "presets",
            "owner",
            "max_body",
            "max_depth",
            "max_members",
            "graphql",
        ]);
    is_pii.then_some(PII_REDACTOR)
}
