//! What a valid credential says.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use host::Host;
use host::exchange;
use policy::identity::{Agreed, Identity, push_context};
use policy::json::push_string;

use crate::token::claims::Validity;

/// What is known of a caller beyond the credential, for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallerContext {
    /// What a consent service says that the caller agreed to.
    pub(crate) agreed: Agreed,
    /// The purposes that the caller objects to.
    pub(crate) objects_to: Vec<String>,
    /// The caller has opted out before.
    pub(crate) opted_out: bool,
    /// The reason for which the caller breaks the glass.
    pub(crate) emergency: Option<String>,
}

/// A caller whose credential was verified.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The provider's index in [`crate::config::Config::providers`].
    pub(crate) provider: usize,
    /// When the credential is valid.
    pub(crate) validity: Validity,
    /// The identity as the other filters read it.
    published: RefCell<Published>,
    /// The identity itself, where it is at hand.
    identity: RefCell<Option<Rc<Identity>>>,
    /// What is known of the caller beyond the credential, for the request at hand.
    context: RefCell<CallerContext>,
    /// Whether this is for one request so far.
    is_new: Cell<bool>,
    /// Headers for the upstream, by name.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The certificate that the credential is bound to: base64url of its SHA-256.
    pub(crate) certificate: Option<String>,
    /// Whether it is good with that certificate only, whatever the rule says.
    pub(crate) binds: bool,
}

impl Verified {
    /// Stands for no provider: the certificate of the connection vouches for the caller.
    pub(crate) const NO_PROVIDER: usize = usize::MAX;

    /// A caller, without headers for the upstream and without a binding.
    #[must_use]
    pub(crate) fn new(provider: usize, validity: Validity, identity: Identity) -> Self {
        let text = identity.to_json();
        Self::with_text(provider, validity, identity, text)
    }

    /// As [`Verified::new`], of an identity and the text that [`Identity::to_json`] made of it.
    #[must_use]
    pub(crate) fn with_text(
        provider: usize,
        validity: Validity,
        identity: Identity,
        text: String,
    ) -> Self {
        Self {
            provider,
            validity,
            identity: RefCell::new(Some(Rc::new(identity))),
            context: RefCell::default(),
            is_new: Cell::new(false),
            published: RefCell::new(Published {
                open_len: text.len().saturating_sub(1),
                text,
                rule: None,
                context: CallerContext::default(),
            }),
            headers: Vec::new(),
            certificate: None,
            binds: true,
        }
    }

    /// As it is after one request, in which it was new: remembered as text only. A token that never
    /// comes back leaves little behind that way, and where a claim was in memory, the one of the
    /// next token will be, while that memory is still near the processor.
    pub(crate) fn drop_parsed_identity(&self) {
        if self.is_new.take() {
            self.identity.take();
        }
    }

    /// Marks it as one that [`Verified::drop_parsed_identity`] makes smaller.
    pub(crate) fn mark_first_use(&self) {
        self.is_new.set(true);
    }

    /// Who it is. `None` only if the text could not be read back.
    pub(crate) fn identity(&self) -> Option<Rc<Identity>> {
        let mut known = self.identity.borrow_mut();
        if known.is_none() {
            let mut published = self.published.borrow_mut();
            *known = Identity::parse(published.by(None, &CallerContext::default()).as_bytes())
                .ok()
                .map(Rc::new);
        }
        known.clone()
    }

    /// Tells the other filters who the caller is, and the rule that let it in, if one did.
    pub(crate) fn publish(&self, host: &dyn Host, rule: Option<&str>) {
        let mut published = self.published.borrow_mut();
        let text = published.by(rule, &self.context.borrow());
        let _ = exchange::publish_identity_json(host, text);
    }

    /// Sets what is known of the caller for the request at hand.
    pub(crate) fn set_context(&self, consent: CallerContext) {
        *self.context.borrow_mut() = consent;
    }

    /// The context that [`Verified::set_context`] has set.
    pub(crate) fn context(&self) -> CallerContext {
        self.context.borrow().clone()
    }
}

/// The text of an identity. Nearly always a caller comes back to the same rule.
#[derive(Debug)]
struct Published {
    text: String,
    /// How long it is without a rule and the brace at the end.
    open_len: usize,
    rule: Option<String>,
    context: CallerContext,
}

impl Published {
    fn by(&mut self, rule: Option<&str>, context: &CallerContext) -> &str {
        if self.rule.as_deref() != rule || self.context != *context {
            self.text.truncate(self.open_len);
            push_context(
                &mut self.text,
                &context.agreed,
                &context.objects_to,
                context.opted_out,
                context.emergency.as_deref(),
            );
            self.context.clone_from(context);
            if let Some(rule) = rule {
                self.text.push_str(",\"rule\":");
                push_string(&mut self.text, rule);
            }
            self.text.push('}');
            self.rule = rule.map(str::to_owned);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_rule_of_this_request() {
        let identity = Identity {
            subject: Some("jane".to_owned()),
            provider: "corp".to_owned(),
            ..Identity::default()
        };
        let verified = Verified::new(0, Validity::ALWAYS, identity.clone());
        verified.mark_first_use();
        for rule in [
            None,
            Some("a"),
            Some("a"),
            None,
            None,
            Some("\"b\"\n"),
            Some("c"),
            None,
        ] {
            let mut published = verified.published.borrow_mut();
            let consent = CallerContext {
                agreed: rule.map_or(Agreed::NotAsked, |rule| {
                    Agreed::Purposes(vec![rule.to_owned()])
                }),
                objects_to: rule.into_iter().map(str::to_owned).collect(),
                opted_out: rule == Some("a"),
                emergency: rule.map(|_| "a \"reason\"".to_owned()),
            };
            let read = Identity::parse(published.by(rule, &consent).as_bytes()).unwrap();
            let expected = Identity {
                rule: rule.map(str::to_owned),
                agreed: consent.agreed,
                objects_to: consent.objects_to,
                opted_out: consent.opted_out,
                emergency: consent.emergency,
                ..identity.clone()
            };
            assert_eq!(read, expected);
            drop(published);
            verified.drop_parsed_identity();
            assert_eq!(verified.identity().as_deref(), Some(&identity));
        }
    }
}
