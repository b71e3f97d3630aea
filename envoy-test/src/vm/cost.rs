//! How often a request makes the host and the VM call each other.
//!
//! Most of what a filter costs in a real host is that: each call crosses a border, and each value
//! that a call returns crosses it twice more. The counts do not depend on the machine.

use std::collections::BTreeMap;

use host::fake::{Profile, Proxy, Request, Response, StreamProperties, route_metadata};
use policy::json::Json;

use super::{Program, Vm, signatures};
use ::cases::CaseFile;

use crate::cases;
use crate::paths::{BUNDLE, PARTS};
use crate::{Error, Result, paths};

/// What a request of a scenario costs, in the steady state.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Which filters take the request, and what it is like: `the bundle, a clean JSON body`.
    pub scenario: &'static str,
    /// Calls from the VM to the host.
    pub calls: u64,
    /// The most that they may be.
    pub most_calls: u64,
    /// Entries into the VM: callbacks, and memory for what calls return.
    pub entries: u64,
    /// The most that they may be.
    pub most_entries: u64,
    /// Instructions of WebAssembly that the VM runs: they compare versions of a module, whatever else the
    /// machine does.
    pub instructions: u64,
    /// The host calls by name, with how often each was made.
    pub by_name: String,
}

impl Cost {
    /// Whether it keeps to its ceilings.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.calls <= self.most_calls && self.entries <= self.most_entries
    }
}

/// Which modules a scenario runs, and with what.
struct Scenario {
    name: &'static str,
    filters: &'static [&'static str],
    is_bundled: bool,
    level: &'static str,
    has_body: bool,
    /// With `route_config`: what the metadata of the route says, if there is any.
    route: Option<Option<&'static str>>,
    /// The most calls and entries.
    most: (u64, u64),
}

const ALL: &[&str] = &["jwt-auth", "token-bucket", "pii-redactor", "audit-emitter"];

const fn scenario(
    name: &'static str,
    filters: &'static [&'static str],
    most: (u64, u64),
) -> Scenario {
    Scenario {
        name,
        filters,
        is_bundled: false,
        level: "metadata",
        has_body: false,
        route: None,
        most,
    }
}

/// The scenarios with their ceilings: to be lowered when fewer are needed, and raised only with a
/// reason.
const SCENARIOS: [Scenario; 16] = [
    scenario("jwt-auth, a cached token", &["jwt-auth"], (5, 7)),
    scenario(
        "token-bucket, a limit by address",
        &["token-bucket"],
        (9, 8),
    ),
    scenario("pii-redactor, no body", &["pii-redactor"], (3, 8)),
    Scenario {
        has_body: true,
        ..scenario(
            "pii-redactor, a clean JSON body",
            &["pii-redactor"],
            (5, 11),
        )
    },
    Scenario {
        level: "none",
        ..scenario("audit-emitter, level none", &["audit-emitter"], (6, 7))
    },
    scenario(
        "audit-emitter, level metadata",
        &["audit-emitter"],
        (14, 12),
    ),
    Scenario {
        level: "full",
        ..scenario("audit-emitter, level full", &["audit-emitter"], (18, 14))
    },
    scenario("all four, separate", ALL, (30, 37)),
    Scenario {
        has_body: true,
        ..scenario("all four, separate, a clean JSON body", ALL, (32, 43))
    },
    Scenario {
        is_bundled: true,
        ..scenario("the bundle", ALL, (18, 13))
    },
    Scenario {
        is_bundled: true,
        level: "full",
        ..scenario("the bundle, level full", ALL, (22, 15))
    },
    Scenario {
        is_bundled: true,
        has_body: true,
        ..scenario("the bundle, a clean JSON body", ALL, (19, 15))
    },
    Scenario {
        route: Some(None),
        ..scenario(
            "jwt-auth, route_config, a route that says nothing",
            &["jwt-auth"],
            (7, 7),
        )
    },
    Scenario {
        route: Some(Some(ROUTE)),
        ..scenario(
            "jwt-auth, route_config, a route that says something",
            &["jwt-auth"],
            (6, 8),
        )
    },
    Scenario {
        is_bundled: true,
        route: Some(None),
        ..scenario(
            "the bundle, route_config, a route that says nothing",
            ALL,
            (22, 13),
        )
    },
    Scenario {
        is_bundled: true,
        route: Some(Some(ROUTE)),
        ..scenario(
            "the bundle, route_config, a route that says something to all four",
            ALL,
            (20, 15),
        )
    },
];

