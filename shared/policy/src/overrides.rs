//! Headers and parameters by which a client gives an upstream another method, path or host than the
//! request has.
//!
//! Frameworks read them for forms that cannot say `DELETE`, and for proxies that rewrite what they
//! forward. Anybody can send them, so a rule that looked at the request line alone would be walked
//! around. There is one table of them for all filters, and one setting for each of the three things
//! that may be overridden.

use crate::config::{Fields, Node};
use crate::values::{MAX_VALUES, Query, other_targets};
use crate::{host_address, http};

/// What upstreams make of an override: the keys `method_override`, `path_override` and
/// `host_override`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverridePolicy {
    /// Some may act on it and some may not, so the request counts as either.
    #[default]
    Honour,
    /// The headers are removed, so that no upstream acts on them and they do not count. Query
    /// parameters are not removed and count as under `Honour`.
    Strip,
    /// No upstream acts on it.
    Ignore,
}

impl OverridePolicy {
    /// Reads one of the keys.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[
            ("honour", Self::Honour),
            ("strip", Self::Strip),
            ("ignore", Self::Ignore),
        ])
    }
}

/// What is done about each kind of override.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverrideRules {
    /// How overrides of the method are treated: the key `method_override`.
    pub method: OverridePolicy,
    /// How overrides of the path are treated: the key `path_override`.
    pub path: OverridePolicy,
    /// How overrides of the host are treated: the key `host_override`.
    pub host: OverridePolicy,
}

impl OverrideRules {
    /// Reads the three keys at the top level of a filter.
    #[must_use]
    pub fn read(fields: &mut Fields<'_>) -> Self {
        let mut policy = |key| {
            let default = OverridePolicy::default();
            fields.or(key, default, |n: Node<'_>| OverridePolicy::read(&n))
        };
        Self {
            method: policy("method_override"),
            path: policy("path_override"),
            host: policy("host_override"),
        }
    }

    /// The names of the headers to remove, in lower case.
    pub fn stripped(self) -> impl Iterator<Item = &'static str> {
        let strips = move |header: &&OverrideHeader| self.of(header.kind) == OverridePolicy::Strip;
        let headers = OVERRIDE_HEADERS.iter().filter(strips);
        headers.map(|header| header.name)
    }

    /// The same where nothing is removed, so that what was to be counts.
    #[must_use]
    pub fn unstripped(self) -> Self {
        let of = |policy| match policy {
            OverridePolicy::Strip => OverridePolicy::Honour,
            other => other,
        };
        Self {
            method: of(self.method),
            path: of(self.path),
            host: of(self.host),
        }
    }

    /// Whether any header is to be removed.
    #[must_use]
    pub fn strips_any(self) -> bool {
        [self.method, self.path, self.host].contains(&OverridePolicy::Strip)
    }

    /// Whether a header of this name, in any spelling that upstreams fold, is to be removed.
    #[must_use]
    pub fn strips(self, name: &[u8]) -> bool {
        find(name).is_some_and(|kind| self.of(kind) == OverridePolicy::Strip)
    }

    const fn of(self, kind: OverrideKind) -> OverridePolicy {
        match kind {
            OverrideKind::Method => self.method,
            OverrideKind::Path | OverrideKind::Prefix => self.path,
            OverrideKind::Host | OverrideKind::Forwarded => self.host,
        }
    }
}

/// A header by which upstreams may take another method, path or host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverrideHeader {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Whether it overrides the method, the path or the host.
    pub kind: OverrideKind,
    /// The frameworks and servers that read it.
    pub read_by: &'static str,
}

/// What a header overrides, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverrideKind {
    /// Its value is the method.
    Method,
    /// Its value is the path.
    Path,
    /// Its value is taken off the beginning of the path.
    Prefix,
    /// Its value is the host.
    Host,
    /// Its parameter `host` is the host (RFC 7239).
    Forwarded,
}

impl OverrideKind {
    /// What the documentation says of it.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Method => "is the method",
            Self::Path => "is the path",
            Self::Prefix => "is taken off the path",
            Self::Host => "is the host",
            Self::Forwarded => "`host=` is the host",
        }
    }
}

