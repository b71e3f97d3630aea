//! What is captured of a request, and what of it is believed.

use std::rc::Rc;

use audit::Hash;
use host::exchange::IdentitySource;
use host::{Capabilities, Direction, FactSources, Host, Moment, Request};
use policy::facts::Facts as _;

use super::{Start, decided, observe_request, observe_sizes, peer};
use crate::config::{Config, Level, Rule};
use crate::record::{ConsentDetail, Observation};
use crate::telemetry::{CONSENT_UNREADABLE, Telemetry};

/// Reads requests off the host, as far as the configuration and the host allow.
pub(crate) struct Observer {
    /// What the plugin says: routes change nothing of what is believed of requests.
    config: Rc<Config>,
    /// What can be believed of a request that no filter has seen yet: nothing that it says about
    /// who sends it.
    early_sources: Rc<FactSources>,
    /// The hash of the `consent` block.
    consent_policy: Option<String>,
    /// The host passes nothing from filter to filter.
    is_isolated: bool,
    /// The host has forgotten the response when the request ends.
    forgets_responses: bool,
    telemetry: Rc<Telemetry>,
}

impl Observer {
    pub(crate) fn new(
        capabilities: &Capabilities,
        config: Rc<Config>,
        telemetry: Rc<Telemetry>,
    ) -> Self {
        let consent = config.sources.consent.text();
        Self {
            early_sources: Rc::new(FactSources {
                identity: IdentitySource::Property,
                ..FactSources::clone(&config.sources)
            }),
            consent_policy: consent.map(|text| Hash::plain(text.as_bytes()).to_string()),
            is_isolated: !capabilities.shares_properties(),
            forgets_responses: !capabilities.has_log_phase(),
            config,
            telemetry,
        }
    }

    /// Takes down what only the request headers tell.
    pub(crate) fn capture(&self, host: &dyn Host, now: &Moment<'_>) -> Start {
        Start::capture(host, now, &self.config.sources)
    }

    /// The request before anybody has verified who sends it, which is known when the record is made.
    pub(crate) fn unverified(&self, start: &Start) -> Request {
        start.request.under(&self.early_sources)
    }

    /// Takes down what the response headers tell, where the host will have forgotten it.
    pub(crate) fn capture_response(&self, host: &dyn Host, start: Option<&mut Start>) {
        if let Some(start) = start.filter(|_| self.forgets_responses) {
            start.capture_response(host, &self.config.sources);
        }
    }

    /// What is known of a request that was only received.
    pub(crate) fn received(&self, host: &dyn Host, start: &Start, rule: &Rule) -> Observation {
        let (fields, consent) = (&self.config.fields, &self.config.sources.consent);
        let mut observed = start.received(host, rule.level, fields, consent);
        start.note_data_subjects(host, rule, (None, false), &mut observed);
        observed
    }

    /// What has been decided about a request that is over: so much is asked of every request.
    pub(crate) fn decided(&self, host: &dyn Host, start: Option<&Start>) -> Observation {
        let mut observed = decided(host, start, &self.config.sources);
        observed.is_isolated = self.is_isolated && observed.decisions.is_empty();
        observed
    }

    /// All else that its record says.
    pub(crate) fn complete(
        &self,
        host: &dyn Host,
        now: &Moment<'_>,
        start: Option<&Start>,
        (rule, level): (&Rule, Level),
        observed: &mut Observation,
    ) {
        let (fields, sources) = (&self.config.fields, &self.config.sources);
        observe_request(host, now, start, sources, observed);
        if let Some(start) = start {
            self.observe_consent(host, start, observed);
            start.detail(host, observed, level, fields, &sources.consent);
            let identity = observed.identity.clone();
            start.note_data_subjects(host, rule, (identity.as_deref(), true), observed);
        }
        if level >= Level::Full {
            observe_sizes(host, observed);
        }
        if observed.identity.is_none() {
            observed.peer = peer(host);
        }
    }

    fn observe_consent(&self, host: &dyn Host, start: &Start, observed: &mut Observation) {
        let facts = start.request.facts(host, Direction::Request);
        let consent = facts.consent();
        observed.opted_out = consent.opted_out();
        observed.consent_unreadable = consent.is_unreadable();
        observed.consent = ConsentDetail::of(consent, self.consent_policy.as_ref());
        let wanted = observed.decisions.iter().find(|d| !d.purposes.is_empty());
        if let Some(wanted) = wanted {
            observed.consent.required = wanted.purposes.clone();
        }
        for signal in consent.signals().iter().filter(|one| !one.is_readable()) {
            let labels = [("source", signal.source())];
            self.telemetry.count(host, CONSENT_UNREADABLE, &labels);
        }
        observed.purposes = consent
            .purposes()
            .map(|purposes| purposes.into_iter().map(str::to_owned).collect());
    }
}
