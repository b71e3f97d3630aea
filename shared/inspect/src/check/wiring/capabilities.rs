//! Lists of allowed capabilities, against what a filter calls.

use std::collections::BTreeSet;

use meshward_bundle::config::{Part, split};
use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET};
use policy::json::Json;

use super::Wiring;
use super::calls::named_clusters;
use crate::check::plugin::Site;
use crate::check::{BUNDLE, codes};
use crate::simulated::variables;

impl Wiring<'_> {
    pub(super) fn capabilities(&mut self, site: &Site<'_>, config: Option<&Json>) {
        let places: [&[&str]; 2] = [
            &["capability_restriction_config", "allowed_capabilities"],
            &[
                "vm_config",
                "capability_restriction_config",
                "allowed_capabilities",
            ],
        ];
        let lists = places.iter().filter_map(|place| site.plugin.at(place));
        for list in lists.filter(|list| !list.members().is_empty()) {
            let has = |name: &str| list.members().iter().any(|member| member.name == name);
            let Needs { always, sometimes } = Needs::of(site.filter, config);
            let lacking = |names: BTreeSet<&'static str>| {
                let missing: Vec<&str> = names.into_iter().filter(|name| !has(name)).collect();
                (!missing.is_empty()).then(|| missing.join(", "))
            };
            if let Some(missing) = lacking(always) {
                let message = format!("{} needs {missing}", site.filter);
                self.error(&codes::CAPABILITY_MISSING, &list.span, message);
                // A missing call ends the VM, and nobody passes then.
                if missing.contains("proxy_on_") {
                    self.bypassed([site.filter], true);
                }
            }
            if let Some(missing) = lacking(sometimes) {
                let message = format!(
                    "{} may need {missing}, by what requests and its configuration are",
                    site.filter
                );
                self.warning(&codes::CAPABILITY_MISSING, &list.span, message);
                if missing.contains("proxy_on_") {
                    self.bypassed([site.filter], false);
                }
            }
        }
    }
}

/// The callbacks and calls of a filter.
#[derive(Debug, Default)]
struct Needs {
    /// Under every configuration, or under this one.
    always: BTreeSet<&'static str>,
    /// Under some configurations, for some requests.
    sometimes: BTreeSet<&'static str>,
}

impl Needs {
    fn of(filter: &str, config: Option<&Json>) -> Self {
        let mut needs = Self::default();
        needs.always.extend(CALLBACKS);
        for filter in filters(filter, config) {
            needs.always.extend(callbacks(filter));
            for (when, call) in table(filter) {
                match when {
                    "always" => needs.always.insert(call),
                    _ => needs.sometimes.insert(call),
                };
            }
        }
        if let Some(config) = config {
            needs.configured(config);
        }
        let Self { always, sometimes } = &mut needs;
        sometimes.retain(|call| !always.contains(call));
        needs
    }

    /// What a configuration decides by itself.
    fn configured(&mut self, config: &Json) {
        let mut calls = Vec::new();
        named_clusters(config, "", &mut calls);
        let is_asked = |is_grpc: bool| calls.iter().any(|call| call.is_grpc == is_grpc);
        let mut names = BTreeSet::new();
        variables(config, &mut names);
        for (is_needed, functions) in [
            (is_asked(false), HTTP_CALLS),
            (is_asked(true), GRPC_CALLS),
            (!names.is_empty(), ENVIRONMENT),
        ] {
            for function in functions {
                self.sometimes.remove(function);
                if is_needed {
                    self.always.insert(function);
                }
            }
        }
    }
}

/// The filters that a configuration is for: of the bundle those whose parts are there.
fn filters(filter: &str, config: Option<&Json>) -> Vec<&'static str> {
    if filter != BUNDLE {
        return Part::of_filter(filter)
            .map(Part::filter)
            .into_iter()
            .collect();
    }
    let parts = config.map_or_else(Vec::new, |config| split(&config.to_string()).parts);
    match parts.is_empty() {
        true => Part::ALL.map(Part::filter).to_vec(),
        false => parts.iter().map(|text| text.part.filter()).collect(),
    }
}

/// When each function is called: `token-bucket always proxy_log` in a line.
fn table(filter: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(move |line| {
        let mut words = line.split(' ');
        let is_of_filter = words.next() == Some(filter);
        let row = (words.next()?, words.next()?);
        is_of_filter.then_some(row)
    })
}

/// The callbacks of a filter, beside those of all. Without one it does nothing at that place, and
/// nobody says so.
fn callbacks(filter: &str) -> &'static [&'static str] {
    match filter {
        AUDIT_EMITTER => &["proxy_on_response_headers", "proxy_on_log", "proxy_on_tick"],
        JWT_AUTH => &["proxy_on_response_headers", "proxy_on_tick"],
        TOKEN_BUCKET => &["proxy_on_response_headers", "proxy_on_tick"],
        PII_REDACTOR => &[
            "proxy_on_request_body",
            "proxy_on_request_trailers",
            "proxy_on_response_headers",
            "proxy_on_response_body",
            "proxy_on_response_trailers",
            "proxy_on_log",
        ],
        _ => &[],
    }
}

/// Of every filter. Without the last two, what is kept for a request stays when it has ended.
const CALLBACKS: [&str; 6] = [
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_done",
    "proxy_on_delete",
];

const HTTP_CALLS: &[&str] = &["proxy_http_call", "proxy_on_http_call_response"];
const GRPC_CALLS: &[&str] = &[
    "proxy_grpc_call",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_close",
];
const ENVIRONMENT: &[&str] = &["environ_get", "environ_sizes_get"];

/// The calls of the modules over their case files, as a test of the test bed counts them.
const TABLE: &str = include_str!("capabilities.txt");

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(filter: &str, config: &str) -> Needs {
        Needs::of(filter, Json::parse(config.as_bytes()).ok().as_ref())
    }

    #[test]
    fn a_configuration_decides_which_calls_are_made() {
        let local = needs(
            TOKEN_BUCKET,
            r#"{"limits": [{"name": "a", "key": ["ip"], "rate": "5/s"}]}"#,
        );
        assert!(local.always.contains("proxy_set_shared_data"), "{local:?}");
        assert!(!local.always.contains("proxy_grpc_call"), "{local:?}");
        assert!(!local.sometimes.contains("proxy_grpc_call"), "{local:?}");
        let fleet = needs(
            TOKEN_BUCKET,
            r#"{"limits": [{"name": "a", "key": ["ip"], "service": {"cluster": "rls", "domain": "edge"}}]}"#,
        );
        assert!(fleet.always.contains("proxy_grpc_call"), "{fleet:?}");
        assert!(fleet.always.contains("proxy_on_grpc_receive"), "{fleet:?}");
        assert!(!fleet.always.contains("proxy_http_call"), "{fleet:?}");
        let signed = needs(
            AUDIT_EMITTER,
            r#"{"sink": "host_log", "chain": {"signing_key_env": "KEY"}}"#,
        );
        assert!(signed.always.contains("environ_get"), "{signed:?}");
    }

    #[test]
    fn the_bundle_needs_what_its_parts_need() {
        let limits = r#"{"limits": {"limits": [{"name": "a", "key": ["ip"], "rate": "5/s"}]}}"#;
        let one = needs(BUNDLE, limits);
        assert!(!one.always.contains("proxy_on_response_body"), "{one:?}");
        let all = Needs::of(BUNDLE, None);
        for filter in Part::ALL.map(Part::filter) {
            let alone = Needs::of(filter, None);
            assert!(alone.always.is_subset(&all.always), "{filter}: {alone:?}");
        }
    }
}
