//! The ways in which Envoy is set up.

use std::path::{Path, PathBuf};

use envoy_test::envoy::{Bootstrap, NativeJwt};
use envoy_test::peers::{ISSUER, Peers};
use envoy_test::{BUNDLE, FILTERS, Result, paths};
use serde_json::{Value, json};

use crate::audit_emitter;

/// A request whose response is a short text, which nothing redacts.
pub(super) const ORDER: &str = "/orders/17";
/// A request whose response is a document with four findings.
pub(super) const PATIENT: &str = "/patients/7";

const DOCUMENT: &str = r#"{"id": 7, "name": "Drew Example", "email": "drew.example@example.com", "ssn": "536-22-8726", "payment": {"card": "4111 1111 1111 1111", "valid_until": "2029-04"}, "contact": {"email": "kin@example.org", "relation": "sibling", "city": "Springfield"}, "visits": [17, 204, 1033], "state": "discharged"}"#;

/// What stands before the router.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// So many filters that do nothing.
    Noop(usize),
    /// What Envoy itself has to offer.
    Native,
    /// Filters of ours, as modules of their own.
    Separate(&'static [&'static str]),
    /// All of them as one module.
    Bundle,
}

/// One way to set Envoy up.
pub(super) struct Setup {
    title: &'static str,
    chain: Chain,
    /// Where the modules are, if not in `dist/`.
    folder: Option<PathBuf>,
}

impl Setup {
    /// Without filters first, then with one that does nothing. With a folder, each of ours is there
    /// twice.
    pub(super) fn all(beside: Option<&Path>) -> Vec<Self> {
        let ours = [
            ("jwt-auth", Chain::Separate(&["jwt-auth"])),
            ("token-bucket", Chain::Separate(&["token-bucket"])),
            ("pii-redactor", Chain::Separate(&["pii-redactor"])),
            ("audit-emitter, signed", Chain::Separate(&["audit-emitter"])),
            ("all four, separate", Chain::Separate(&FILTERS)),
            ("the bundle", Chain::Bundle),
        ];
        let others = [
            ("no filter", Chain::Noop(0)),
            ("a filter that does nothing", Chain::Noop(1)),
            ("four filters that do nothing", Chain::Noop(FILTERS.len())),
            (
                "jwt_authn, local_ratelimit, JSON log to a file",
                Chain::Native,
            ),
        ];
        let setup = |(title, chain), folder| Self {
            title,
            chain,
            folder,
        };
        let others = others.map(|other| setup(other, None));
        let ours = ours.into_iter().flat_map(|ours| {
            let beside = beside.map(|folder| setup(ours, Some(folder.to_path_buf())));
            [Some(setup(ours, None)), beside].into_iter().flatten()
        });
        others.into_iter().chain(ours).collect()
    }

    pub(super) fn name(&self) -> String {
        match &self.folder {
            None => self.title.to_owned(),
            Some(folder) => format!("{} ({})", self.title, folder.display()),
        }
    }

    /// The names of the modules that are loaded.
    fn modules(&self) -> &'static [&'static str] {
        match self.chain {
            Chain::Noop(_) | Chain::Native => &[],
            Chain::Separate(filters) => filters,
            Chain::Bundle => &[BUNDLE],
        }
    }

    fn module(&self, name: &str) -> Result<PathBuf> {
        match &self.folder {
            None => paths::wasm(name),
            Some(folder) => Ok(folder.join(format!("{name}.wasm"))),
        }
    }

    /// What the modules weigh together.
    pub(super) fn modules_kib(&self) -> u64 {
        let sizes = self.modules().iter().map(|name| {
            let file = self.module(name).ok()?;
            Some(std::fs::metadata(file).ok()?.len() / 1024)
        });
        sizes.flatten().sum()
    }

    pub(super) fn bootstrap(&self, peers: &Peers) -> Result<Bootstrap> {
        let filters = match self.chain {
            Chain::Noop(count) => FILTERS.get(..count).unwrap_or_default(),
            Chain::Native => &[],
            Chain::Separate(filters) => filters,
            Chain::Bundle => &FILTERS,
        };
        let mut bootstrap = peers.bootstrap(filters)?;
        respond_directly(&mut bootstrap)?;
        match self.chain {
            Chain::Noop(_) => {
                for filter in filters {
                    bootstrap.replace_module(filter, &paths::noop_filter()?)?;
                }
            }
            Chain::Native => {
                limit_natively(&mut bootstrap)?;
                bootstrap.insert_native_jwt(NativeJwt {
                    issuer: ISSUER,
                    audience: "orders-api",
                    jwks: &peers.idp.jwks(),
                    cached_tokens: Some(1_000),
                })?;
                audit_emitter::set_access_log(&mut bootstrap, audit_emitter::file_logger())?;
            }
            Chain::Separate(_) | Chain::Bundle => {
                configure(&mut bootstrap, filters)?;
                if self.chain == Chain::Bundle {
                    bootstrap.bundle()?;
                }
                for name in self.modules() {
                    bootstrap.replace_module(name, &self.module(name)?)?;
                }
            }
        }
        Ok(bootstrap)
    }
}

/// As shipped, but nobody is refused, which would be cheaper than what is compared, and the trail is
/// signed.
fn configure(bootstrap: &mut Bootstrap, filters: &[&str]) -> Result<()> {
    if filters.contains(&"token-bucket") {
        let shipped = bootstrap.configuration("token-bucket")?;
        let generous = shipped
            .replace("100/min", "1000000/s")
            .replace("\"burst\": 20", "\"burst\": 1000000");
        bootstrap.configure("token-bucket", &generous)?;
    }
    if filters.contains(&"audit-emitter") {
        audit_emitter::configure(bootstrap, "metadata", true)?;
    }
    Ok(())
}

/// Makes Envoy respond by itself, so that no upstream is measured.
fn respond_directly(bootstrap: &mut Bootstrap) -> Result<()> {
    let routes = json!([
        {
            "name": "patients",
            "match": {"prefix": "/patients"},
            "direct_response": {"status": 200, "body": {"inline_string": DOCUMENT}},
            "response_headers_to_add": [{
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }],
        },
        {
            "name": "shop",
            "match": {"prefix": "/"},
            "direct_response": {"status": 200, "body": {"inline_string": "shipped"}},
        },
    ]);
    let host = "/route_config/virtual_hosts/0/routes";
    if let Some(place) = bootstrap.connection_manager()?.pointer_mut(host) {
        *place = routes;
    }
    Ok(())
}

/// Envoy's own limit, for everybody together, and never reached.
fn limit_natively(bootstrap: &mut Bootstrap) -> Result<()> {
    let percent = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    let filter = json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit",
            "token_bucket": {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"},
            "filter_enabled": percent,
            "filter_enforced": percent,
        },
    });
    let chain = bootstrap.connection_manager()?.get_mut("http_filters");
    if let Some(chain) = chain.and_then(Value::as_array_mut) {
        chain.insert(0, filter);
    }
    Ok(())
}
