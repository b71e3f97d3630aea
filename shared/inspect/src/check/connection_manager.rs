//! The connection manager of Envoy around the filters of a manifest: what it does with a request before a
//! filter sees it.
//!
//! All of it is as an Envoy 1.40 was seen to do. Where a setting is known and its effect is not, a remark says so.

use std::net::IpAddr;

use cases::{HeaderValues, RequestData};
use policy::client_address::parse;

use super::document;
use super::plugin;
use super::tree::{Kind, Tree};

/// The settings of a connection manager that change requests, or refuse them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectionManager {
    normalize_path: bool,
    merge_slashes: bool,
    escaped_slashes: EscapedSlashes,
    strip_any_port: bool,
    strip_matching_port: bool,
    strip_trailing_dot: bool,
    underscores: Underscores,
    custom_methods: bool,
    use_remote_address: bool,
    trusted_hops: usize,
    skip_append: bool,
    /// Extensions find the address of a client.
    detects_address: bool,
}

/// What becomes of a path with `%2F` or `%5C`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum EscapedSlashes {
    #[default]
    Keep,
    Reject,
    Redirect,
    Forward,
}

/// What becomes of headers with `_` in their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Underscores {
    #[default]
    Allow,
    Reject,
    Drop,
}

/// A response of the proxy itself, before a filter sees the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnResponse {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) why: String,
}

/// The connection manager around the filters of a text, if it has one, or why no single one is meant.
/// `filter` says which of several filters is meant.
pub(crate) fn around(
    text: &str,
    filter: Option<&str>,
) -> Result<Option<ConnectionManager>, &'static str> {
    let Ok(trees) = document::trees(text.trim_start_matches('\u{feff}')) else {
        return Ok(None);
    };
    let mut found: Vec<ConnectionManager> = Vec::new();
    for tree in &trees {
        // What a document of Kubernetes has is a patch of a manager that is elsewhere.
        if tree.get("kind").is_none() {
            visit(tree, filter, &mut found);
        }
    }
    found.dedup();
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(
            "the manifest has several connection managers with different settings; none of them is applied",
        ),
    }
}

fn visit(tree: &Tree, filter: Option<&str>, found: &mut Vec<ConnectionManager>) {
    let kind = tree.get("@type").and_then(Tree::text).unwrap_or_default();
    if kind.ends_with(".HttpConnectionManager") {
        let sites = plugin::find(tree);
        let is_meant = |site: &plugin::Site<'_>| {
            filter.is_none_or(|filter| [filter, super::BUNDLE].contains(&site.filter))
                || site.filter == super::BUNDLE
        };
        if sites.iter().any(is_meant) {
            found.push(ConnectionManager::of(tree));
        }
        return;
    }
    tree.items()
        .iter()
        .for_each(|item| visit(item, filter, found));
    let members = tree.members().iter();
    members.for_each(|member| visit(&member.value, filter, found));
}

impl ConnectionManager {
    fn of(manager: &Tree) -> Self {
        let is_on = |place: &[&str]| manager.at(place).is_some_and(is_true);
        let word = |place: &[&str]| manager.at(place).and_then(Tree::text);
        let hops = manager.get("xff_num_trusted_hops");
        let hops = hops.and_then(|hops| hops.json().as_u64()).unwrap_or(0);
        let extensions = manager.get("original_ip_detection_extensions");
        Self {
            normalize_path: is_on(&["normalize_path"]),
            merge_slashes: is_on(&["merge_slashes"]),
            escaped_slashes: match word(&["path_with_escaped_slashes_action"]) {
                Some("REJECT_REQUEST") => EscapedSlashes::Reject,
                Some("UNESCAPE_AND_REDIRECT") => EscapedSlashes::Redirect,
                Some("UNESCAPE_AND_FORWARD") => EscapedSlashes::Forward,
                _ => EscapedSlashes::Keep,
            },
            strip_any_port: is_on(&["strip_any_host_port"]),
            strip_matching_port: is_on(&["strip_matching_host_port"]),
            strip_trailing_dot: is_on(&["strip_trailing_host_dot"]),
            underscores: match word(&[
                "common_http_protocol_options",
                "headers_with_underscores_action",
            ]) {
                Some("REJECT_REQUEST") => Underscores::Reject,
                Some("DROP_HEADER") => Underscores::Drop,
                _ => Underscores::Allow,
            },
            custom_methods: is_on(&["http_protocol_options", "allow_custom_methods"]),
            use_remote_address: is_on(&["use_remote_address"]),
            trusted_hops: usize::try_from(hops).unwrap_or(usize::MAX),
            skip_append: is_on(&["skip_xff_append"]),
            detects_address: extensions.is_some_and(|list| !list.items().is_empty()),
        }
    }

