//! What `meshward explain` says of the demonstration's requests is what a real Envoy does with them: status,
//! challenge, what is left of limits, and the body that is redacted.

use std::process::Command;

use envoy_test::client::{Client, Protocol, Request, Response};
use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::{Algorithm, Peers, Token};
use envoy_test::{FILTERS, output_of, paths};
use serde_json::Value;

use crate::texts;

const CONFIGURATION: &str = "envoy-test/envoy/meshward.yaml";

/// A request of `explained/demo.toml`.
struct Asked<'v> {
    words: Vec<&'v str>,
    claims: Option<Value>,
}

impl<'v> Asked<'v> {
    fn of(request: &'v Value) -> Self {
        let claims = request.get("claims").and_then(Value::as_str);
        Self {
            words: texts(&request["words"]),
            claims: claims.map(|text| serde_json::from_str(text).unwrap()),
        }
    }

    fn option(&self, name: &str) -> Option<&'v str> {
        let place = self.words.iter().position(|word| *word == name)?;
        self.words.get(place + 1).copied()
    }

    fn explained(&self) -> Value {
        let claims = tempfile::NamedTempFile::new().unwrap();
        let mut explain = Command::new(paths::command_line().unwrap());
        explain.current_dir(paths::root());
        explain.args(["explain", "--json", "-c", CONFIGURATION]);
        explain.args(&self.words);
        if let Some(text) = &self.claims {
            std::fs::write(claims.path(), text.to_string()).unwrap();
            explain.arg("--claims").arg(claims.path());
        }
        serde_json::from_slice(&output_of(&mut explain).unwrap()).unwrap()
    }

    /// The last response of an Envoy that has seen nothing before.
    fn sent(&self) -> Response {
        let peers = Peers::start().unwrap();
        let options = Options {
            workers: 1,
            ..Options::default()
        };
        let envoy = Envoy::start(&peers.bootstrap(&FILTERS).unwrap(), options).unwrap();
        let line = self.option("--request").unwrap();
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::new(method, path);
        if let Some(claims) = &self.claims {
            let claim = |name: &str| claims[name].as_str().unwrap();
            let token = Token::of(claim("sub")).scope(claim("scope"));
            request = request.bearer(&peers.idp.mint(Algorithm::Rs256, &token).unwrap());
        }
        let client = Client::new(envoy.gateway(), Protocol::Http1);
        let times: u32 = self
            .option("--times")
            .map_or(1, |times| times.parse().unwrap());
        for _ in 1..times {
            client.send(&request).unwrap();
        }
        client.send(&request).unwrap()
    }
}

/// The body without what is each request's own.
fn body(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(mut problem)) if problem.contains_key("request_id") => {
            problem.remove("request_id");
            Value::Object(problem)
        }
        // To the byte, white space and numbers as they are.
        _ => Value::from(text),
    }
}

#[test]
fn explanations_are_what_envoy_does() {
    let table = paths::root().join("shared/cli/tests/explained/demo.toml");
    let table: Value = toml::from_str(&std::fs::read_to_string(table).unwrap()).unwrap();
    let mut compared = 0;
    for request in table["request"].as_array().unwrap() {
        let asked = Asked::of(request);
        let (explained, sent) = (asked.explained(), asked.sent());
        let told = &explained["response"];
        let name = request["name"].as_str().unwrap();
        assert_eq!(told["status"], sent.status, "{name}");
        for header in [
            "content-type",
            "www-authenticate",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
        ] {
            let told = told["headers"][header].as_str().unwrap_or_default();
            assert_eq!(told, sent.header(header), "{name}: {header}");
            compared += usize::from(!told.is_empty());
        }
        // The upstream that is simulated has a body only where one is given.
        if sent.status >= 400 || asked.option("--body").is_some() {
            let told = told["body"].as_str().unwrap();
            assert_eq!(body(told), body(&sent.text()), "{name}");
            compared += 1;
        }
        // What is left is also told of each limit, and the least of it is what the client is told.
        let filters = explained["filters"].as_array().unwrap();
        let limits = filters.iter().find(|one| one["filter"] == "token-bucket");
        let windows = limits.unwrap()["limits"].as_array().unwrap().iter();
        let windows = windows.flat_map(|limit| limit["windows"].as_array().unwrap());
        let left = windows
            .filter_map(|window| window["remaining"].as_u64())
            .min();
        if let Some(left) = left {
            assert_eq!(
                sent.header("x-ratelimit-remaining"),
                left.to_string(),
                "{name}"
            );
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared}");
}