/// The headers that are known.
pub const OVERRIDE_HEADERS: &[OverrideHeader] = &[
    header(
        "x-http-method-override",
        OverrideKind::Method,
        "Rails, Laravel, Symfony, Express `method-override`, Spring, Google APIs",
    ),
    header(
        "x-http-method",
        OverrideKind::Method,
        "OData, Microsoft APIs",
    ),
    header(
        "x-method-override",
        OverrideKind::Method,
        "IBM, Express `method-override`",
    ),
    header(
        "x-original-url",
        OverrideKind::Path,
        "IIS URL Rewrite, Symfony and Zend of old, Drupal of old",
    ),
    header(
        "x-rewrite-url",
        OverrideKind::Path,
        "IIS with ISAPI Rewrite, Symfony and Zend of old",
    ),
    header(
        "x-original-uri",
        OverrideKind::Path,
        "applications behind ingress-nginx",
    ),
    header(
        "x-override-url",
        OverrideKind::Path,
        "applications behind rewriting proxies",
    ),
    header(
        "x-http-path-override",
        OverrideKind::Path,
        "applications that look for it beside `x-http-method-override`",
    ),
    header(
        "x-forwarded-uri",
        OverrideKind::Path,
        "applications behind Traefik and Caddy",
    ),
    header(
        "x-forwarded-path",
        OverrideKind::Path,
        "applications behind Kong",
    ),
    header(
        "x-original-path",
        OverrideKind::Path,
        "applications behind rewriting proxies",
    ),
    header(
        "x-ms-original-url",
        OverrideKind::Path,
        "Nitro, Nuxt and SvelteKit on Azure",
    ),
    header(
        "x-waws-unencoded-url",
        OverrideKind::Path,
        "applications on Azure App Service",
    ),
    header("x-matched-path", OverrideKind::Path, "Next.js on Vercel"),
    header("x-invoke-path", OverrideKind::Path, "Next.js"),
    header(
        "path-info",
        OverrideKind::Path,
        "Gunicorn, from `forwarded_allow_ips`",
    ),
    header(
        "x-forwarded-prefix",
        OverrideKind::Prefix,
        "Spring, Symfony, ASP.NET Core, Werkzeug `ProxyFix`",
    ),
    header(
        "x-script-name",
        OverrideKind::Prefix,
        "WSGI applications behind nginx",
    ),
    header(
        "script-name",
        OverrideKind::Prefix,
        "Gunicorn, from `forwarded_allow_ips`",
    ),
    header(
        "x-forwarded-host",
        OverrideKind::Host,
        "Django `USE_X_FORWARDED_HOST`, Rails, Symfony, Spring, ASP.NET Core, Express `trust proxy`",
    ),
    header(
        "x-original-host",
        OverrideKind::Host,
        "applications behind Azure Application Gateway",
    ),
    header(
        "x-host",
        OverrideKind::Host,
        "applications behind rewriting proxies",
    ),
    header(
        "x-http-host-override",
        OverrideKind::Host,
        "applications behind rewriting proxies",
    ),
    header(
        "x-forwarded-server",
        OverrideKind::Host,
        "Jetty `ForwardedRequestCustomizer`, WSGI applications behind proxies",
    ),
    header(
        "forwarded",
        OverrideKind::Forwarded,
        "Spring, Rails, Symfony, ASP.NET Core",
    ),
];

const fn header(name: &'static str, kind: OverrideKind, read_by: &'static str) -> OverrideHeader {
    OverrideHeader {
        name,
        kind,
        read_by,
    }
}

/// What a header of this name overrides, in any spelling that upstreams fold into one of the table.
#[must_use]
pub fn find(name: &[u8]) -> Option<OverrideKind> {
    // Nearly no header has the length of one of them, so nearly no name is compared.
    let bit = u32::try_from(name.len())
        .ok()
        .and_then(|length| 1_u32.checked_shl(length))?;
    if LENGTHS & bit == 0 {
        return None;
    }
    let known = OVERRIDE_HEADERS.iter();
    let mut alike = known.filter(|known| http::folds_alike(known.name.as_bytes(), name));
    alike.next().map(|known| known.kind)
}

/// A bit for the length of each name in the table; the longest has fewer than 32 bytes.
const LENGTHS: u32 = lengths();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn lengths() -> u32 {
    let mut bits = 0;
    let mut index = 0;
    while index < OVERRIDE_HEADERS.len() {
        bits |= 1 << OVERRIDE_HEADERS[index].name.len();
        index += 1;
    }
    bits
}

