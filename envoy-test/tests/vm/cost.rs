//! How often a request makes host and VM call each other stays below the ceilings.

use envoy_test::vm::cost;
use host::fake::Request;
use serde_json::{Value, json};

#[test]
fn every_scenario_keeps_to_its_ceiling() {
    let costs = cost::measure().unwrap();
    let table: Vec<String> = costs
        .iter()
        .map(|cost| {
            format!(
                "{:65} {} of {} calls, {} of {} entries, {} instructions: {}",
                cost.scenario,
                cost.calls,
                cost.most_calls,
                cost.entries,
                cost.most_entries,
                cost.instructions,
                cost.by_name
            )
        })
        .collect();
    let table = table.join("\n");
    println!("{table}");
    assert!(costs.iter().all(cost::Cost::is_kept), "{table}");
}

/// Clients choose how often a path can be read, and how many parameters, cookies and items there are. Each rule
/// looks at all of them, so that must be little.
#[test]
fn no_request_costs_much_more_than_others_whatever_it_says() {
    let list = |count: usize, item: &dyn Fn(usize) -> Value| -> Value {
        (0..count).map(item).collect::<Vec<_>>().into()
    };
    let auth = |rules: Value| json!({"rules": rules, "default": "anonymous"});
    let limits = |count: usize, key: &dyn Fn(usize) -> Value| {
        let limit = |n: usize| {
            let key = key(n);
            json!({"name": format!("l{n}"), "match": key.get("match"), "key": [key["key"]], "rate": "1000000/s"})
        };
        let limits = list(count, &limit)
            .to_string()
            .replace(r#""match":null,"#, "");
        serde_json::from_str::<Value>(&format!(r#"{{"limits":{limits}}}"#)).unwrap()
    };
    let paths = auth(list(
        1000,
        &|n| json!({"match": {"paths": [format!("/r{n}/*/items")], "methods": ["GET"]}, "allow": "anonymous"}),
    ));
    let many = auth(list(500, &|n| {
        let paths: Vec<String> = (0..3).map(|m| format!("/api/r{n}/{m}")).collect();
        let hosts = [format!("h{n}.example.com"), format!("i{n}.example.com")];
        json!({"match": {"paths": paths, "methods": ["GET", "PUT"], "hosts": hosts}, "allow": "anonymous"})
    }));
    let by_path = limits(
        64,
        &|n| json!({"key": "ip", "match": {"paths": [format!("/l{n}")]}}),
    );
    let by_query = limits(64, &|n| json!({"key": format!("query:q{n}")}));
    let by_cookie = limits(64, &|n| json!({"key": format!("cookie:q{n}")}));
    let by_header = auth(list(
        300,
        &|n| json!({"match": {"headers": [{"name": "x-tier", "equals": format!("t{n}")}]}, "allow": "anonymous"}),
    ));
    let requests = json!({"rules": [{"allow": "anonymous"}], "requests": list(16, &|n| {
        let names: Vec<String> = (0..5).map(|m| format!("q{n}_{m}")).collect();
        json!({"max_query": names.iter().map(|name| (name.clone(), json!(10))).collect::<serde_json::Map<_, _>>()})
    })});
    let odd = r"/c.json%2f//\%5cb.php%252e%252e";
    let overridden = |mut request: Request| {
        let names = [
            "x-original-url",
            "x-rewrite-url",
            "x-original-uri",
            "x-override-url",
            "x-http-path-override",
            "x-forwarded-uri",
            "x-forwarded-path",
            "x-original-path",
        ];
        for (n, name) in names.iter().enumerate() {
            request = request.header(name, format!(r"/q{n}/..#/%252e%5c//%252e\c.json;xc.json"));
        }
        request
    };
    let parts = |between: &str| -> String {
        let parts = (0..7000).map(|n| format!("a{n}=b"));
        parts.collect::<Vec<_>>().join(between)
    };
    let long = Request::get(&format!("/?{}", parts("&")));
    let cookie = Request::get("/").header("cookie", parts("; "));
    let items = Request::get("/").header("x-tier", parts(","));
    let plain = Request::get("/");
    let mut table = String::new();
    let mut most = 0;
    for (what, module, configuration, request) in [
        (
            "1,000 rules, an odd path",
            "jwt-auth",
            &paths,
            Request::get(odd),
        ),
        (
            "1,000 rules, an odd path and others",
            "jwt-auth",
            &paths,
            overridden(Request::get(odd)),
        ),
        (
            "1,000 rules, other paths",
            "jwt-auth",
            &paths,
            overridden(Request::get("/")),
        ),
        (
            "500 rules of 3 paths, an odd path",
            "jwt-auth",
            &many,
            Request::get(odd),
        ),
        (
            "500 rules of 3 paths, an odd path and others",
            "jwt-auth",
            &many,
            overridden(Request::get(odd)),
        ),
        (
            "64 limits by path",
            "token-bucket",
            &by_path,
            overridden(Request::get(odd)),
        ),
        (
            "64 limits by query",
            "token-bucket",
            &by_query,
            long.clone(),
        ),
        ("64 limits by cookie", "token-bucket", &by_cookie, cookie),
        ("300 rules by header", "jwt-auth", &by_header, items),
        ("16 requests of 5 parameters", "jwt-auth", &requests, long),
    ] {
        let configuration = configuration.to_string();
        let usual = cost::instructions(module, &configuration, &plain).unwrap();
        let worst = cost::instructions(module, &configuration, &request).unwrap();
        table += &format!("{what:50} {usual:>12} {worst:>12}\n");
        most = most.max(worst);
    }
    println!("{table}");
    assert!(most < 50_000_000, "{table}");
}
