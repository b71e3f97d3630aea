//! Calls to identity providers.

use std::collections::HashMap;

use host::{Buffer, CallToken, ContextId, HeaderMap, Host, HttpCall, ResponseSizes, Status};

/// Who a call belongs to. One that belongs to a stream ends with it, though others may wait for the
/// response too; so where the host can, it belongs to the root context.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallContexts {
    /// The root context, where the host takes calls of it at any time.
    pub(crate) root: Option<ContextId>,
    /// The stream whose callback is running.
    pub(crate) stream: Option<ContextId>,
}

impl CallContexts {
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

/// Whose call each is, where a host holds a request only for a call of its own, and answers only the
/// request at hand. There nobody may wait for another's call: the request would go on unchecked.
#[derive(Debug, Default)]
pub(crate) struct CallOwners {
    owners: HashMap<CallToken, ContextId>,
}

impl CallOwners {
    /// The calls that are under way: those that nobody owns yet were started in the callback of
    /// this context, which has to say so before it ends. A call outlives a request that ends, so
    /// that it never becomes that of another.
    pub(crate) fn note(&mut self, under_way: &[CallToken], context: ContextId) {
        self.owners.retain(|call, _| under_way.contains(call));
        for call in under_way {
            self.owners.entry(*call).or_insert(context);
        }
    }

    /// Whether a call of the context is under way.
    pub(crate) fn has_call(&self, context: ContextId) -> bool {
        self.owners.values().any(|owner| *owner == context)
    }

    /// The calls of a context, which end with it.
    pub(crate) fn calls_of(&self, context: ContextId) -> Vec<CallToken> {
        let owned = self.owners.iter().filter(|(_, owner)| **owner == context);
        owned.map(|(call, _)| *call).collect()
    }

    /// Whose call this was.
    pub(crate) fn take(&mut self, call: CallToken) -> Option<ContextId> {
        self.owners.remove(&call)
    }
}

/// The body of a response with status 200 that is not longer than this.
///
/// # Errors
/// A code that says why there is none.
pub(crate) fn response_body(
    host: &dyn Host,
    sizes: ResponseSizes,
    max_bytes: usize,
) -> Result<Vec<u8>, &'static str> {
    let status = host
        .header(HeaderMap::HttpCallResponseHeaders, ":status")
        .ok()
        .flatten();
    match status.as_deref() {
        // Redirects are not followed: they would lead to a host that nobody configured.
        Some(b"200") => {}
        Some([b'5', ..]) => return Err("status_5xx"),
        Some([b'4', ..]) => return Err("status_4xx"),
        Some(_) => return Err("status_other"),
        None => return Err("no_response"),
    }
    if sizes.body > max_bytes {
        return Err("too_large");
    }
    host.buffer(Buffer::HttpCallResponseBody, 0, sizes.body)
        .map_err(|_| "no_body")
}

/// A random number, which tells VMs apart.
pub(crate) fn random(host: &dyn Host) -> u64 {
    let mut bytes = [0; 8];
    let _ = host.random(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A random number, for jitter.
pub(crate) fn random_u32(host: &dyn Host) -> u32 {
    let mut bytes = [0; 4];
    let _ = host.random(&mut bytes);
    u32::from_le_bytes(bytes)
}
