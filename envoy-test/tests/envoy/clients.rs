//! Clients as people have them, not ours: curl, h2load, Python's requests, httpx and grpcio, Node's fetch, and a
//! browser. What they run is in `envoy-test/clients`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use envoy_test::client::{Client, Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Algorithm, Peers, Token};
use envoy_test::{FILTERS, output_of, paths, poll};
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    paths::root().join("envoy-test/clients").join(name)
}

/// A server that prints its port. It ends when its standard input does, which this process holds: what a
/// static has is never dropped.
struct Server {
    address: SocketAddr,
    process: Child,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = pipes.spawn().unwrap();
        let mut line = String::new();
        let mut printed = BufReader::new(process.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { address, process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The bundle, with what browsers and gRPC-Web need before it, and services that speak what the clients do.
struct Gateway {
    peers: Peers,
    upstream: Server,
    _grpc: Server,
    envoy: Envoy,
}

fn python() -> Command {
    Command::new(paths::clients().unwrap().join("venv/bin/python"))
}

impl Gateway {
    fn start() -> Self {
        let peers = Peers::start().unwrap();
        let upstream = Server::start(Command::new("node").arg(file("upstream.mjs")));
        let grpc = Server::start(python().arg(file("clients.py")).arg("serve"));
        let mut bootstrap = peers.bootstrap(&FILTERS).unwrap();
        bootstrap
            .move_cluster("upstream", upstream.address)
            .unwrap();
        configure(&mut bootstrap);
        speak_grpc(&mut bootstrap, grpc.address);
        serve_browsers(&mut bootstrap);
        bootstrap.bundle().unwrap();
        let options = Options {
            workers: 2,
            ..Options::default()
        };
        let envoy = Envoy::start(&bootstrap, options).unwrap();
        Self {
            peers,
            upstream,
            _grpc: grpc,
            envoy,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.envoy.gateway())
    }

    fn token(&self, subject: &str, scope: &str) -> String {
        let token = Token::of(subject).scope(scope);
        self.peers.idp.mint(Algorithm::Rs256, &token).unwrap()
    }

    /// Runs a program of the folder, which fails by itself.
    fn run(&self, client: &mut Command, subject: &str) {
        let reader = self.token(subject, "orders:read");
        client
            .env("GATEWAY", self.url())
            .env("UPSTREAM", format!("http://{}", self.upstream.address))
            .env("TOKEN", &reader)
            .env("READER", &reader)
            .env(
                "DOCTOR",
                self.token(&format!("{subject}-doctor"), "patients:read"),
            )
            .env(
                "BUSY",
                self.token(&format!("{subject}-busy"), "orders:read"),
            )
            .env("no_proxy", "127.0.0.1");
        let printed = output_of(client).unwrap();
        assert!(String::from_utf8_lossy(&printed).contains("all passed"));
    }
}

/// All rooms share one: each client is a subject of its own.
static GATEWAY: LazyLock<Gateway> = LazyLock::new(Gateway::start);

/// Changes a part of the configuration of a filter.
fn change(bootstrap: &mut Bootstrap, filter: &str, change: impl FnOnce(&mut Value)) {
    let text = bootstrap.configuration(filter).unwrap();
    let mut configuration = serde_json::from_str(&text).unwrap();
    change(&mut configuration);
    bootstrap
        .configure(filter, &configuration.to_string())
        .unwrap();
}

/// The demonstration's rules, and some for events, sockets and gRPC. A browser cannot send a header with an
/// `EventSource` or a `WebSocket`, so the token may be in the query.
fn configure(bootstrap: &mut Bootstrap) {
    change(bootstrap, "jwt-auth", |auth| {
        auth["cors_preflight"] = json!("allow");
        auth["providers"]["corp"]["from"] = json!([
            {"header": "authorization", "prefix": "Bearer "},
            {"query": "access_token"},
        ]);
        let rules = auth["rules"].as_array_mut().unwrap();
        let scopes = ["orders:read"];
        let more = [
            json!({"match": {"paths": ["/events/**", "/ws"]}, "require": {"provider": "corp"}}),
            json!({"match": {"paths": ["/shop.Orders/*"]}, "require": {"provider": "corp", "scopes": scopes}}),
        ];
        rules.extend(more);
    });
    change(bootstrap, "pii-redactor", |redact| {
        let paths = &mut redact["rules"][0]["match"]["paths"];
        paths.as_array_mut().unwrap().push(json!("/events/**"));
    });
}

/// A route to the gRPC service, over HTTP/2.
fn speak_grpc(bootstrap: &mut Bootstrap, service: SocketAddr) {
    let clusters = &mut bootstrap.tree()["static_resources"]["clusters"];
    let clusters = clusters.as_array_mut().unwrap();
    let mut cluster = clusters[0].clone();
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    cluster["name"] = json!("grpc");
    cluster["load_assignment"]["cluster_name"] = json!("grpc");
    cluster["typed_extension_protocol_options"] = json!({options: {
        "@type": format!("type.googleapis.com/{options}"),
        "explicit_http_config": {"http2_protocol_options": {}},
    }});
    clusters.push(cluster);
    bootstrap.move_cluster("grpc", service).unwrap();
    let hosts = &mut bootstrap.connection_manager().unwrap()["route_config"]["virtual_hosts"];
    let route =
        json!({"name": "grpc", "match": {"prefix": "/shop.Orders/"}, "route": {"cluster": "grpc"}});
    hosts[0]["routes"].as_array_mut().unwrap().insert(0, route);
}

/// Envoy's own filters for gRPC-Web and CORS stand before the chain, so that refusals have their headers, too. One
/// host answers preflights itself: there they have to pass the chain.
fn serve_browsers(bootstrap: &mut Bootstrap) {
    let manager = bootstrap.connection_manager().unwrap();
    manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
    let kind = |name: &str| format!("type.googleapis.com/envoy.extensions.filters.http.{name}");
    let before = [
        ("envoy.filters.http.grpc_web", "grpc_web.v3.GrpcWeb"),
        ("envoy.filters.http.cors", "cors.v3.Cors"),
    ];
    let before = before
        .map(|(name, message)| json!({"name": name, "typed_config": {"@type": kind(message)}}));
    let filters = manager["http_filters"].as_array_mut().unwrap();
    filters.splice(0..0, before);
    let hosts = manager["route_config"]["virtual_hosts"]
        .as_array_mut()
        .unwrap();
    let mut itself = hosts[0].clone();
    itself["name"] = json!("itself");
    itself["domains"] = json!(["itself.test"]);
    hosts.push(itself);
    hosts[0]["typed_per_filter_config"] = json!({"envoy.filters.http.cors": {
        "@type": kind("cors.v3.CorsPolicy"),
        "allow_origin_string_match": [{"safe_regex": {"regex": "http://127[.]0[.]0[.]1:[0-9]+"}}],
        "allow_methods": "GET, POST",
        "allow_headers": "authorization",
        "expose_headers": "x-ratelimit-remaining, www-authenticate",
    }});
}

fn curl(arguments: &[&str]) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--noproxy", "*", "--max-time", "20"]);
    curl.args(arguments).output().unwrap()
}

#[test]
fn curl_gets_the_same_statuses_over_both_protocols_and_may_take_its_time() {
    let url = |path: &str| format!("{}{path}", GATEWAY.url());
    let bearer = format!(
        "authorization: Bearer {}",
        GATEWAY.token("curl", "orders:read")
    );
    for protocol in ["--http1.1", "--http2-prior-knowledge"] {
        let status = |more: &[&str]| {
            let asked = [
                &[
                    protocol,
                    "--output",
                    "/dev/null",
                    "--write-out",
                    "%{http_code}",
                ],
                more,
            ]
            .concat();
            String::from_utf8(curl(&asked).stdout).unwrap()
        };
        assert_eq!(status(&[&url("/orders/17")]), "401");
        assert_eq!(status(&["--header", &bearer, &url("/orders/17")]), "200");
        assert_eq!(status(&["--header", &bearer, &url("/patients/7")]), "403");
        // The rule is for GET, and servers answer HEAD with what they have for it: whether it applies is not certain.
        let head = ["--header", &bearer, "--head", &url("/orders/17")];
        assert_eq!(status(&head), "400");
        // A body that is announced first, and sent when the gateway says so.
        let body = [
            "--header",
            &bearer,
            "--header",
            "expect: 100-continue",
            "--data",
            "x=1",
        ];
        assert_eq!(status(&[&body[..], &[&url("/echo")]].concat()), "200");
    }
}

#[test]
fn preflights_pass_for_what_some_rule_allows_and_only_for_that() {
    let preflight = |method: &str, path: &str| {
        let asks = format!("access-control-request-method: {method}");
        let url = format!("{}{path}", GATEWAY.url());
        let host = [
            "--request",
            "OPTIONS",
            "--header",
            "host: itself.test",
            "--header",
            "origin: http://shop.test",
        ];
        let printed = curl(&[&host[..], &["--header", &asks, "--include", &url]].concat()).stdout;
        String::from_utf8(printed).unwrap().to_lowercase()
    };
    let passed = preflight("GET", "/orders/17");
    assert!(passed.starts_with("http/1.1 204"), "{passed}");
    assert!(
        passed.contains("access-control-allow-origin: *"),
        "{passed}"
    );
    for (method, path) in [("DELETE", "/orders/17"), ("GET", "/nowhere")] {
        let refused = preflight(method, path);
        assert!(
            refused.starts_with("http/1.1 403"),
            "{method} {path}: {refused}"
        );
    }
}

#[test]
fn h2load_gets_what_the_limit_allows_and_no_connection_breaks() {
    let bearer = format!(
        "authorization: Bearer {}",
        GATEWAY.token("h2load", "orders:read")
    );
    let mut load = Command::new(paths::clients().unwrap().join("h2load"));
    load.args([
        "--requests=200",
        "--clients=4",
        "--max-concurrent-streams=10",
    ]);
    let url = format!("{}/orders/17", GATEWAY.url());
    let printed = output_of(load.args(["--header", &bearer, &url])).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let line = printed
        .lines()
        .find(|line| line.starts_with("status codes:"));
    let numbers = line.unwrap().split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
    // 20 2xx, 0 3xx, 180 4xx, 0 5xx: each number with its class behind it.
    let [passed, 2, 0, 3, refused, 4, 0, 5] = numbers[..] else {
        panic!("{printed}");
    };
    assert!((20..60).contains(&passed), "{printed}");
    assert_eq!(passed + refused, 200, "{printed}");
    assert!(
        printed.contains("0 failed, 0 errored, 0 timeout"),
        "{printed}"
    );
}

#[test]
fn node_streams_fetches_upgrades_and_speaks_grpc_web() {
    GATEWAY.run(Command::new("node").arg(file("fetch.mjs")), "node");
}

#[test]
fn python_has_requests_httpx_and_grpcio() {
    GATEWAY.run(
        python().arg(file("clients.py")).arg(GATEWAY.url()),
        "python",
    );
}

#[test]
fn a_browser_of_another_origin_fetches_listens_and_opens_a_socket() {
    let found = output_of(&mut Command::new(
        paths::root().join("envoy-test/setup/chromium.sh"),
    ))
    .unwrap();
    let browser = String::from_utf8(found).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let token = GATEWAY.token("browser", "orders:read");
    let page = format!(
        "http://{}/page?gateway={}&token={token}",
        GATEWAY.upstream.address,
        GATEWAY.url()
    );
    let log = profile.path().join("log");
    let process = Command::new(browser.trim())
        .args(["--no-proxy-server", "--remote-debugging-port=0"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(page)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let _browser = Server {
        address: GATEWAY.upstream.address,
        process,
    };
    let upstream = Client::new(GATEWAY.upstream.address, Protocol::Http1);
    let result = poll(PATIENCE.as_secs(), || {
        let response = upstream.send(&Request::get("/result")).unwrap();
        (response.status == 200).then(|| response.json())
    });
    let result = result.unwrap_or_else(|| panic!("{}", fs::read_to_string(&log).unwrap()));
    let expected = json!({
        "fetch": 200,
        "remaining": true,
        "refused": 401,
        "challenge": "Bearer",
        "problem": "urn:problem-type:meshward:token_malformed",
        "events": ["[EMAIL]", "[EMAIL]", "[EMAIL]"],
        "socket": "hello",
        "anonymous_socket": "refused",
    });
    assert_eq!(result, expected);
}

const PATIENCE: Duration = Duration::from_secs(60);
