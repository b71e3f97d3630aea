//! A rate limit service.

use std::time::Duration;

use policy::config::Node;

/// A service that counts for all proxies, and how to ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The cluster of the proxy that leads to it; on nginx hosts `host:port`.
    pub cluster: String,
    /// The domain of its limits.
    pub domain: String,
    /// How long to wait for it.
    pub timeout: Duration,
    /// The protocol by which the service is called.
    pub transport: Transport,
}

/// How a service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// gRPC: `envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit`.
    Grpc,
    /// The same as JSON over HTTP, as envoyproxy/ratelimit offers it.
    Http {
        /// The path of the call.
        path: String,
        /// The host and port, for `:authority`.
        authority: String,
    },
}

impl Service {
    /// Reads a service, and the entry keys of the limit that names it.
    pub(super) fn read(node: &Node<'_>) -> Option<(Self, Option<Vec<String>>)> {
        node.object(|fields| {
            let cluster = fields.name("cluster", "the name of a cluster", 256);
            let domain = fields.name("domain", "the domain of the service's limits", 256);
            let timeout = fields.or("timeout", DEFAULT_TIMEOUT, |n| {
                n.duration(Duration::from_millis(1)..=Duration::from_secs(60))
            });
            let entry_keys = fields
                .optional("descriptor")
                .map(|n| n.non_empty_list(|name| name.name(256).map(str::to_owned)));
            let http = fields.or("transport", false, |n| {
                n.one_of(&[("grpc", false), ("http", true)])
            });
            let path = fields.optional("path").map(|n| {
                let path = n.name(1024)?;
                let plain = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
                if !plain {
                    n.reject("expected a path such as \"/json\"");
                }
                Some(path.to_owned())
            });
            let authority = fields
                .optional("authority")
                .map(|n| n.name(256).map(str::to_owned));
            if !http && (path.is_some() || authority.is_some()) {
                fields
                    .node()
                    .reject_unseen(r#""path" and "authority" are for "transport": "http""#);
            }
            let cluster = cluster?;
            let transport = if http {
                Transport::Http {
                    path: path.unwrap_or_else(|| Some("/json".to_owned()))?,
                    authority: authority.unwrap_or_else(|| Some(cluster.clone()))?,
                }
            } else {
                Transport::Grpc
            };
            let entry_keys = match entry_keys {
                Some(read) => Some(read?),
                None => None,
            };
            let service = Self {
                cluster,
                domain: domain?,
                timeout,
                transport,
            };
            Some((service, entry_keys))
        })
    }
}

/// That of Envoy's own filter.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(20);