/// Counts the host calls and VM entries of every scenario, in the in-process host.
///
/// # Errors
/// A module is not built, or refuses its configuration or the request.
pub fn measure() -> Result<Vec<Cost>> {
    let (keys, token) = known_token()?;
    let costs = SCENARIOS.iter().map(|scenario| {
        let mut proxies = start(scenario, &keys)?;
        let counts = Counts::of_one_more(&mut proxies, |proxies| run(proxies, scenario, &token))?;
        let by_name = counts.by_name.iter().filter(|(_, count)| **count > 0);
        let by_name =
            by_name.map(|(name, count)| format!("{} {count}", name.trim_start_matches("proxy_")));
        Ok(Cost {
            scenario: scenario.name,
            calls: counts.calls,
            most_calls: scenario.most.0,
            entries: counts.entries,
            most_entries: scenario.most.1,
            instructions: counts.instructions,
            by_name: by_name.collect::<Vec<_>>().join(", "),
        })
    });
    costs.collect()
}

/// How many instructions a module runs for one request, whatever becomes of it, in the steady state.
///
/// # Errors
/// The module is not built, or refuses its configuration.
pub fn instructions(module: &str, configuration: &str, request: &Request) -> Result<u64> {
    let mut proxy = counted_proxy(module, configuration, &[])?;
    let counts = Counts::of_one_more(std::slice::from_mut(&mut proxy), |proxies| {
        for proxy in proxies {
            let outcome = proxy.run(request, &Response::new(204));
            if outcome.trap.is_some() {
                return Err(failed(format!("{outcome:?}")));
            }
        }
        Ok(())
    })?;
    Ok(counts.instructions)
}

