//! What the record of a request says, as far as it is counted; and requests that are held back until
//! a signature vouches for them.

use crate::chains::Trail;
use crate::item::{ChainUid, Item};
use crate::scan::Fields;

/// What is counted of a request. Texts are as they stand in the record; empty if there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'t> {
    pub(super) time_ms: u64,
    pub(super) expires_ms: Option<u64>,
    pub(super) action_id: u64,
    pub(super) status_id: u64,
    /// It says that the request was received, and another record has its outcome.
    pub(super) is_received: bool,
    pub(super) subject: &'t str,
    pub(super) route: &'t str,
    pub(super) source: &'t str,
    pub(super) class: &'t str,
    /// The findings, as the text of a JSON array.
    pub(super) findings: &'t str,
    /// An array, if there is a refusal in it.
    pub(super) refusals: &'t str,
    /// An object; empty if it was erased.
    pub(super) consent: &'t str,
}

impl<'t> Request<'t> {
    pub(super) fn of(item: &Item, text: &'t str, fields: &Fields, refusals: &'t str) -> Self {
        let subject = fields.user_uid.string(text);
        let subject = subject.or_else(|| fields.user_name.string(text));
        let source = fields.src_ip.string(text);
        let source = source.or_else(|| fields.src_name.string(text));
        Self {
            time_ms: item.time_ms,
            expires_ms: item.expires_ms,
            action_id: fields.action_id,
            status_id: fields.status_id,
            is_received: fields.stage.string(text) == Some("received"),
            subject: subject.unwrap_or("unknown"),
            route: fields.operation.string(text).unwrap_or("unknown"),
            source: source.unwrap_or("unknown"),
            class: fields.class.string(text).unwrap_or("unknown"),
            findings: fields.findings.of(text).unwrap_or_default(),
            refusals,
            consent: fields.consent.of(text).unwrap_or_default(),
        }
    }
}

/// Requests that are held back, without the rest of their records.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    requests: Vec<Held>,
    /// Their texts, one after the other.
    texts: String,
}

#[derive(Debug)]
struct Held {
    chain: ChainUid,
    sequence: u64,
    time_ms: u64,
    expires_ms: Option<u64>,
    action_id: u64,
    status_id: u64,
    is_received: bool,
    /// How long each text is.
    lengths: [u32; TEXTS],
}

impl HeldBack {
    pub(super) const fn len(&self) -> usize {
        self.requests.len()
    }

    /// Holds a request back. Returns whether there was room.
    pub(super) fn add(&mut self, chain: ChainUid, sequence: u64, request: &Request<'_>) -> bool {
        if self.texts.len() > MAX_TEXT_BYTES {
            return false;
        }
        let texts = [
            request.subject,
            request.route,
            request.source,
            request.class,
            request.findings,
            request.refusals,
            request.consent,
        ];
        let mut lengths = [0; TEXTS];
        for (length, text) in lengths.iter_mut().zip(texts) {
            // A line is far shorter.
            *length = u32::try_from(text.len()).unwrap_or(0);
            self.texts.push_str(text);
        }
        self.requests.push(Held {
            chain,
            sequence,
            time_ms: request.time_ms,
            expires_ms: request.expires_ms,
            action_id: request.action_id,
            status_id: request.status_id,
            is_received: request.is_received,
            lengths,
        });
        true
    }

    /// Gives those for which a signature vouches by now to `count`, and keeps the others.
    pub(super) fn settle(&mut self, trail: &Trail, mut count: impl FnMut(&Request<'_>)) {
        let held = std::mem::take(self);
        let mut rest = held.texts.as_str();
        let mut next = |length: u32| {
            let (text, behind) = rest.split_at_checked(length as usize).unwrap_or((rest, ""));
            rest = behind;
            text
        };
        for request in held.requests {
            let [subject, route, source, class, findings, refusals, consent] =
                request.lengths.map(&mut next);
            let read = Request {
                time_ms: request.time_ms,
                expires_ms: request.expires_ms,
                action_id: request.action_id,
                status_id: request.status_id,
                is_received: request.is_received,
                subject,
                route,
                source,
                class,
                findings,
                refusals,
                consent,
            };
            if trail.is_vouched(&request.chain, request.sequence) {
                count(&read);
            } else {
                self.add(request.chain, request.sequence, &read);
            }
        }
    }
}

const TEXTS: usize = 7;
/// The most bytes of text that each thread holds.
const MAX_TEXT_BYTES: usize = 128 << 20;
