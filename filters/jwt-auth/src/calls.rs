//! Calls to identity providers.

use host::{AnswerSizes, Buffer, CallToken, ContextId, HeaderMap, Host, HttpCall, Status};

/// Who a call belongs to. One that belongs to a stream ends with it, though others may wait for the
/// answer too; so where the host can, it belongs to the root context.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Callers {
    /// The root context, where the host takes calls of it at any time.
    pub(crate) root: Option<ContextId>,
    /// The stream whose callback is running.
    pub(crate) stream: Option<ContextId>,
}

impl Callers {
    /// Starts a call.
    pub(crate) fn http_call(
        self,
        host: &dyn Host,
        call: &HttpCall<'_>,
    ) -> Result<CallToken, Status> {
        let (Some(root), Some(stream)) = (self.root, self.stream) else {
            return host.http_call(call);
        };
        if host.set_effective_context(root).is_err() {
            return host.http_call(call);
        }
        let started = host.http_call(call);
        let _ = host.set_effective_context(stream);
        started
    }
}

/// The body of an answer with status 200 that is not longer than this.
///
/// # Errors
/// A code that says why there is none.
pub(crate) fn answer_body(
    host: &dyn Host,
    answer: AnswerSizes,
    max_bytes: usize,
) -> Result<Vec<u8>, &'static str> {
    let status = host
        .header(HeaderMap::HttpAnswerHeaders, ":status")
        .ok()
        .flatten();
    match status.as_deref() {
        // Redirects are not followed: they would lead to a host that nobody configured.
        Some(b"200") => {}
        Some([b'5', ..]) => return Err("status_5xx"),
        Some([b'4', ..]) => return Err("status_4xx"),
        Some(_) => return Err("status_other"),
        None => return Err("no_answer"),
    }
    if answer.body > max_bytes {
        return Err("too_large");
    }
    host.buffer(Buffer::HttpAnswerBody, 0, answer.body)
        .map_err(|_| "no_body")
}

/// A random number, for jitter.
pub(crate) fn random_u32(host: &dyn Host) -> u32 {
    let mut bytes = [0; 4];
    let _ = host.random(&mut bytes);
    u32::from_le_bytes(bytes)
}
