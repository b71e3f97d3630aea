//! CORS preflights (the Fetch standard, section 3.2.2): what a browser sends before a request of
//! another origin.

use std::rc::Rc;

use host::{Direction, Host, Request};
use policy::consent::Consent;
use policy::explain::{self, Step};
use policy::facts::Facts;
use policy::filters::JWT_AUTH;
use policy::header_values::HeaderReadings;
use policy::identity::Identity;
use policy::matching::{Selection, select};
use policy::overrides::OtherHosts;
use policy::path::{PathError, RequestPath};
use policy::request_value::CertificateField;
use policy::values::Query;

use crate::config::{Access, Config};

/// Whether a request is a preflight; one never carries credentials, and no browser gives it another
/// method.
pub(super) fn is_preflight(host: &dyn Host, request: &Request) -> bool {
    let facts = request.facts(host, Direction::Request);
    request.method(host) == "OPTIONS"
        && facts.method_overrides().is_empty()
        && request.header(host, "origin").is_some()
        && request
            .header(host, "access-control-request-method")
            .is_some()
}

/// Whether the request that a preflight asks about could be let through by some rule: one that
/// nobody may make is refused before it is made.
pub(super) fn may_be_allowed(config: &Config, host: &dyn Host, request: &Request) -> bool {
    let Some(method) = request.header(host, "access-control-request-method") else {
        return false;
    };
    let facts = request.facts(host, Direction::Request);
    let announced = Announced {
        facts: &facts,
        method,
    };
    explain::note(|| Step::Choosing {
        filter: JWT_AUTH,
        about: "preflight",
    });
    let access = match select(config.rules.iter().map(|rule| &rule.matches), &announced) {
        Selection::Rule(index) => config.rules.get(index).map(|rule| &rule.access),
        Selection::NoRule => Some(&config.default.access),
        Selection::Ambiguous(_) | Selection::Unreadable(_) => None,
    };
    matches!(access, Some(Access::Anonymous | Access::Require(_)))
}

/// The request that a preflight announces: the same, but for its method.
struct Announced<'f> {
    facts: &'f dyn Facts,
    method: String,
}

impl Facts for Announced<'_> {
    fn path(&self) -> Result<&RequestPath, PathError> {
        self.facts.path()
    }

    fn raw_path(&self) -> &[u8] {
        self.facts.raw_path()
    }

    fn queries(&self) -> Option<Rc<[Query]>> {
        self.facts.queries()
    }

    fn client_certificate(&self, field: CertificateField) -> Option<String> {
        self.facts.client_certificate(field)
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn host(&self) -> &str {
        self.facts.host()
    }

    fn other_hosts(&self) -> &OtherHosts {
        self.facts.other_hosts()
    }

    fn route(&self) -> Option<&str> {
        self.facts.route()
    }

    fn is_on_route(&self) -> bool {
        self.facts.is_on_route()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.facts.header(name)
    }

    fn header_lines(&self, name: &str) -> Vec<String> {
        self.facts.header_lines(name)
    }

    fn folded_lines(&self, name: &str) -> Vec<String> {
        self.facts.folded_lines(name)
    }

    fn header_readings(&self, name: &str) -> Rc<HeaderReadings> {
        self.facts.header_readings(name)
    }

    fn has_all_headers(&self) -> bool {
        self.facts.has_all_headers()
    }

    fn identity(&self) -> Option<&Identity> {
        self.facts.identity()
    }

    fn consent(&self) -> &Consent {
        self.facts.consent()
    }
}
