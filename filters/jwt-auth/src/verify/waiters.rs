//! Whom of those who wait an event is about.

use host::ContextId;

use super::{Verifier, introspector};
use crate::calls::Purpose;

impl Verifier {
    /// The requests that can be decided about when a call has ended: those that wait for its response, and those that
    /// have waited for a call of their own. `None` is everybody, as with keys.
    pub(crate) fn woken_by(&mut self, purpose: Purpose) -> Option<Vec<ContextId>> {
        match purpose {
            Purpose::Fetch { .. } => None,
            Purpose::Consent { subject } => {
                let consent = self.consent.as_mut()?;
                Some(consent.woken(&self.calls, Some(subject)))
            }
            Purpose::Introspection {
                provider, token, ..
            } => {
                let introspector = introspector(&mut self.providers, provider)?;
                Some(introspector.woken(&self.calls, provider, Some(token)))
            }
        }
    }

    /// The requests that wait for a call of their own, where there is room for one: a call may have ended whose
    /// place nobody has taken.
    pub(crate) fn woken_by_room(&mut self) -> Vec<ContextId> {
        let mut woken = Vec::new();
        for provider in 0..self.providers.len() {
            if let Some(introspector) = introspector(&mut self.providers, provider) {
                woken.extend(introspector.woken(&self.calls, provider, None));
            }
        }
        if let Some(consent) = &mut self.consent {
            woken.extend(consent.woken(&self.calls, None));
        }
        woken
    }

    /// A request does not wait any more, or never has.
    pub(crate) fn stop_waiting(&mut self, context: ContextId) {
        for provider in 0..self.providers.len() {
            if let Some(introspector) = introspector(&mut self.providers, provider) {
                introspector.leave(context);
            }
        }
        if let Some(consent) = &mut self.consent {
            consent.leave(context);
        }
    }
}
