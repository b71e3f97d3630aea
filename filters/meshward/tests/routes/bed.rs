//! One filter, alone or in the bundle, and what routes say to it.

use host::fake::{Outcome, Profile, Proxy, Request, Response, route_metadata};
use meshward_bundle::Meshward;
use policy::json::Json;

pub(crate) const BOTH: [bool; 2] = [false, true];

/// A filter, alone or as the only part of the bundle, with `route_config` set.
pub(crate) struct Bed {
    pub(crate) filter: &'static str,
    pub(crate) proxy: Proxy,
}

impl Bed {
    pub(crate) fn new(filter: &'static str, is_bundled: bool, configuration: &str) -> Self {
        let (mut proxy, configuration) = match (filter, is_bundled) {
            (_, true) => {
                let part = policy::filters::part_key(filter);
                let whole = format!(r#"{{"{part}": {configuration}}}"#);
                (Proxy::native::<Meshward>(Profile::Envoy), whole)
            }
            (_, false) => (alone(filter, Profile::Envoy), configuration.to_owned()),
        };
        let configured = proxy.configure(configuration);
        configured.unwrap_or_else(|refused| panic!("{}", refused.text()));
        Self { filter, proxy }
    }

    /// A request on a route that says this to the filter, as text.
    pub(crate) fn on_route(&mut self, said: &str) -> Outcome {
        self.said(Json::String(said.to_owned()))
    }

    pub(crate) fn said(&mut self, said: Json) -> Outcome {
        let space = format!("meshward.{}", self.filter);
        let metadata = route_metadata(&[("another", Json::Bool(true)), (&space, said)]);
        self.run(&get().attribute(&["xds", "route_metadata"], metadata))
    }

    pub(crate) fn run(&mut self, request: &Request) -> Outcome {
        let outcome = self.proxy.run(request, &Response::json(BODY));
        assert_eq!(outcome.trap, None);
        outcome
    }

    pub(crate) fn errors(&self, outcome: &str) -> i64 {
        let name = "meshward.FILTER.route_config_errors_total;outcome=OUTCOME";
        let name = name
            .replace("FILTER", self.filter)
            .replace("OUTCOME", outcome);
        self.proxy.host().metric(&name)
    }
}

pub(crate) fn alone(filter: &str, profile: Profile) -> Proxy {
    match filter {
        "jwt-auth" => Proxy::native::<jwt_auth::JwtAuth>(profile),
        "token-bucket" => Proxy::native::<token_bucket::TokenBucket>(profile),
        "pii-redactor" => Proxy::native::<pii_redactor::PiiRedactor>(profile),
        _ => Proxy::native::<audit_emitter::AuditEmitter>(profile),
    }
}

pub(crate) fn get() -> Request {
    Request::get("/orders/1").header("host", "shop.example")
}

pub(crate) fn status(outcome: &Outcome) -> u16 {
    outcome.client().status().unwrap()
}

pub(crate) const BODY: &str = r#"{"mail":"ada@example.com"}"#;
/// The SHA-256 of "test".
pub(crate) const AUTH: &str = r#"{"ROUTES": {}, "providers": {"partners": {"api_keys": {
    "from": [{"header": "x-api-key"}],
    "keys": [{"id": "acme", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]
}}}, "rules": [], "default": "deny"}"#;
pub(crate) const LIMITS: &str =
    r#"{"ROUTES": {}, "limits": [{"name": "l", "key": ["ip"], "rate": "1/h"}]}"#;
pub(crate) const REDACT: &str = r#"{"ROUTES": {}, "rules": [{"detect": ["EMAIL"]}]}"#;
pub(crate) const AUDIT: &str =
    r#"{"ROUTES": {}, "sink": {"host_log": {}}, "rules": [{"level": "none"}]}"#;

pub(crate) fn with(template: &str, routes: &str) -> String {
    template.replace(r#""ROUTES": {}"#, routes)
}

pub(crate) const ON: &str = r#""route_config": true"#;
pub(crate) const LENIENT: &str = r#""route_config": {"on_error": "allow"}"#;

pub(crate) const ALL: [(&str, &str); 4] = [
    ("jwt-auth", AUTH),
    ("token-bucket", LIMITS),
    ("pii-redactor", REDACT),
    ("audit-emitter", AUDIT),
];
