//! `meshward explain`: what a code means, or what the filters would do with a request, and why.

mod request;

use std::net::IpAddr;

use cases::TlsVersion;
use inspect::check::codes;

use crate::exit;
use crate::output::say;
use crate::simulated::Host;

/// Says what a code of `check` means, or what a configuration does with a request, and why
///
/// With --config and --request the filters of the configuration (or of the manifest that it stands in)
/// run in a simulated proxy, on their own code, with nothing used up yet. For each filter it says which
/// rule matches and why the others do not, what is decided, which limits count the request, what would be
/// redacted, and what the audit record says. Nothing is sent anywhere.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  meshward explain MW1203
  meshward explain fail_open
  meshward explain -c limits.json --request 'GET /search' --client 203.0.113.7
  meshward explain -c envoy.yaml --request 'GET /orders/17' --claims claims.json
  meshward explain -c redact.json --request 'GET /patients/7' --response 'HTTP/1.1 200' --body body.json --json
  meshward explain -c auth.json --request 'GET /ledger/1' --certificate uri_san=spiffe://example.com/ns/billing/sa/job")]
pub(crate) struct Arguments {
    /// The number or the name of a finding; without one, and without --config, all are listed
    code: Option<String>,
    #[command(flatten)]
    request: RequestArguments,
}

/// A request, and what it is tried with.
#[derive(clap::Args)]
pub(crate) struct RequestArguments {
    /// A configuration, or a manifest with some
    #[arg(
        long,
        short,
        value_name = "FILE",
        conflicts_with = "code",
        requires = "request"
    )]
    config: Option<String>,
    /// Which filter of the manifest, or whose configuration it is; `meshward` for all in one
    #[arg(long, value_name = "FILTER", requires = "config")]
    filter: Option<String>,
    /// The request: "GET /orders/17"
    #[arg(long, value_name = "METHOD PATH", requires = "config")]
    request: Option<String>,
    /// A header of the request: "authorization: Bearer ..."; more than once for several
    #[arg(
        long = "header",
        short = 'H',
        value_name = "NAME: VALUE",
        requires = "request"
    )]
    headers: Vec<String>,
    /// A file with the body of the request
    #[arg(long, value_name = "FILE", requires = "request")]
    request_body: Option<String>,
    /// A file with the verified claims of the caller, as JSON, in place of a token
    #[arg(long, value_name = "FILE", requires = "request")]
    claims: Option<String>,
    /// A file with the keys that providers respond with, for tokens in a header
    #[arg(long, value_name = "FILE", requires = "request")]
    jwks: Option<String>,
    /// The address that the request comes from
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "request",
        default_value = "127.0.0.1"
    )]
    client: IpAddr,
    /// The name of the route
    #[arg(long, value_name = "NAME", requires = "request")]
    route: Option<String>,
    /// The connection has TLS of this version: 1.3; with --certificate it has 1.3 by default
    #[arg(long, value_name = "VERSION", requires = "request")]
    tls: Option<TlsVersion>,
    /// What the proxy tells of the certificate that the client shows: uri_san=spiffe://example.com/job,
    /// dns_san=..., subject=CN=..., sha256=...; more than once for several
    #[arg(long, value_name = "FIELD=VALUE", requires = "request")]
    certificate: Vec<String>,
    /// What the upstream responds: "HTTP/1.1 200"; 200 by default
    #[arg(long, value_name = "STATUS LINE", requires = "request")]
    response: Option<String>,
    /// A header of the response; more than once for several
    #[arg(
        long = "response-header",
        value_name = "NAME: VALUE",
        requires = "request"
    )]
    response_headers: Vec<String>,
    /// A file with the body of the response
    #[arg(long, value_name = "FILE", requires = "request")]
    body: Option<String>,
    /// An environment variable of the filters; those that are not given are made up
    #[arg(long, value_name = "NAME=VALUE", requires = "request")]
    env: Vec<String>,
    /// The same request so many times: the last is explained
    #[arg(long, value_name = "TIMES", requires = "request", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    times: u32,
    /// The time of the request, as 2026-06-01T00:00:00Z; by default now
    #[arg(long, value_name = "TIME", requires = "request")]
    at: Option<String>,
    /// The host that is simulated; by default that of the manifest, or Envoy
    #[arg(long, value_enum, value_name = "HOST", requires = "request")]
    host: Option<Host>,
    /// One document, for programs
    #[arg(long, requires = "request")]
    json: bool,
}

/// Explains.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    if arguments.request.config.is_some() {
        return request::run(&arguments.request).unwrap_or_else(|message| {
            eprintln!("meshward explain: {message}");
            exit::NOT_DONE
        });
    }
    let Some(word) = &arguments.code else {
        for code in codes::ALL {
            say!("{} {}", code.id, code.name);
        }
        return exit::RIGHT;
    };
    let Some(code) = codes::find(word) else {
        let names = codes::ALL.iter().flat_map(|code| [code.id, code.name]);
        let near = policy::nearest(word, names);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        eprintln!("meshward explain: no such code: {word}{hint}");
        return exit::USAGE;
    };
    say!("{} {}\n\n{}", code.id, code.name, code.about);
    exit::RIGHT
}