/// Hosts that some upstream may take a request to be for, beside the one that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherHosts {
    /// As [`http::host_name`] writes them, each once.
    pub names: Vec<String>,
    /// It may be any host: there are more than [`MAX_VALUES`], or one that servers read in different
    /// ways, see [`http::is_host`].
    pub is_any: bool,
}

impl OtherHosts {
    /// The request names no other host.
    pub const NONE: Self = Self {
        names: Vec::new(),
        is_any: false,
    };

    /// Adds what a header gives.
    pub fn add(&mut self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        if !http::is_host(value) {
            self.is_any = true;
            return;
        }
        let name = http::host_name(value);
        add(&mut self.names, &name);
        // Servers that parse addresses take one for the other, those that compare text do not.
        for spelled in host_address::spellings(&name) {
            add(&mut self.names, &spelled);
        }
        self.is_any |= self.names.len() > MAX_VALUES;
    }

    /// Adds those of another list.
    pub fn extend(&mut self, other: &Self) {
        other
            .names
            .iter()
            .for_each(|name| add(&mut self.names, name));
        self.is_any |= other.is_any || self.names.len() > MAX_VALUES;
    }
}

/// What some upstream may take in place of what a request has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Methods. More than [`MAX_VALUES`] mean any method.
    pub methods: Vec<String>,
    /// The paths that the request asks for instead, as sent.
    pub paths: Vec<String>,
    /// Beginnings that are taken off the path, as sent.
    pub prefixes: Vec<String>,
    /// Other paths from whose query a server may take parameters: those of headers, and those in which
    /// an escaped `?` begins the query. More than [`MAX_VALUES`] mean any.
    pub targets: Vec<Vec<u8>>,
    /// Hosts that headers name in place of the request's own.
    pub hosts: OtherHosts,
    /// Nobody knows which headers there are, so the path may be any.
    pub is_unknown: bool,
}

