//! What known servers choose, and where it is written.
//!
//! The readings of a path are not taken from this table: they are all combinations of the choices,
//! so that a server which is not here, or a framework on one, is covered by what it chooses. The
//! table says which choices there have to be; each row has a model in the tests.

/// A server, or what an application sees of a path on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The name of the server.
    pub name: &'static str,
    /// What it does with a path, in order.
    pub steps: &'static [Step],
    /// The documentation or source that says so.
    pub source: &'static str,
}

/// One thing that is done with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What follows a `#` is no path.
    Fragment,
    /// What follows a `;` is the query.
    Semicolon,
    /// `//x/` in front names a host.
    Host,
    /// Takes a backslash for a slash.
    Backslash,
    /// `;x` is cut off every segment.
    Parameters,
    /// `;x` is cut off the last segment.
    LastParameters,
    /// Only `%2F` and `%5C` are decoded.
    DecodeSlashes,
    /// Everything is decoded, and `%2F` separates.
    Decode,
    /// Everything is decoded, and `%2F` does not separate.
    DecodeWithin,
    /// Only characters that never need an escape are decoded.
    DecodeUnreserved,
    /// What was decoded is cut at `?` and `#`.
    DecodedQuery,
    /// Drops empty segments.
    Merge,
    /// Empty segments in front go.
    MergeLeading,
    /// Resolves the segments `.` and `..`.
    Dots,
    /// Dot segments are resolved, `%2e` among them.
    EscapedDots,
    /// Dots and blanks at the end go.
    Trim,
    /// Dots and blanks at the end of segments go.
    TrimSegments,
    /// Blanks around segments go.
    Blanks,
    /// A segment such as `(S(x))` holds a session.
    Sessions,
    /// `.json` at the end is no part of the route.
    Extension,
    /// A segment such as `index.php` is no part of the route.
    Script,
}

impl Step {
    /// The step in the table of the documentation.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Fragment => "cut at `#`",
            Self::Semicolon => "cut at `;`",
            Self::Host => "`//host` off",
            Self::Backslash => "`\\` is `/`",
            Self::Parameters => "`;x` off",
            Self::LastParameters => "last `;x` off",
            Self::DecodeSlashes => "decode `%2F` `%5C`",
            Self::Decode => "decode",
            Self::DecodeWithin => "decode, `%2F` stays within",
            Self::DecodeUnreserved => "decode letters, digits, `-._~`",
            Self::DecodedQuery => "cut at decoded `?` `#`",
            Self::Merge => "merge `//`",
            Self::MergeLeading => "merge `//` in front",
            Self::Dots => "resolve dots",
            Self::EscapedDots => "resolve dots and `%2e`",
            Self::Trim => "dots and blanks off the end",
            Self::TrimSegments => "dots and blanks off segments",
            Self::Blanks => "blanks off both ends of segments",
            Self::Sessions => "`(S(x))` off",
            Self::Extension => "look past `.json`",
            Self::Script => "look past `index.php`",
        }
    }
}

