//! Handles responses to the calls that the filter has made.

use host::shared_cells::CellHash;
use host::waiting::{Call, Occasion};
use host::{Host, Moment, ResponseSizes};

use super::JwtAuth;
use crate::calls::{NO_RESPONSE, Purpose, consent_body, response_body};
use crate::keys::FetchError;
use crate::keys::document::Progress;
use crate::opaque::introspection::{MAX_RESPONSE_BYTES, introspected};
use crate::verify::introspector;

impl JwtAuth {
    /// Whether a fetch or an introspection has come to its end: discovery goes on with the keys.
    pub(super) fn take_response(
        &mut self,
        host: &dyn Host,
        call: &Call<Purpose>,
        sizes: ResponseSizes,
    ) -> bool {
        let now = &Moment::of(host);
        match call.purpose {
            Purpose::Fetch { document } => {
                let occasion = Occasion {
                    now_ns: now.monotonic_ns(),
                    ..call.occasion
                };
                let progress = self
                    .verifier
                    .on_keys_response(host, occasion, document, sizes);
                match progress {
                    Progress::GoesOn => false,
                    Progress::Ended(result) => {
                        let code = result.map_or_else(|FetchError(code)| code, |()| "ok");
                        self.report_fetch(host, document, code);
                        self.report_imports(host);
                        true
                    }
                }
            }
            Purpose::Consent { subject } => {
                let body = consent_body(host, sizes);
                let body = body.as_deref().map_err(|code| *code);
                self.end_lookup(host, now, subject, body)
            }
            Purpose::Introspection { .. } => {
                let body = response_body(host, sizes, MAX_RESPONSE_BYTES);
                let body = body.as_deref().map_err(|code| *code);
                self.end_introspection(host, now, call, body)
            }
        }
    }

    /// The host has said nothing about a call for too long. Whether somebody who waits is to be
    /// decided about again.
    pub(super) fn on_no_response(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        call: &Call<Purpose>,
    ) -> bool {
        let document = match call.purpose {
            Purpose::Fetch { document } => document,
            Purpose::Consent { subject } => {
                return self.end_lookup(host, now, subject, Err(NO_RESPONSE));
            }
            Purpose::Introspection { .. } => {
                return self.end_introspection(host, now, call, Err(NO_RESPONSE));
            }
        };
        if let Some(document) = self.verifier.documents.get_mut(document) {
            document.give_up(host, now.monotonic_ns());
        }
        self.report_fetch(host, document, NO_RESPONSE);
        true
    }

    fn end_lookup(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        subject: CellHash,
        body: Result<&[u8], &'static str>,
    ) -> bool {
        if let Some(consent) = &mut self.verifier.consent {
            consent.on_response(host, subject, body, now.monotonic_ns());
        }
        true
    }

    fn end_introspection(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        call: &Call<Purpose>,
        body: Result<&[u8], &'static str>,
    ) -> bool {
        let Purpose::Introspection {
            provider: index,
            token,
            client,
        } = call.purpose
        else {
            return false;
        };
        let Some(provider) = self.config.providers.get(index) else {
            return false;
        };
        let Some(introspector) = introspector(&mut self.verifier.providers, index) else {
            return false;
        };
        let result = introspector.on_response(
            (token, client),
            body,
            now.monotonic_ns(),
            now.wall_s(),
            |claims, validity| introspected(provider, index, claims, validity),
        );
        let labels = [("provider", provider.name.as_str()), ("result", result)];
        self.metrics.count(host, "introspections_total", &labels);
        true
    }
}
