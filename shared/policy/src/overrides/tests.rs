#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn of(path: &str, headers: &[(&str, &str)]) -> Overrides {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Overrides::of(OverrideRules::default(), path.as_bytes(), Some(headers))
}

#[test]
fn every_header_of_the_table_is_found_in_every_spelling() {
    for header in OVERRIDE_HEADERS {
        let spellings = [
            header.name.to_owned(),
            header.name.to_uppercase(),
            header.name.replace('-', "_"),
            header.name.replace('-', "."),
        ];
        for name in spellings {
            assert_eq!(find(name.as_bytes()), Some(header.kind), "{name}");
        }
    }
    for name in [
        "x-request-id",
        "host",
        "x-forwarded-for",
        "x-forwarded-hosts",
        "",
    ] {
        assert_eq!(find(name.as_bytes()), None, "{name}");
    }
}

#[test]
fn a_method_in_the_query_counts_however_it_is_spelled() {
    for query in [
        "?_method=PUT",
        "?x=1&_method=PUT",
        "?x=1;_method=PUT",
        "?%5Fmethod=PUT",
        "?_method[]=PUT",
        "?_method%5B0%5D=PUT",
        // PHP makes `_` of these.
        "?.method=PUT",
        "?+_method=PUT",
        "?[method=PUT",
        "?_method%00x=PUT",
        "?_METHOD=PUT",
    ] {
        let found = of(&format!("/{query}"), &[]).methods;
        assert!(
            found.iter().any(|method| method == "PUT"),
            "{query}: {found:?}"
        );
    }
    assert!(of("/?method=PUT&x_method=PUT#_method=PUT", &[]).is_empty());
}

#[test]
fn paths_prefixes_and_hosts_are_told_apart() {
    let found = of(
        "/",
        &[
            ("x-original-url", "/admin?x=1"),
            ("x_rewrite_url", "/a,b"),
            ("x-forwarded-prefix", "/a, /b"),
            ("x-forwarded-host", "A.example.com:8080, b.example.com"),
            (
                "forwarded",
                r#"for=192.0.2.1;host="c.example.com:443";proto=https, Host=d.example.com"#,
            ),
            ("x-forwarded-for", "192.0.2.1"),
        ],
    );
    assert_eq!(found.paths, ["/admin?x=1", "/a,b", "/a", "b"]);
    assert_eq!(found.prefixes, ["/a, /b", "/a", "/b", "/a/b"]);
    let hosts = ["a", "b", "c", "d"].map(|name| format!("{name}.example.com"));
    assert_eq!(found.hosts.names, hosts);
}

#[test]
fn hosts_count_wherever_servers_look_for_them_in_forwarded() {
    for value in [
        r#"for="host=admin.example.com""#,
        "xhost=admin.example.com",
        "by=HOST=admin.example.com;proto=https",
        "for=a host=admin.example.com, for=b",
    ] {
        let found = of("/", &[("forwarded", value)]);
        let is_there = found
            .hosts
            .names
            .iter()
            .any(|name| name == "admin.example.com");
        assert!(is_there || found.hosts.is_any, "{value}: {found:?}");
    }
}

#[test]
fn wordpress_takes_the_path_of_its_api_from_the_query() {
    for (path, expected) in [
        ("/?rest_route=/wp/v2/users", "/wp-json/wp/v2/users"),
        ("/index.php?a=b&rest_route=wp/v2", "/wp-json/wp/v2"),
        ("/blog/?rest.route=%2Fwp%2Fv2", "/blog/wp-json/wp/v2"),
        ("/%3Frest_route=/wp", "/wp-json/wp"),
    ] {
        assert_eq!(of(path, &[]).paths, [expected], "{path}");
    }
    assert!(of("/?route=/wp/v2", &[]).paths.is_empty());
}

#[test]
fn an_address_that_overrides_the_path_names_a_host() {
    for path in [
        "https://admin.example.com/x",
        "HTTP://ADMIN.example.com:80",
        "//admin.example.com/x",
    ] {
        let found = of("/", &[("x-original-url", path)]);
        assert_eq!(found.hosts.names, ["admin.example.com"], "{path}");
    }
    assert!(of("/", &[("x-original-url", "https://u@h/x")]).hosts.is_any);
    assert!(of("/", &[("x-original-url", "/a//b.example.com")]).hosts == OtherHosts::NONE);
}

#[test]
fn too_many_paths_may_give_any_method() {
    let nine: Vec<String> = (0..9).map(|n| format!("/p{n}?a=1")).collect();
    let headers = [
        ("x-original-url", nine.join(",")),
        ("x-rewrite-url", "/x?_method=DELETE".to_owned()),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert!(of("/x", &headers).methods.len() > MAX_VALUES);
}

#[test]
fn what_is_ignored_or_stripped_does_not_count() {
    let headers = [
        ("x-original-url", "/admin"),
        ("x-host", "b"),
        ("x-http-method", "PUT"),
    ];
    for policy in [OverridePolicy::Ignore, OverridePolicy::Strip] {
        let rules = OverrideRules {
            method: policy,
            path: policy,
            host: policy,
        };
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let found = Overrides::of(rules, b"/?_method=PUT", Some(pairs));
        let counted: &[&str] = match policy {
            OverridePolicy::Strip => &["PUT"],
            _ => &[],
        };
        assert_eq!(found.methods, counted);
        assert!(!found.concern_path() && found.hosts == OtherHosts::NONE);
    }
}

#[test]
fn thousands_of_values_are_a_few_too_many() {
    let query: String = (0..5000).map(|n| format!("_method={n}&")).collect();
    let found = of(&format!("/?{query}"), &[]);
    assert_eq!(found.methods.len(), MAX_VALUES + 1);
    let lines: Vec<String> = (0..5000).map(|n| format!("h{n}")).collect();
    let found = of("/", &[("x-forwarded-host", &lines.join(","))]);
    assert!(found.hosts.is_any);
}

#[test]
fn the_readme_has_the_table() {
    let table: String = OVERRIDE_HEADERS
        .iter()
        .map(|header| {
            let kind = header.kind.describe();
            format!("| `{}` | {kind} | {} |\n", header.name, header.read_by)
        })
        .collect();
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table), "the README lacks\n{table}");
}
