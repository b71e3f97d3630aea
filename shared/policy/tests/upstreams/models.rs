//! How servers read the path of a request, each written down from its documentation.
//!
//! A model gives the segments by which the server, or an application on it, chooses a route; `None`
//! where the server refuses the request itself.

use super::text::{
    cleaned, decoded, escape, squeezed, unescape, until, without_dots, without_parameters,
};

pub(crate) type Route = Option<Vec<String>>;

pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) route: fn(&str) -> Route,
}

const fn model(name: &'static str, route: fn(&str) -> Route) -> Model {
    Model { name, route }
}

/// Every server and every way that an application on it looks at paths.
pub(crate) const SERVERS: &[Model] = &[
    model("nginx", |raw| nginx(raw, true)),
    model("nginx, merge_slashes off", |raw| nginx(raw, false)),
    model("Apache", |raw| {
        apache(raw, true, false, EncodedSlashes::Off)
    }),
    model("Apache, MergeSlashes off", |raw| {
        apache(raw, false, false, EncodedSlashes::Off)
    }),
    model("Apache, AllowEncodedSlashes on", |raw| {
        apache(raw, true, false, EncodedSlashes::On)
    }),
    model("Apache, AllowEncodedSlashes NoDecode", |raw| {
        apache(raw, true, false, EncodedSlashes::NoDecode)
    }),
    model("Apache, ProxyPass mapping=servlet", |raw| {
        apache(raw, true, true, EncodedSlashes::On)
    }),
    model("Apache before 2.4.49", apache_early),
    model("Node, new URL", |raw| segments(&whatwg(raw)?)),
    model("Node, new URL, segments decoded", |raw| {
        decoded_segments(&whatwg(raw)?)
    }),
    model("Node, new URL, path decoded", |raw| {
        segments(&decoded(&whatwg(raw)?))
    }),
    model("Node, new URL, decoded and normalised", |raw| {
        segments(&cleaned(&decoded(&whatwg(raw)?)))
    }),
    model("Node, new URL, decoded twice", |raw| {
        segments(&decoded(&decoded(&whatwg(raw)?)))
    }),
    model("Node, url.parse", |raw| segments(&legacy(raw))),
    model("Node, url.parse, segments decoded", |raw| {
        decoded_segments(&legacy(raw))
    }),
    model("Node, url.parse, decoded and normalised", |raw| {
        segments(&cleaned(&decoded(&legacy(raw))))
    }),
    model("Node, url.parse, normalised and decoded", |raw| {
        segments(&decoded(&cleaned(&legacy(raw))))
    }),
    model("Express", |raw| segments(until(raw, &['?']))),
    model("Express, parameters decoded", |raw| {
        decoded_segments(until(raw, &['?']))
    }),
    model("Fastify 4, restify", |raw| {
        segments(until(raw, &['?', '#', ';']))
    }),
    model("Fastify 4, restify, parameters decoded", |raw| {
        decoded_segments(until(raw, &['?', '#', ';']))
    }),
    model("Go, URL.Path", |raw| segments(&go_path(raw)?)),
    model("Go, ServeMux", |raw| segments(&cleaned(&go_path(raw)?))),
    model("Go 1.22, ServeMux", |raw| {
        go_path(raw).and_then(|_| decoded_segments(&cleaned(until(raw, &['?']))))
    }),
    model("Go, httprouter with UseRawPath", |raw| {
        segments(until(raw, &['?']))
    }),
    model("Caddy, path", |raw| {
        let path = go_path(raw)?;
        segments(&cleaned(path.trim_end_matches(['.', ' '])))
    }),
    model("Python, WSGI", |raw| segments(&decoded(until(raw, &['?'])))),
    model("Python, wsgiref", |raw| {
        segments(&decoded(&leading_squeezed(until(raw, &['?']))))
    }),
    model("Python, http.server, urlparse", |raw| {
        segments(&decoded(&urlparse(&leading_squeezed(raw))))
    }),
    model("Python, gunicorn", |raw| {
        segments(&decoded(until(raw, &['?', '#'])))
    }),
    model("Python, WSGI, Werkzeug merging", |raw| {
        segments(&squeezed(&decoded(until(raw, &['?']))))
    }),
    model("Python, ASGI, decoded twice", |raw| {
        segments(&decoded(&decoded(until(raw, &['?']))))
    }),
    model("Python, http.server", |raw| {
        segments(&cleaned(&decoded(until(raw, &['?', '#']))))
    }),
    model("Python, urlsplit", |raw| segments(&urlsplit(raw))),
    model("Python, urlparse, decoded", |raw| {
        segments(&decoded(&urlparse(raw)))
    }),
    model("Tornado", |raw| segments(until(raw, &['?']))),
    model("Twisted", |raw| decoded_segments(until(raw, &['?']))),
    model("Tomcat", |raw| tomcat(raw, Solidus::Reject, false)),
    model("Tomcat, encodedSolidusHandling decode", |raw| {
        tomcat(raw, Solidus::Decode, false)
    }),
    model("Tomcat, encodedSolidusHandling passthrough", |raw| {
        tomcat(raw, Solidus::PassThrough, false)
    }),
    model("Tomcat, allowBackslash", |raw| {
        tomcat(raw, Solidus::Decode, true)
    }),
    model("Jetty 9.3", |raw| {
        segments(&without_dots(
            &decoded(&without_parameters(until(raw, &['?', '#']))),
            true,
        )?)
    }),
    model("Jetty 10", jetty_10),
    model("Undertow", |raw| {
        segments(&cleaned(
            &decoded(&without_parameters(until(raw, &['?']))).replace('\\', "/"),
        ))
    }),
    model("Spring, AntPathMatcher", |raw| {
        segments(&squeezed(&decoded(&without_parameters(until(raw, &['?'])))))
    }),
    model("Spring before 4.3, AntPathMatcher", |raw| {
        let path = decoded(&without_parameters(until(raw, &['?'])));
        let names = path.split('/').map(str::trim);
        Some(
            names
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }),
    model("Spring, PathPattern", |raw| {
        decoded_segments(&without_parameters(until(raw, &['?'])))
    }),
    model("Kestrel", |raw| {
        segments(&without_dots(
            &unescape(until(raw, &['?', '#']), |byte| byte != b'/'),
            false,
        )?)
    }),
    model("HTTP.sys", |raw| {
        segments(&cleaned(
            &decoded(until(raw, &['?', '#'])).replace('\\', "/"),
        ))
    }),
    model("Rails", |raw| {
        segments(&squeezed(&decoded(until(raw, &['?', '#']))))
    }),
    model("ASP.NET, behind HTTP.sys", |raw| {
        let path = cleaned(&decoded(until(raw, &['?', '#'])).replace('\\', "/"));
        segments(&without_session(&path))
    }),
    model("Windows, behind HTTP.sys", |raw| {
        let path = cleaned(&decoded(until(raw, &['?', '#'])).replace('\\', "/"));
        segments(&windows_file(&path))
    }),
    model("Rails, (.:format)", |raw| {
        let path = segments(&squeezed(&decoded(until(raw, &['?', '#']))))?;
        with_last(path, |name| {
            let (name, format) = name.split_once('.')?;
            (!name.is_empty() && !format.is_empty() && !format.contains('.')).then_some(name)
        })
    }),
    model("Spring, suffix patterns", |raw| {
        let path = squeezed(&decoded(&without_parameters(until(raw, &['?']))));
        with_last(segments(&path)?, |name| {
            name.split_once('.')
                .map(|(name, _)| name)
                .filter(|name| !name.is_empty())
        })
    }),
    model("PHP, REQUEST_URI", |raw| {
        segments(&decoded(until(raw, &['?'])))
    }),
    model("PHP, behind index.php", |raw| {
        let path = segments(&decoded(until(raw, &['?'])))?;
        let script = path.iter().position(|name| name.ends_with(".php"));
        without_script(path, script)
    }),
    model("PHP-FPM behind nginx", |raw| {
        let path = nginx(raw, true)?;
        let script = path.iter().rposition(|name| name.ends_with(".php"));
        without_script(path, script)
    }),
    model("Symfony behind index.php, .{_format}", |raw| {
        let path = segments(&decoded(until(raw, &['?'])))?;
        let script = path.iter().position(|name| name.ends_with(".php"));
        with_last(without_script(path, script)?, |name| {
            name.rsplit_once('.')
                .map(|(name, _)| name)
                .filter(|name| !name.is_empty())
        })
    }),
    model(
        "a decoding proxy before a server that splits at ? and #",
        |raw| segments(until(&decoded(until(raw, &['?'])), &['?', '#'])),
    ),
    model("a decoding proxy before Node, new URL", |raw| {
        segments(&whatwg(&decoded(until(raw, &['?'])))?)
    }),
    model("a decoding proxy before Tomcat", |raw| {
        tomcat(&decoded(until(raw, &['?'])), Solidus::Decode, true)
    }),
];

/// What a proxy in front makes of the path.
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) forward: fn(&str) -> Option<String>,
}

