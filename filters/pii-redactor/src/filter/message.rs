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

    /// Takes away what no longer tells the truth about a body that may change, but for its digests: its
    /// length, and that parts of it can be asked for; a strong validator becomes a weak one.
    pub(super) fn prepare_for_change(&self, coding: Coding) {
        for name in ["content-length", "accept-ranges"] {
            self.remove(name);
        }
        if coding != Coding::Identity {
            self.remove("content-encoding");
        }
        let Some(tag) = self.text("etag") else {
            return;
        };
        if tag.contains("{SHA1{") {
            // Of Nexus, which clients of Maven compare with the body.
            self.remove("etag");
        } else if !tag.starts_with("W/") {
            let weak = format!("W/{tag}");
            let _ = self.host.set_header(self.map, "etag", weak.as_bytes());
        }
    }

    /// Takes away digests of the body, and signatures over them. Signatures over the body itself, as those of
    /// web hooks, stay: whoever checks them is to see that it is another one.
    pub(super) fn remove_digests(&self) {
        let covers = |name: &str| {
            let value = self.text(name).unwrap_or_default();
            ["digest", "content-", "etag"]
                .iter()
                .any(|covered| value.contains(covered))
        };
        if covers("signature-input") || covers("signature") {
            self.remove("signature");
            self.remove("signature-input");
        }
        for (name, value) in self.list.iter().flat_map(Headers::iter) {
            let name = policy::text::lossy(name).to_ascii_lowercase();
            // `UNSIGNED-PAYLOAD` is true of any.
            if is_digest(&name) && !value.starts_with(b"UNSIGNED-") {
                let _ = self.host.remove_header(self.map, &name);
            }
        }
    }

    /// Whether the body is in chunks that are signed or have checksums, though `content-encoding` may
    /// not say so.
    pub(super) fn is_chunked_within(&self) -> bool {
        let hash = self.text("x-amz-content-sha256");
        hash.is_some_and(|hash| hash.starts_with("STREAMING-"))
            || self.text("x-ms-structured-body").is_some()
    }
}

/// Whether a header tells a digest, a checksum or a length of the body: of HTTP (RFC 9530, RFC 3230), stores
/// and package registries.
fn is_digest(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "digest",
        "repr-digest",
        "unencoded-digest",
        "x-amz-crc32",
        "x-amz-sha256-tree-hash",
        "x-amz-trailer",
        "x-bz-info-large_file_sha1",
        "x-goog-hash",
    ];
    // `x-ms-blob-content-md5`, `x-bz-content-sha1`, `docker-content-digest`, `x-oss-hash-crc64ecma`.
    const WITHIN: [&str; 9] = [
        "checksum",
        "content-crc",
        "content-digest",
        "content-length",
        "content-md5",
        "content-sha",
        "hash-crc64",
        "md5chksum",
        "multipart-md5",
    ];
    let is_like = || WITHIN.iter().any(|words| name.contains(words));
    NAMES.contains(&name) || is_like() && !name.starts_with("want-")
}