    /// Makes a request the one that filters see, and says what was changed, and what is not known of it.
    ///
    /// # Errors
    /// The proxy itself responds.
    pub(crate) fn receive(&self, request: &mut RequestData) -> Result<Vec<String>, OwnResponse> {
        let mut remarks = Vec::new();
        self.refuse(request)?;
        if self.underscores == Underscores::Drop {
            request.headers.retain(|name, _| {
                let is_kept = !name.contains('_');
                if !is_kept {
                    remarks.push(format!(
                        "the proxy removes the header {name}: headers_with_underscores_action"
                    ));
                }
                is_kept
            });
        }
        self.host(request, &mut remarks);
        self.path(request, &mut remarks)?;
        self.address(request, &mut remarks);
        Ok(remarks)
    }

    fn refuse(&self, request: &RequestData) -> Result<(), OwnResponse> {
        let refused = |why: String| {
            Err(OwnResponse {
                status: 400,
                location: None,
                why,
            })
        };
        if !self.custom_methods && !METHODS.contains(&request.method.as_str()) {
            return refused(format!(
                "over HTTP/1.1 it takes no method {}",
                request.method
            ));
        }
        let odd = request.path.bytes().any(|byte| !byte.is_ascii_graphic());
        if odd {
            return refused(
                "the path has a space, a control character or one beyond ASCII".to_owned(),
            );
        }
        if request.path.contains('#') {
            return refused("the path has a fragment".to_owned());
        }
        if self.underscores == Underscores::Reject
            && let Some(name) = request.headers.keys().find(|name| name.contains('_'))
        {
            return refused(format!(
                "the header {name} has an underscore in its name: headers_with_underscores_action"
            ));
        }
        Ok(())
    }

    fn host(&self, request: &mut RequestData, remarks: &mut Vec<String>) {
        let Some(HeaderValues::Several(values)) = request.headers.get(":authority") else {
            return;
        };
        let [host] = values.as_slice() else { return };
        let port = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
        let (name, port) = match port {
            Some((name, port)) => (name, Some(port)),
            None => (host.as_str(), None),
        };
        // An empty port is none that can be told from the name, and the name then has no dot at its end.
        let name = match self.strip_trailing_dot {
            true => name.strip_suffix('.').unwrap_or(name),
            false => name,
        };
        let now = match port {
            Some(port) if !self.strip_any_port => format!("{name}:{port}"),
            _ => name.to_owned(),
        };
        if self.strip_matching_port && !self.strip_any_port && port.is_some() {
            remarks.push(
                "the port of the host is taken to be another than the listener's: strip_matching_host_port"
                    .to_owned(),
            );
        }
        if now != *host {
            remarks.push(format!("filters see the host {now}"));
            let now = HeaderValues::One(now);
            request.headers.insert(":authority".to_owned(), now);
        }
    }

    fn path(
        &self,
        request: &mut RequestData,
        remarks: &mut Vec<String>,
    ) -> Result<(), OwnResponse> {
        let whole = request.path.clone();
        let (path, query) = match whole.find('?') {
            Some(at) => whole.split_at(at),
            None => (whole.as_str(), ""),
        };
        let unescaped = match self.escaped_slashes {
            EscapedSlashes::Keep => path.to_owned(),
            _ => unescape_slashes(path),
        };
        let has_escaped = unescaped != path;
        if has_escaped && self.escaped_slashes == EscapedSlashes::Reject {
            return Err(OwnResponse {
                status: 400,
                location: None,
                why: "the path has %2F or %5C: path_with_escaped_slashes_action".to_owned(),
            });
        }
        let mut now = unescaped;
        if self.normalize_path {
            now = normalized(&now).ok_or_else(|| OwnResponse {
                status: 400,
                location: None,
                why: "the path has %00, and cannot be normalized: normalize_path".to_owned(),
            })?;
        }
        if self.merge_slashes {
            now = merged(&now);
        }
        let now = format!("{now}{query}");
        if has_escaped && self.escaped_slashes == EscapedSlashes::Redirect {
            return Err(OwnResponse {
                status: 307,
                location: Some(now),
                why: "the path has %2F or %5C: path_with_escaped_slashes_action".to_owned(),
            });
        }
        if now != whole {
            remarks.push(format!("filters see the path {now}"));
            request.path = now;
        }
        Ok(())
    }

