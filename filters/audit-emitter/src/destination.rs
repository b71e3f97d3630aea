//! A server that records are sent to, with the credentials that it wants to see.

use host::waiting::{Calls, Occasion};
use host::{Host, HttpCall, Status};

use crate::config::{Envelope, HttpSink};

/// What is needed to post records to one server.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) sink: HttpSink,
    /// Headers whose values come from the environment.
    pub(crate) credentials: Vec<(String, String)>,
}

impl Destination {
    pub(crate) const fn envelope(&self) -> Envelope {
        self.sink.envelope
    }

    /// Starts a call that posts a body.
    ///
    /// # Errors
    /// No such cluster, or none of its endpoints can be reached.
    pub(crate) fn post<C>(
        &self,
        host: &dyn Host,
        calls: &mut Calls<C>,
        now_ns: u64,
        body: &[u8],
        idempotency_key: Option<&str>,
        purpose: C,
    ) -> Result<(), Status> {
        let sink = &self.sink;
        let mut headers = vec![
            (":method", "POST"),
            (":path", sink.path.as_str()),
            (":authority", sink.authority.as_str()),
            ("content-type", sink.envelope.content_type()),
        ];
        headers.extend(idempotency_key.map(|key| ("idempotency-key", key)));
        let credentials = self.credentials.iter();
        headers.extend(credentials.map(|(name, value)| (name.as_str(), value.as_str())));
        let call = HttpCall {
            upstream: &sink.upstream,
            headers: &headers,
            body,
            timeout: sink.timeout,
        };
        // The response is for the filter, whoever's callback this is.
        let occasion = Occasion {
            stream: None,
            now_ns,
        };
        calls.start_http(host, &call, occasion, purpose)
    }
}
