//! The headers of one message, read at once.

use host::{Capabilities, HeaderMap, Headers, Host, HostKind, header_text};

use crate::pipeline::Coding;

/// The headers of a message, to be asked and changed.
pub(super) struct Message<'h> {
    host: &'h dyn Host,
    map: HeaderMap,
    /// All of them; `None` where the host's list cannot be relied on.
    list: Option<Headers>,
}

impl<'h> Message<'h> {
    pub(super) fn read(host: &'h dyn Host, capabilities: Capabilities, map: HeaderMap) -> Self {
        // The lists of APISIX end at 100 headers, and those of responses are garbled beyond 20.
        let is_complete = capabilities.kind() != HostKind::Apisix;
        let list = is_complete.then(|| host.headers(map).ok()).flatten();
        Self {
            host,
            map,
            list: list.filter(|list| !list.is_empty()),
        }
    }

    /// The value of a header, by its name in lower case; several are joined by commas.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match &self.list {
            Some(list) => {
                let value = list.joined(name)?;
                Some(policy::text::lossy(&value).into_owned())
            }
            None => header_text(self.host, self.map, name),
        }
    }

    fn may_have(&self, name: &str) -> bool {
        self.list.as_ref().is_none_or(|list| list.contains(name))
    }

    fn remove(&self, name: &str) {
        if self.may_have(name) {
            let _ = self.host.remove_header(self.map, name);
        }
    }

    /// Takes away what no longer tells the truth about a body that may change: its length and its
    /// digests (RFC 9530), that parts of it can be asked for, and what it is signed with; a strong
    /// validator becomes a weak one.
    pub(super) fn prepare_for_change(&self, coding: Coding) {
        const UNTRUE: [&str; 5] = [
            "content-length",
            "signature",
            "signature-input",
            "x-goog-hash",
            "accept-ranges",
        ];
        for name in UNTRUE {
            self.remove(name);
        }
        for (name, _) in self.list.iter().flat_map(Headers::iter) {
            let name = policy::text::lossy(name).to_ascii_lowercase();
            if is_digest(&name) {
                self.remove(&name);
            }
        }
        if coding != Coding::Identity {
            self.remove("content-encoding");
        }
        let strong = self.text("etag").filter(|tag| !tag.starts_with("W/"));
        if let Some(tag) = strong {
            let weak = format!("W/{tag}");
            let _ = self.host.set_header(self.map, "etag", weak.as_bytes());
        }
    }
}

/// Whether a header has a digest of the body: those of RFC 9530, and what stores of objects and artefacts call them
/// (`x-amz-checksum-sha256`, `x-ms-content-crc64`, `docker-content-digest`).
fn is_digest(name: &str) -> bool {
    name.ends_with("digest") && !name.starts_with("want-")
        || name.contains("checksum")
        || ["-md5", "-sha1", "-sha256", "-crc64"]
            .iter()
            .any(|sum| name.ends_with(sum))
}