const fn proxy(name: &'static str, forward: fn(&str) -> Option<String>) -> Proxy {
    Proxy { name, forward }
}

pub(crate) const PROXIES: &[Proxy] = &[
    proxy("nothing", |raw| Some(raw.to_owned())),
    proxy("Envoy, normalize_path", |raw| {
        envoy(raw, false, true, false)
    }),
    proxy("Envoy, normalize_path, merge_slashes", |raw| {
        envoy(raw, false, true, true)
    }),
    proxy("Envoy, merge_slashes", |raw| envoy(raw, false, false, true)),
    proxy("Envoy, UNESCAPE_AND_FORWARD", |raw| {
        envoy(raw, true, false, false)
    }),
    proxy("Envoy, all of them", |raw| envoy(raw, true, true, true)),
];

/// Segments without those that a trailing slash leaves.
fn segments(path: &str) -> Route {
    let mut segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    while segments.last().is_some_and(String::is_empty) {
        segments.pop();
    }
    Some(segments)
}

/// Split first, decoded afterwards.
fn decoded_segments(path: &str) -> Route {
    Some(
        segments(path)?
            .iter()
            .map(|segment| decoded(segment))
            .collect(),
    )
}

/// Routes that end in an optional format: the last segment as `change` has it.
fn with_last(mut path: Vec<String>, change: impl Fn(&str) -> Option<&str>) -> Route {
    if let Some(last) = path.last_mut()
        && let Some(changed) = change(last)
    {
        *last = changed.to_owned();
    }
    Some(path)
}