    fn address(&self, request: &mut RequestData, remarks: &mut Vec<String>) {
        let peer = request.client;
        let forwarded = request.headers.get(FORWARDED_FOR);
        let forwarded = forwarded.map(|values| values.values().join(","));
        if self.detects_address {
            remarks.push(
                "original_ip_detection_extensions find the client's address, which is not tried here: it is taken to be that of the peer"
                    .to_owned(),
            );
            return;
        }
        let hops = match self.use_remote_address {
            true => self.trusted_hops.checked_sub(1),
            false => Some(self.trusted_hops),
        };
        let named = hops.zip(forwarded.as_deref());
        let named = named.and_then(|(hops, list)| entry(list, hops));
        let client = named.unwrap_or(peer);
        if client != peer {
            remarks.push(format!("filters see the client's address as {client}"));
            request.client = client;
        }
        if !self.use_remote_address {
            return;
        }
        let one = |value: String| HeaderValues::One(value);
        let external = one(client.to_string());
        request
            .headers
            .insert("x-envoy-external-address".to_owned(), external);
        if self.skip_append {
            return;
        }
        let is_sent = forwarded.is_some();
        let list = forwarded.map_or_else(|| peer.to_string(), |list| format!("{list},{peer}"));
        request.headers.insert(FORWARDED_FOR.to_owned(), one(list));
        if peer.is_loopback() && is_sent {
            remarks.push(format!(
                "for a peer on loopback Envoy appends an address of its own machine to X-Forwarded-For; here {peer} stands for it"
            ));
        }
    }
}

fn is_true(tree: &Tree) -> bool {
    match &tree.kind {
        Kind::Bool(value) => *value,
        // A BoolValue as Envoy's own dumps write it.
        _ => tree
            .get("value")
            .is_some_and(|inner| matches!(inner.kind, Kind::Bool(true))),
    }
}

/// An entry of `X-Forwarded-For`, counted from the right.
fn entry(list: &str, hops: usize) -> Option<IpAddr> {
    let text = list.rsplit(',').nth(hops)?.trim();
    // Other spellings of addresses, with a port or in brackets, were not seen to count.
    text.parse::<IpAddr>().ok().and_then(|_| parse(text))
}

/// `%2F` and `%5C` as what they stand for, once.
fn unescape_slashes(path: &str) -> String {
    let mut parts = path.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).unwrap_or_default();
        let rest = part.get(2..).unwrap_or_default();
        match code {
            "2f" | "2F" => text.push_str(&format!("/{rest}")),
            "5c" | "5C" => text.push_str(&format!("\\{rest}")),
            _ => text.push_str(&format!("%{part}")),
        }
    }
    text
}

/// A path without dot segments, in which unreserved characters stand for themselves; `None` where Envoy
/// refuses it.
fn normalized(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let mut segments: Vec<String> = Vec::new();
    let mut raw = path.split('/').skip(1).peekable();
    while let Some(segment) = raw.next() {
        let is_last = raw.peek().is_none();
        // Parameters go with a dot segment only where its dots are written as such.
        let written = segment.split_once(';').map_or(segment, |(name, _)| name);
        let decoded = unreserved(segment)?;
        let dots = match written {
            "." | ".." => written,
            _ => decoded.as_str(),
        };
        match dots {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => {
                segments.push(decoded);
                continue;
            }
        }
        if is_last {
            segments.push(String::new());
        }
    }
    Some(format!("/{}", segments.join("/")))
}

/// A segment with unreserved characters decoded, and those encoded that a URL cannot have.
fn unreserved(segment: &str) -> Option<String> {
    let mut text = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(first) = rest.chars().next() {
        let code = rest.get(1..3).filter(|_| first == '%');
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(code) = code {
            let byte = u8::from_str_radix(code, 16).ok()?;
            match byte {
                0 => return None,
                b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
                byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
                _ => text.push_str(&format!("%{code}")),
            }
            rest = rest.get(3..).unwrap_or_default();
            continue;
        }
        match first {
            '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}' => {
                text.push_str(&format!("%{:02X}", u32::from(first)));
            }
            _ => text.push(first),
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    Some(text)
}

/// A path without empty segments between others.
fn merged(path: &str) -> String {
    if !path.contains("//") {
        return path.to_owned();
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let segments: Vec<&str> = segments.collect();
    let end = if path.ends_with('/') { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

const FORWARDED_FOR: &str = "x-forwarded-for";
/// The methods that Envoy takes over HTTP/1.1. `CONNECT` depends on more than is known here.
const METHODS: [&str; 33] = [
    "ACL",
    "BIND",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

#[cfg(test)]
mod tests;