/// The servers that are known. Every one of them cuts the path at a raw `?` first.
pub const SERVERS: &[Server] = &[
    server(
        "nginx",
        &[Step::Fragment, Step::Decode, Step::Merge, Step::Dots],
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#location",
    ),
    server(
        "nginx, `merge_slashes off`",
        &[Step::Fragment, Step::Decode, Step::Dots],
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#merge_slashes",
    ),
    server(
        "Apache httpd 2.4.49+",
        &[
            Step::Fragment,
            Step::DecodeUnreserved,
            Step::Merge,
            Step::Dots,
            Step::Decode,
            Step::Merge,
            Step::Dots,
        ],
        "https://httpd.apache.org/docs/2.4/mod/core.html#mergeslashes",
    ),
    server(
        "Apache httpd, `AllowEncodedSlashes NoDecode`",
        &[
            Step::Fragment,
            Step::DecodeUnreserved,
            Step::Merge,
            Step::Dots,
            Step::DecodeWithin,
        ],
        "https://httpd.apache.org/docs/2.4/mod/core.html#allowencodedslashes",
    ),
    server(
        "Apache httpd, `mapping=servlet`",
        &[
            Step::Fragment,
            Step::Parameters,
            Step::DecodeUnreserved,
            Step::Merge,
            Step::Dots,
            Step::Decode,
        ],
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass",
    ),
    server(
        "Node.js, `new URL()`",
        &[
            Step::Fragment,
            Step::Backslash,
            Step::Host,
            Step::EscapedDots,
        ],
        "https://url.spec.whatwg.org/#path-state",
    ),
    server(
        "Node.js, `new URL()`, decoded",
        &[
            Step::Fragment,
            Step::Backslash,
            Step::Host,
            Step::EscapedDots,
            Step::Decode,
        ],
        "https://url.spec.whatwg.org/#path-state",
    ),
    server(
        "Node.js, `url.parse()`",
        &[Step::Fragment, Step::Backslash],
        "https://nodejs.org/api/url.html#legacy-url-api",
    ),
    server(
        "Node.js, `url.parse()`, decoded and `path.normalize()`",
        &[
            Step::Fragment,
            Step::Backslash,
            Step::Decode,
            Step::Merge,
            Step::Dots,
        ],
        "https://nodejs.org/api/path.html#pathnormalizepath",
    ),
    server(
        "Express, Tornado",
        &[Step::DecodeWithin],
        "https://expressjs.com/en/guide/routing.html",
    ),
    server(
        "Fastify 4, restify",
        &[Step::Fragment, Step::Semicolon, Step::DecodeWithin],
        "https://fastify.dev/docs/v4.29.x/Reference/Server/#usesemicolondelimiter",
    ),
    server(
        "Go, `URL.Path`",
        &[Step::Decode],
        "https://pkg.go.dev/net/url#URL",
    ),
    server(
        "Go, `ServeMux`",
        &[Step::Decode, Step::Merge, Step::Dots],
        "https://pkg.go.dev/net/http#ServeMux",
    ),
    server(
        "Go 1.22, `ServeMux`",
        &[Step::Merge, Step::Dots, Step::DecodeWithin],
        "https://pkg.go.dev/net/http#ServeMux",
    ),
    server(
        "Caddy, `path`",
        &[Step::Decode, Step::Trim, Step::Merge, Step::Dots],
        "https://caddyserver.com/docs/caddyfile/matchers#path",
    ),
    server(
        "Python, WSGI and ASGI",
        &[Step::Decode],
        "https://peps.python.org/pep-3333/#environ-variables",
    ),
    server(
        "Python, `wsgiref`",
        &[Step::MergeLeading, Step::Decode],
        "https://docs.python.org/3/library/wsgiref.html#module-wsgiref.simple_server",
    ),
    server(
        "Python, Gunicorn",
        &[Step::Fragment, Step::Decode],
        "https://docs.python.org/3/library/urllib.parse.html#urllib.parse.urlsplit",
    ),
    server(
        "Python, `urlparse()`, decoded",
        &[
            Step::Fragment,
            Step::Host,
            Step::LastParameters,
            Step::Decode,
        ],
        "https://docs.python.org/3/library/urllib.parse.html#urllib.parse.urlparse",
    ),
    server(
        "Python, `http.server`",
        &[Step::Fragment, Step::Decode, Step::Merge, Step::Dots],
        "https://docs.python.org/3/library/http.server.html",
    ),
    server(
        "Tomcat",
        &[
            Step::Fragment,
            Step::Parameters,
            Step::Decode,
            Step::Merge,
            Step::Dots,
        ],
        "https://tomcat.apache.org/tomcat-10.1-doc/config/http.html",
    ),
    server(
        "Tomcat, `allowBackslash`; Undertow",
        &[
            Step::Fragment,
            Step::Parameters,
            Step::Decode,
            Step::Backslash,
            Step::Merge,
            Step::Dots,
        ],
        "https://tomcat.apache.org/tomcat-10.1-doc/config/http.html",
    ),
    server(
        "Jetty 9",
        &[Step::Fragment, Step::Parameters, Step::Decode, Step::Dots],
        "https://jetty.org/docs/jetty/10/programming-guide/server/compliance.html",
    ),
    server(
        "Jetty 10+",
        &[
            Step::Fragment,
            Step::Parameters,
            Step::EscapedDots,
            Step::Decode,
        ],
        "https://jetty.org/docs/jetty/12/programming-guide/server/compliance.html",
    ),
    server(
        "Spring, `AntPathMatcher`",
        &[Step::Parameters, Step::Decode, Step::Merge],
        "https://docs.spring.io/spring-framework/reference/web/webmvc/mvc-controller/ann-requestmapping.html",
    ),
    server(
        "Spring before 4.3, `AntPathMatcher`",
        &[Step::Parameters, Step::Decode, Step::Merge, Step::Blanks],
        "https://nvd.nist.gov/vuln/detail/CVE-2016-5007",
    ),
    server(
        "Spring, `PathPattern`",
        &[Step::Parameters, Step::DecodeWithin],
        "https://docs.spring.io/spring-framework/docs/current/javadoc-api/org/springframework/web/util/pattern/PathPattern.html",
    ),
    server(
        "ASP.NET Core, Kestrel",
        &[Step::Fragment, Step::DecodeWithin, Step::Dots],
        "https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel",
    ),
    server(
        "IIS, HTTP.sys",
        &[
            Step::Fragment,
            Step::Decode,
            Step::Backslash,
            Step::Merge,
            Step::Dots,
        ],
        "https://learn.microsoft.com/windows/win32/http/url-canonicalization",
    ),
    server(
        "ASP.NET, behind IIS",
        &[
            Step::Fragment,
            Step::Decode,
            Step::Backslash,
            Step::Merge,
            Step::Dots,
            Step::Sessions,
        ],
        "https://learn.microsoft.com/dotnet/api/system.web.configuration.sessionstatesection.cookieless",
    ),
    server(
        "Windows file systems, behind IIS",
        &[
            Step::Fragment,
            Step::Decode,
            Step::Backslash,
            Step::Merge,
            Step::Dots,
            Step::TrimSegments,
        ],
        "https://learn.microsoft.com/dotnet/standard/io/file-path-formats#trim-characters",
    ),
    server(
        "Rails",
        &[Step::Fragment, Step::Merge, Step::Decode],
        "https://guides.rubyonrails.org/routing.html",
    ),
    server(
        "Rails, `(.:format)`",
        &[Step::Fragment, Step::Merge, Step::Decode, Step::Extension],
        "https://guides.rubyonrails.org/routing.html#bound-parameters",
    ),
    server(
        "Django REST framework, `format_suffix_patterns`",
        &[Step::Decode, Step::Extension],
        "https://www.django-rest-framework.org/api-guide/format-suffixes/",
    ),
    server(
        "Spring before 5.3, suffix patterns",
        &[Step::Parameters, Step::Decode, Step::Merge, Step::Extension],
        "https://docs.spring.io/spring-framework/docs/5.2.x/spring-framework-reference/web.html#mvc-ann-requestmapping-suffix-pattern-match",
    ),
    server(
        "PHP, `REQUEST_URI`",
        &[Step::Decode],
        "https://www.php.net/manual/reserved.variables.server.php",
    ),
    server(
        "Laravel, Symfony, WordPress, `index.php/`",
        &[Step::Decode, Step::Script],
        "https://www.php.net/manual/reserved.variables.server.php",
    ),
    server(
        "PHP-FPM behind nginx, `PATH_INFO`",
        &[
            Step::Fragment,
            Step::Decode,
            Step::Merge,
            Step::Dots,
            Step::Script,
        ],
        "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_split_path_info",
    ),
    server(
        "Envoy, `normalize_path`",
        &[Step::DecodeUnreserved, Step::Backslash, Step::EscapedDots],
        "https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    ),
    server(
        "Envoy, `UNESCAPE_AND_FORWARD`, `normalize_path`, `merge_slashes`",
        &[
            Step::DecodeSlashes,
            Step::DecodeUnreserved,
            Step::Backslash,
            Step::EscapedDots,
            Step::Merge,
        ],
        "https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    ),
    server(
        "a proxy that decodes, and a server that decodes",
        &[Step::Decode, Step::DecodedQuery, Step::Decode],
        "https://cwe.mitre.org/data/definitions/174.html",
    ),
];

const fn server(name: &'static str, steps: &'static [Step], source: &'static str) -> Server {
    Server {
        name,
        steps,
        source,
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_table() {
        let rows = SERVERS.iter().map(|server| {
            let steps: Vec<&str> = server.steps.iter().map(|step| step.describe()).collect();
            format!(
                "| [{}]({}) | {} |\n",
                server.name,
                server.source,
                steps.join("; ")
            )
        });
        let table: String =
            std::iter::once("| server | reads a path so |\n| --- | --- |\n".to_owned())
                .chain(rows)
                .collect();
        let readme = include_str!("../../README.md");
        assert!(
            readme.contains(&table),
            "README.md lacks this table:\n{table}"
        );
    }
}