impl Overrides {
    /// Those of a request, by its path as sent and its headers; `None` in place of the headers where
    /// the host has not handed over all of them.
    pub fn of<'h>(
        rules: OverrideRules,
        path: &[u8],
        headers: Option<impl Iterator<Item = (&'h [u8], &'h [u8])>>,
    ) -> Self {
        let mut found = Self::default();
        match headers {
            None => found.is_unknown = rules.path == OverridePolicy::Honour,
            Some(headers) => {
                for (name, value) in headers {
                    if let Some(kind) = find(name)
                        && rules.of(kind) == OverridePolicy::Honour
                    {
                        found.take(kind, &crate::text::lossy(value));
                    }
                }
            }
        }
        let given = found.paths.iter().map(|path| path.as_bytes().to_vec());
        let sent = std::iter::once(path).chain(found.paths.iter().map(String::as_bytes));
        let decoded = sent.flat_map(other_targets);
        let most = MAX_VALUES.saturating_add(1);
        found.targets = given.chain(decoded).take(most).collect();
        // Those that are left out may say anything.
        if found.targets.len() > MAX_VALUES && rules.method != OverridePolicy::Ignore {
            found.methods.resize_with(most, String::new);
        }
        // An address names a host, too.
        if rules.host != OverridePolicy::Ignore {
            for path in &found.paths {
                if let Some(host) = authority(path) {
                    found.hosts.add(host);
                }
            }
        }
        let targets = std::iter::once(path).chain(found.targets.iter().map(Vec::as_slice));
        for target in targets.filter(|target| target.contains(&b'?')) {
            let query = Query::of(target);
            if rules.method != OverridePolicy::Ignore {
                for value in METHOD_PARAMETERS.iter().flat_map(|name| query.values(name)) {
                    add(&mut found.methods, &crate::text::lossy(value));
                }
            }
            if rules.path != OverridePolicy::Ignore {
                for value in query.values(WORDPRESS_ROUTE) {
                    let route = wordpress_path(target, &crate::text::lossy(value));
                    add(&mut found.paths, &route);
                }
            }
        }
        found
    }

    /// The paths from whose query a server may take parameters: the one that was sent, and others.
    /// `None` where nobody knows them all.
    pub fn all_targets<'t>(&'t self, sent: &'t [u8]) -> Option<impl Iterator<Item = &'t [u8]>> {
        let are_known = !self.is_unknown && self.targets.len() <= MAX_VALUES;
        are_known.then(|| self.known_targets(sent))
    }

    /// As [`Overrides::all_targets`], those that are known.
    pub fn known_targets<'t>(&'t self, sent: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        let others = self.targets.iter().map(Vec::as_slice);
        std::iter::once(sent).chain(others)
    }

    /// Whether the request is all that there is to look at.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.methods.is_empty()
            && self.paths.is_empty()
            && self.prefixes.is_empty()
            && self.hosts.names.is_empty()
            && !self.hosts.is_any
            && !self.is_unknown
    }

    /// Whether the path may be another one.
    #[must_use]
    pub const fn concern_path(&self) -> bool {
        !self.paths.is_empty() || !self.prefixes.is_empty() || self.is_unknown
    }

    fn take(&mut self, kind: OverrideKind, value: &str) {
        let items = value.split(',');
        match kind {
            OverrideKind::Method => items.for_each(|item| add(&mut self.methods, item)),
            OverrideKind::Path | OverrideKind::Prefix => {
                let list = match kind {
                    OverrideKind::Path => &mut self.paths,
                    _ => &mut self.prefixes,
                };
                // A path may have a comma in it, and so may a list of paths; no path has a space, but for a prefix
                // that is compared with a decoded one.
                if kind == OverrideKind::Prefix || !value.trim().contains(' ') {
                    add(list, value);
                }
                items.for_each(|item| add(list, item));
                if kind == OverrideKind::Prefix && value.contains(',') {
                    // Spring puts several prefixes one behind the other.
                    let joined: String = value.split(',').map(str::trim).collect();
                    add(list, &joined);
                }
            }
            OverrideKind::Host => items.for_each(|item| self.hosts.add(item)),
            OverrideKind::Forwarded => {
                let pairs = value.split([',', ';']);
                for pair in pairs.filter_map(|pair| pair.split_once('=')) {
                    if pair.0.trim().eq_ignore_ascii_case("host") {
                        let name = pair.1.trim();
                        let quoted = name
                            .strip_prefix('"')
                            .and_then(|name| name.strip_suffix('"'));
                        self.hosts.add(quoted.unwrap_or(name));
                    }
                }
                // Spring and Vert.x take what follows `host=`, wherever that is.
                for (place, _) in value.to_ascii_lowercase().match_indices("host=") {
                    let rest = value.get(place.saturating_add(5)..).unwrap_or_default();
                    let rest = rest.strip_prefix('"').unwrap_or(rest);
                    let end = rest.split([';', ',', '"']).next();
                    self.hosts.add(end.unwrap_or(rest).trim());
                    if self.hosts.is_any {
                        break;
                    }
                }
            }
        }
    }
}

/// The host in an address, or in a path that begins with two slashes.
fn authority(text: &str) -> Option<&str> {
    let start = text.find("//").filter(|start| {
        let scheme = text.get(..*start).unwrap_or_default();
        scheme.is_empty() || (scheme.ends_with(':') && !scheme.contains('/'))
    })?;
    let rest = text.get(start.saturating_add(2)..)?;
    rest.split(['/', '\\', '?', '#']).next()
}

/// The path that WordPress serves for a route of its REST API in the query: `/?rest_route=/wp/v2/users` is
/// `/wp-json/wp/v2/users`.
fn wordpress_path(target: &[u8], route: &str) -> String {
    let target = crate::text::lossy(target);
    let path = target.split('?').next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let slash = if route.starts_with('/') { "" } else { "/" };
    [folder, "/wp-json", slash, route].concat()
}

/// Adds a value that is not there yet. One more than the maximum says that there are too many.
fn add(list: &mut Vec<String>, value: &str) {
    let value = value.trim();
    let is_new = || !list.iter().any(|known| known == value);
    if !value.is_empty() && list.len() <= MAX_VALUES && is_new() {
        list.push(value.to_owned());
    }
}

/// The query parameters by which frameworks let forms give another method. Those in the body of a form are
/// not seen: rules decide before the body comes.
const METHOD_PARAMETERS: [&str; 3] = ["_method", "_method_override", "_httpmethod"];
/// The query parameter in which WordPress takes the path of its REST API.
const WORDPRESS_ROUTE: &str = "rest_route";

#[cfg(test)]
mod tests;