/// `PATH_INFO`: what stands behind the name of the script, below where the script is.
fn without_script(mut path: Vec<String>, script: Option<usize>) -> Route {
    if let Some(place) = script
        && place + 1 < path.len()
    {
        path.remove(place);
    }
    Some(path)
}

/// `CookielessHelper` of ASP.NET: the last `/(...)/` whose content is one capital letter and parentheses after the
/// other is a session or a ticket, and no part of the path.
fn without_session(path: &str) -> String {
    for (start, _) in path.rmatch_indices("/(") {
        let rest = &path[start + 2..];
        let Some(end) = rest.find(")/") else { continue };
        let mut inner = &rest[..end];
        let mut is_header = !inner.is_empty();
        while !inner.is_empty() && is_header {
            let value = inner.strip_prefix(|letter: char| letter.is_ascii_uppercase());
            let value = value.and_then(|value| value.strip_prefix('('));
            let end = value.and_then(|value| Some((value, value.find(['(', ')'])?)));
            match end {
                Some((value, end)) if value[end..].starts_with(')') => inner = &value[end + 1..],
                _ => is_header = false,
            }
        }
        if is_header {
            return format!("{}{}", &path[..start], &rest[end + 1..]);
        }
    }
    path.to_owned()
}

/// .NET, "File path formats on Windows systems", "Trim characters": "If a segment ends in a single
/// period, that period is removed", and all periods and spaces at the end of the path.
fn windows_file(path: &str) -> String {
    let trimmed: Vec<&str> = path
        .split('/')
        .map(|name| match name.strip_suffix('.') {
            Some(before) if !before.ends_with('.') => before,
            _ => name,
        })
        .collect();
    trimmed.join("/").trim_end_matches(['.', ' ']).to_owned()
}

/// nginx, "location": "The matching is performed against a normalized URI, after decoding the text
/// encoded in the “%XX” form, resolving references to relative path components “.” and “..”, and
/// possible compression of two or more adjacent slashes into a single slash." A raw `#` ends the
/// URI, an escaped `?` or `#` is a character like others, and what leads above the root is refused.
fn nginx(raw: &str, merge_slashes: bool) -> Route {
    let path = decoded(until(raw, &['?', '#']));
    let path = if merge_slashes { squeezed(&path) } else { path };
    segments(&without_dots(&path, true)?)
}

#[derive(Clone, Copy, PartialEq)]
enum EncodedSlashes {
    Off,
    On,
    NoDecode,
}

/// Apache 2.4.49 and later. Core: `AllowEncodedSlashes`, `MergeSlashes`; mod_proxy: with
/// `mapping=servlet` path parameters are ignored. Unreserved characters are decoded, slashes merged and
/// dot segments resolved; then the rest is decoded, and resolved again.
fn apache(raw: &str, merges: bool, servlet: bool, slashes: EncodedSlashes) -> Route {
    let mut path = until(raw, &['?', '#']).to_owned();
    if slashes == EncodedSlashes::Off && path.to_ascii_lowercase().contains("%2f") {
        return None;
    }
    if servlet {
        path = without_parameters(&path);
    }
    path = unescape(&path, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    });
    if merges {
        path = squeezed(&path);
    }
    path = without_dots(&path, true)?;
    path = unescape(&path, |byte| byte != b'/' || slashes == EncodedSlashes::On);
    if merges {
        path = squeezed(&path);
    }
    segments(&without_dots(&path, true)?)
}

/// Apache before: decoded, dot segments resolved, and slashes merged for matching.
fn apache_early(raw: &str) -> Route {
    let path = without_dots(&decoded(until(raw, &['?', '#'])), true)?;
    segments(&squeezed(&path))
}