/// One proxy for the bundle, or one for each filter; these run one after the other.
fn start(scenario: &Scenario, keys: &str) -> Result<Vec<Proxy>> {
    let plain = |filter: &str| match filter {
        "jwt-auth" => keys.to_owned(),
        "token-bucket" => LIMITS.to_owned(),
        "pii-redactor" => REDACT.to_owned(),
        _ => AUDIT.replace("LEVEL", scenario.level),
    };
    let configuration = |filter: &str| match scenario.route {
        None => plain(filter),
        Some(_) => plain(filter).replacen('{', r#"{"route_config": true,"#, 1),
    };
    if scenario.is_bundled {
        let parts = PARTS.map(|(filter, part)| format!("\"{part}\": {}", configuration(filter)));
        let bundle = counted_proxy(BUNDLE, &format!("{{{}}}", parts.join(", ")), &[])?;
        return Ok(vec![bundle]);
    }
    let filters = scenario.filters.iter();
    filters
        .map(|filter| counted_proxy(filter, &configuration(filter), &[]))
        .collect()
}

/// A proxy with a module that counts its instructions.
pub(super) fn counted_proxy(
    module: &str,
    configuration: &str,
    environment: &[(&str, &str)],
) -> Result<Proxy> {
    let program = Program::measuring(&paths::wasm(module)?).map_err(failed)?;
    let mut proxy = Vm::proxy(&program, Profile::Envoy).map_err(failed)?;
    signatures::offer(proxy.host());
    for (name, value) in environment {
        proxy.host().set_environment_variable(name, value);
    }
    let configured = proxy.configure(configuration);
    configured.map_err(|refused| failed(refused.text()))?;
    Ok(proxy)
}

fn run(proxies: &mut [Proxy], scenario: &Scenario, token: &str) -> Result<()> {
    let properties = StreamProperties::default();
    let request = Request::get(PATH)
        .header("authorization", token)
        .header("user-agent", "cost")
        .attribute(&["source", "address"], "192.0.2.7:4711")
        .properties(&properties);
    let request = match scenario.route.flatten() {
        None => request,
        Some(said) => request.attribute(
            &["xds", "route_metadata"],
            route_metadata(&[("meshward", Json::String(said.to_owned()))]),
        ),
    };
    let response = match scenario.has_body {
        true => Response::json(r#"{"order": 17, "state": "shipped"}"#),
        false => Response::new(204),
    };
    for proxy in proxies {
        pass(proxy, &request, &response, scenario.name)?;
    }
    Ok(())
}

/// A request that is measured only if it reaches the upstream and its client has the response.
pub(super) fn pass(
    proxy: &mut Proxy,
    request: &Request,
    response: &Response,
    name: &str,
) -> Result<()> {
    let outcome = proxy.run(request, response);
    let status = outcome.client().status();
    if !matches!(status, Some(200 | 204)) || outcome.trap.is_some() {
        return Err(failed(format!("{name}: {outcome:?}")));
    }
    Ok(())
}

/// What all proxies of a scenario did together.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) entries: u64,
    pub(super) instructions: u64,
    by_name: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Of one request in the steady state: the first fills caches, and the second what only the first could not.
    pub(super) fn of_one_more(
        proxies: &mut [Proxy],
        mut run: impl FnMut(&mut [Proxy]) -> Result<()>,
    ) -> Result<Self> {
        run(proxies)?;
        run(proxies)?;
        let before = Self::so_far(proxies);
        run(proxies)?;
        let after = Self::so_far(proxies);
        let mut by_name = after.by_name;
        for (name, count) in &mut by_name {
            *count -= before.by_name.get(name).copied().unwrap_or(0);
        }
        Ok(Self {
            calls: after.calls - before.calls,
            entries: after.entries - before.entries,
            instructions: after.instructions - before.instructions,
            by_name,
        })
    }

    fn so_far(proxies: &[Proxy]) -> Self {
        let mut counts = Self::default();
        for proxy in proxies {
            let host = proxy.host();
            counts.calls += host.calls_made();
            counts.entries += host.entries();
            counts.instructions += host.instructions();
            for (name, count) in host.calls_by_name() {
                *counts.by_name.entry(name).or_default() += count;
            }
        }
        counts
    }
}

/// A configuration of jwt-auth and a header that it lets pass, from its own case files.
fn known_token() -> Result<(String, String)> {
    let files = cases::of_filter("jwt-auth")?;
    let found = files.iter().find_map(|(_, file): &(String, CaseFile)| {
        let mut steps = file.cases.iter().flat_map(|case| &case.steps);
        steps.find_map(|step| {
            let token = step
                .request
                .headers
                .get("authorization")?
                .values()
                .first()?;
            let is_plain = step.request.headers.len() == 1 && step.request.path == PATH;
            let passes = step.expect.status == Some(200);
            (is_plain && passes).then(|| (file.configuration.clone(), token.clone()))
        })
    });
    found.ok_or_else(|| failed("no case of jwt-auth lets a token pass"))
}

pub(super) fn failed(reason: impl ToString) -> Error {
    Error::Config {
        file: "scenario".to_owned(),
        reason: reason.to_string(),
    }
}

/// The same for all four filters as the plugin says, so that the costs compare.
const ROUTE: &str = r#"{"auth": {"mode": "enforce"}, "limits": {"mode": "enforce"}, "redact": {"mode": "enforce"}, "audit": {"mode": "enforce"}}"#;
/// What the token of the case files may read.
const PATH: &str = "/orders/1";
const LIMITS: &str =
    r#"{"limits": [{"name": "a", "key": ["ip"], "rate": "1000/s", "burst": 1000}]}"#;
const REDACT: &str = r#"{"rules": [{"name": "all", "detect": ["EMAIL", "CREDIT_CARD"]}]}"#;
const AUDIT: &str = r#"{
    "sink": {"otlp_http": {"cluster": "collector", "path": "/v1/logs"}},
    "rules": [{"match": {}, "level": "LEVEL"}]
}"#;
