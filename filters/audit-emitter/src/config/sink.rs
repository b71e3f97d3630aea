//! Where records go.

use std::time::Duration;

use policy::config::{Fields, Node};

/// Where records are sent or written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// To a server, over HTTP.
    Http(HttpSink),
    /// To the proxy's own log, one line for each record.
    HostLog,
}

/// A server that takes records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSink {
    /// The form in which batches are sent.
    pub envelope: Envelope,
    /// The cluster (Envoy) or `host[:port]` (nginx hosts) to call.
    pub upstream: String,
    /// The path to call, for `:path`.
    pub path: String,
    /// The host and port to call, for `:authority`.
    pub authority: String,
    /// How long to wait for the response.
    pub timeout: Duration,
    /// Headers with the environment variables that hold their values: credentials.
    pub headers_env: Vec<(String, String)>,
}

/// What is around records on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// OpenTelemetry logs in protobuf, `POST /v1/logs`.
    OtlpProtobuf,
    /// OpenTelemetry logs in JSON (`ExportLogsServiceRequest`).
    OtlpJson,
    /// A batch of CloudEvents in JSON (CloudEvents 1.0, batched content mode).
    CloudEvents,
    /// Nothing: one record on each line.
    Ndjson,
}

impl Envelope {
    /// The media type of a batch.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OtlpProtobuf => "application/x-protobuf",
            Self::OtlpJson => "application/json",
            Self::CloudEvents => "application/cloudevents-batch+json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

impl Sink {
    /// The server, unless it is the proxy's log.
    #[must_use]
    pub const fn http(&self) -> Option<&HttpSink> {
        match self {
            Self::Http(sink) => Some(sink),
            Self::HostLog => None,
        }
    }

    /// Whether nothing is sent: the proxy's own log is where records go.
    #[must_use]
    pub const fn is_host_log(&self) -> bool {
        matches!(self, Self::HostLog)
    }

    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        const WORDS: [&str; 4] = ["otlp_http", "cloudevents_http", "ndjson_http", "host_log"];
        let (envelope, inner) = match node.variant(&WORDS)? {
            ("host_log", None) => return Some(Self::HostLog),
            ("host_log", Some(inner)) => return inner.object(|_| Some(Self::HostLog)),
            ("otlp_http", Some(inner)) => {
                let read = inner.object(|fields| {
                    let envelope = fields.or("encoding", Envelope::OtlpProtobuf, |n| {
                        n.one_of(&[
                            ("protobuf", Envelope::OtlpProtobuf),
                            ("json", Envelope::OtlpJson),
                        ])
                    });
                    HttpSink::read(fields, envelope)
                });
                return read.map(Self::Http);
            }
            ("cloudevents_http", Some(inner)) => (Envelope::CloudEvents, inner),
            ("ndjson_http", Some(inner)) => (Envelope::Ndjson, inner),
            (word, _) => {
                node.reject(format_args!(
                    r#"expected {{ "{word}": {{ "cluster": "..." }} }}"#
                ));
                return None;
            }
        };
        inner
            .object(|fields| HttpSink::read(fields, envelope))
            .map(Self::Http)
    }
}

impl HttpSink {
    pub(super) fn read(fields: &mut Fields<'_>, envelope: Envelope) -> Option<Self> {
        let default_path = match envelope {
            Envelope::OtlpProtobuf | Envelope::OtlpJson => "/v1/logs",
            Envelope::CloudEvents | Envelope::Ndjson => "/",
        };
        let upstream = fields.name("cluster", "the cluster that reaches the collector", 256);
        let path = fields.or("path", default_path.to_owned(), |n| read_path(&n));
        let timeout = fields.or("timeout", Duration::from_secs(5), |n| {
            n.duration(Duration::from_millis(100)..=Duration::from_secs(60))
        });
        let authority = fields.or("authority", None, |n| {
            n.name(256).map(str::to_owned).map(Some)
        });
        let headers_env = fields.or("headers_env", Vec::new(), |n| {
            n.named(|name, variable| {
                let plain =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                if name.is_empty() || !name.bytes().all(plain) {
                    variable.reject("expected the name of a header in lower case before this");
                    return None;
                }
                variable.name(128).map(str::to_owned)
            })
        });
        let upstream = upstream?;
        Some(Self {
            envelope,
            path,
            authority: authority.unwrap_or_else(|| upstream.clone()),
            upstream,
            timeout,
            headers_env,
        })
    }
}

fn read_path(node: &Node<'_>) -> Option<String> {
    let path = node.name(1024)?;
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        node.reject(r#"expected a path such as "/v1/logs""#);
        return None;
    }
    Some(path.to_owned())
}