/// The URL standard, "special" schemes, with a base of `http://localhost`: `\` is `/`, two of them in
/// front begin a host, `%2e` is a dot in dot segments, empty segments stay, nothing is decoded.
fn whatwg(raw: &str) -> Option<String> {
    let path = until(raw, &['?', '#']).replace('\\', "/");
    let path = if path.starts_with("//") {
        let host = path.trim_start_matches('/');
        let end = host.find('/').unwrap_or(host.len());
        if host[..end].is_empty() {
            return None;
        }
        format!("/{}", host[end..].strip_prefix('/').unwrap_or(""))
    } else {
        path
    };
    let dots: Vec<String> = path
        .split('/')
        .map(
            |segment| match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
                dots @ ("." | "..") => dots.to_owned(),
                _ => segment.to_owned(),
            },
        )
        .collect();
    without_dots(&dots.join("/"), false)
}

/// Node's `url.parse(url).pathname`: `\` before a `?` is `/`; ends at `?` or `#`; nothing else.
fn legacy(raw: &str) -> String {
    let path = until(raw, &['?', '#']).replace('\\', "/");
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}

/// Go, `url.ParseRequestURI`: no fragment, `Path` is decoded; a broken escape is an error.
fn go_path(raw: &str) -> Option<String> {
    let path = until(raw, &['?']);
    let bytes = path.as_bytes();
    let broken = (0..bytes.len()).any(|at| bytes[at] == b'%' && escape(&bytes[at..]).is_none());
    (!broken).then(|| decoded(path))
}

/// Python, `urllib.parse.urlsplit(url).path`: `//` begins a host, which ends at `/`, `?` or `#`.
fn urlsplit(raw: &str) -> String {
    let path = match raw.strip_prefix("//") {
        Some(rest) => &rest[until(rest, &['/', '?', '#']).len()..],
        None => raw,
    };
    until(path, &['?', '#']).to_owned()
}

/// Python, `http.server`: "//" in front is reduced to one slash, against open redirects.
fn leading_squeezed(raw: &str) -> String {
    if raw.starts_with("//") {
        format!("/{}", raw.trim_start_matches('/'))
    } else {
        raw.to_owned()
    }
}

/// Python, `urlparse`: as `urlsplit`, and the parameters of the last segment are not in `path`.
fn urlparse(raw: &str) -> String {
    let path = urlsplit(raw);
    let last = path.rfind('/').unwrap_or(0);
    let end = last + until(&path[last..], &[';']).len();
    path[..end].to_owned()
}

#[derive(Clone, Copy, PartialEq)]
enum Solidus {
    Reject,
    Decode,
    PassThrough,
}

/// Tomcat, HTTP connector: path parameters are removed, then `%xx` is decoded (`encodedSolidusHandling`
/// for `%2f`), `\` is `/` with `ALLOW_BACKSLASH` and an error without, `//` is `/`, dot segments are
/// resolved, and above the root is an error.
fn tomcat(raw: &str, solidus: Solidus, backslash: bool) -> Route {
    let path = without_parameters(until(raw, &['?', '#']));
    if solidus == Solidus::Reject && path.to_ascii_lowercase().contains("%2f") {
        return None;
    }
    let mut path = unescape(&path, |byte| {
        byte != b'/' || solidus != Solidus::PassThrough
    });
    if path.contains('\\') {
        if !backslash {
            return None;
        }
        path = path.replace('\\', "/");
    }
    segments(&without_dots(&squeezed(&path), true)?)
}

/// Jetty 10, `HttpURI`: dot segments, with `%2e`, are resolved on the wire after parameters are taken
/// off, then segments are decoded. With the ambiguous ones allowed, since some set it.
fn jetty_10(raw: &str) -> Route {
    let path = without_parameters(until(raw, &['?', '#']));
    let path = unescape(&path, |byte| byte == b'.');
    segments(&decoded(&without_dots(&path, true)?))
}

/// Envoy, `HttpConnectionManager`: `path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD`, then
/// `normalize_path` (RFC 3986 by Chromium's library: `\` is `/`, dot segments with `%2e`, empty segments
/// are segments, unreserved characters are decoded), then `merge_slashes`. A `#` is refused.
fn envoy(raw: &str, unescapes: bool, normalizes: bool, merges: bool) -> Option<String> {
    if raw.contains('#') {
        return None;
    }
    let path = until(raw, &['?']);
    let query = &raw[path.len()..];
    let mut path = path.to_owned();
    if unescapes {
        path = unescape(&path, |byte| b"/\\".contains(&byte));
    }
    if normalizes {
        path = unescape(&path, |byte| {
            byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
        });
        path = without_dots(&path.replace('\\', "/"), false)?;
    }
    if merges {
        path = squeezed(&path);
    }
    Some(path + query)
}
