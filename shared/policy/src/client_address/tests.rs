#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::config;

fn ip(text: &str) -> IpAddr {
    parse(text).unwrap()
}

fn rules(text: &str) -> ClientAddress {
    config::read(text, |n| ClientAddress::read(&n)).unwrap()
}

/// The client of a request from `proxy` with these headers.
fn client(rules: &ClientAddress, proxy: &str, headers: &[(&str, &str)]) -> Option<String> {
    let header = |name: &str| {
        let lines: Vec<&str> = headers
            .iter()
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| *value)
            .collect();
        (!lines.is_empty()).then(|| lines.join(","))
    };
    let found = rules.of(|| parse(proxy), header);
    found.map(|ip| ip.to_string())
}

#[test]
fn addresses_as_proxies_write_them() {
    for (text, expected) in [
        ("1.2.3.4", "1.2.3.4"),
        (" 1.2.3.4:567 ", "1.2.3.4"),
        ("::1", "::1"),
        ("[::1]:567", "::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:80", "1.2.3.4"),
        ("64:ff9b::192.0.2.33", "192.0.2.33"),
        ("64:ff9b:1::192.0.2.33", "64:ff9b:1::c000:221"),
    ] {
        assert_eq!(ip(text).to_string(), expected);
    }
    for text in [
        "",
        "x",
        "unknown",
        "1.2.3",
        "[::1",
        "[::1]x:y",
        "[::1]:x",
        "/tmp/socket",
        "1.2.3.4:5:6",
        "1.2.3.4:",
        "1.2.3.4:x",
        "fe80::1%eth0",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn neighbours_in_a_network_are_one_client() {
    let network = |text| Network::of(ip(text), Prefixes::default());
    assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
    assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    assert_ne!(network("1.2.3.4"), network("1.2.3.5"));
    // The spellings of one IPv4 address are one client, and two of them are not one /64.
    for spelling in ["::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "1.2.3.4:567"] {
        assert_eq!(network("1.2.3.4"), network(spelling), "{spelling}");
    }
    assert_ne!(network("64:ff9b::1.2.3.4"), network("64:ff9b::1.2.3.5"));
    assert_eq!(network("1.2.3.4").to_string(), "1.2.3.4");
    assert_eq!(network("2001:db8::1").to_string(), "2001:db8::/64");
}

#[test]
fn ranges_contain() {
    let contains = |range, address| IpRange::parse(range).unwrap().contains(ip(address));
    assert!(contains("10.0.0.0/8", "10.255.0.1"));
    assert!(!contains("10.0.0.0/8", "11.0.0.1"));
    assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert!(contains("::ffff:10.0.0.0/104", "10.0.0.1"));
    assert!(contains("::ffff:10.0.0.7", "10.0.0.7"));
    assert!(!contains("::ffff:10.0.0.7", "10.0.0.8"));
    assert!(contains("64:ff9b::10.0.0.0/104", "10.0.0.1"));
    assert!(contains("0.0.0.0/0", "1.2.3.4"));
    assert!(!contains("0.0.0.0/0", "2001:db8::1"));
    assert!(contains("192.0.2.7", "192.0.2.7"));
    assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
    for range in [
        "10.0.0.0/33",
        "10.0.0/8",
        "x",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "::/129",
        "10.0.0.0/",
    ] {
        assert!(IpRange::parse(range).is_err(), "{range}");
    }
}

#[test]
fn without_configuration_the_proxy_says_who_it_is() {
    let rules = rules("{}");
    let forged = [("x-forwarded-for", "198.51.100.1")];
    let found = client(&rules, "192.0.2.1:4711", &forged);
    assert_eq!(found.as_deref(), Some("192.0.2.1"));
    assert_eq!(client(&rules, "/run/proxy.sock", &forged), None);
}

#[test]
fn hops_are_counted_from_the_right_over_all_lines() {
    let rules = rules(r#"{"trusted_hops":2}"#);
    let of = |lines: &[&str]| {
        let headers: Vec<_> = lines
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        client(&rules, "10.0.0.1", &headers)
    };
    for lines in [
        &["192.0.2.1, 10.0.0.2"][..],
        &["198.51.100.1, 192.0.2.1, 10.0.0.2"],
        &["198.51.100.1", "192.0.2.1", "10.0.0.2"],
        &["198.51.100.1", "192.0.2.1, 10.0.0.2"],
        &["evil, 192.0.2.1:80 ,x"],
    ] {
        assert_eq!(of(lines).as_deref(), Some("192.0.2.1"), "{lines:?}");
    }
    for lines in [
        &[][..],
        &["192.0.2.1"],
        &["nobody, 10.0.0.2"],
        &["fe80::1%eth0, x"],
    ] {
        assert_eq!(of(lines), None, "{lines:?}");
    }
}

#[test]
fn the_walk_ends_at_the_first_address_that_is_not_trusted() {
    let rules = rules(r#"{"trusted_proxies":["10.0.0.0/8","2001:db8::/32"]}"#);
    for (proxy, forwarded, expected) in [
        // A peer that is not trusted is the client, whatever it writes.
        ("192.0.2.9", "198.51.100.1", Some("192.0.2.9")),
        ("10.0.0.1", "198.51.100.1", Some("198.51.100.1")),
        (
            "10.0.0.1",
            "203.0.113.5, 198.51.100.1, 10.0.0.2",
            Some("198.51.100.1"),
        ),
        // Envoy appends the peer itself.
        ("10.0.0.1", "198.51.100.1,10.0.0.1", Some("198.51.100.1")),
        (
            "::ffff:10.0.0.1",
            "198.51.100.1,[2001:db8::1]:80",
            Some("198.51.100.1"),
        ),
        ("10.0.0.1", "198.51.100.1,,10.0.0.2, ", Some("198.51.100.1")),
        // Everybody on the way is trusted: the first of them asks.
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", Some("10.0.0.3")),
        ("10.0.0.1", "", Some("10.0.0.1")),
        // A trusted proxy that does not know leaves nobody to name the client.
        ("10.0.0.1", "198.51.100.1, unknown", None),
        ("/run/proxy.sock", "198.51.100.1", None),
    ] {
        let found = client(&rules, proxy, &[("x-forwarded-for", forwarded)]);
        assert_eq!(found.as_deref(), expected, "{proxy} {forwarded}");
    }
}

#[test]
fn another_header_counts_only_from_a_trusted_peer() {
    let rules = rules(r#"{"trusted_proxies":["10.0.0.0/8"],"header":"CF-Connecting-IP"}"#);
    let named = ("cf-connecting-ip", "198.51.100.1");
    let chain = ("x-forwarded-for", "203.0.113.5");
    let of = |proxy, headers: &[_]| client(&rules, proxy, headers);
    assert_eq!(
        of("10.0.0.1", &[named, chain]).as_deref(),
        Some("198.51.100.1")
    );
    assert_eq!(
        of("192.0.2.9", &[named, chain]).as_deref(),
        Some("192.0.2.9")
    );
    assert_eq!(of("10.0.0.1", &[chain]).as_deref(), Some("203.0.113.5"));
    assert_eq!(
        of("10.0.0.1", &[named, named]),
        None,
        "two lines name nobody"
    );
    assert_eq!(of("10.0.0.1", &[("cf-connecting-ip", "x")]), None);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let problems = |text| {
        let read = config::read(text, |n| ClientAddress::read(&n));
        read.unwrap_err().to_string()
    };
    for (text, expected) in [
        (
            r#"{"trusted_hops":1,"trusted_proxies":["::/0"]}"#,
            "not both",
        ),
        (
            r#"{"header":"true-client-ip"}"#,
            r#"needs "trusted_proxies""#,
        ),
        (
            r#"{"trusted_hops":17}"#,
            "trusted_hops: 17: expected an integer from 0 to 16",
        ),
        (
            r#"{"trusted_proxies":"10.0.0.0/8"}"#,
            r#"such as ["10.0.0.0/8"]"#,
        ),
        (
            r#"{"trusted_proxies":["10.0.0.0/40"]}"#,
            "trusted_proxies[0]",
        ),
        (
            r#"{"trusted_proxies":["::/0"],"header":"x y"}"#,
            r#"did you mean "x-y"?"#,
        ),
        (
            r#"{"ip_prefix":{"v4":33}}"#,
            "ip_prefix.v4: 33: expected an integer from 0 to 32",
        ),
        (r#"{"trusted_hop":1}"#, r#"did you mean "trusted_hops"?"#),
    ] {
        let problems = problems(text);
        assert!(
            problems.contains(expected),
            "{expected} is not in\n{problems}"
        );
    }
}

#[test]
fn nobody_trusts_everybody() {
    for (ranges, is_accepted) in [
        (
            r#"["10.0.0.0/8","172.16.0.0/12","192.168.0.0/16","fc00::/7"]"#,
            true,
        ),
        (r#"["0.0.0.0/0"]"#, false),
        (r#"["::/0"]"#, false),
        (r#"["2000::/3"]"#, false),
        (r#"["2000::/4"]"#, false),
        (r#"["2000::/5","10.0.0.0/8"]"#, true),
        (r#"["0.0.0.0/1","128.0.0.0/1"]"#, false),
        (r#"["128.0.0.0/1"]"#, false),
        (r#"["0.0.0.0/2","64.0.0.0/2"]"#, false),
        (
            r#"["0.0.0.0/2","0.0.0.0/2","0.0.0.0/3","10.0.0.0/8"]"#,
            true,
        ),
        (r#"["::ffff:0.0.0.0/96"]"#, false),
        (r#"["::ffff:10.0.0.0/104"]"#, true),
        (r#"["10.0.0.0/0"]"#, false),
    ] {
        let text = format!(r#"{{"trusted_proxies":{ranges}}}"#);
        let read = config::read(&text, |n| ClientAddress::read(&n));
        assert_eq!(read.is_ok(), is_accepted, "{ranges}: {read:?}");
        if let Err(error) = read {
            assert!(
                error.to_string().contains("half of all addresses"),
                "{error}"
            );
        }
    }
    for header in ["X-Forwarded-For", "x_forwarded_for", "forwarded"] {
        let text = format!(r#"{{"trusted_proxies":["10.0.0.0/8"],"header":"{header}"}}"#);
        let error = config::read(&text, |n| ClientAddress::read(&n)).unwrap_err();
        assert!(error.to_string().contains("one address"), "{error}");
    }
    let text = r#"{"trusted_proxies":["10.0.0.1/8","192.0.2.7"]}"#;
    let checked = config::check(text, |n| ClientAddress::read(&n));
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    let expected =
        r#"trusted_proxies[0]: "10.0.0.1/8": this is the whole range 10.0.0.0/8 (range_host_bits)"#;
    assert_eq!(warnings, [expected]);
}

#[test]
fn a_prefix_of_no_bits_is_warned_of() {
    for (text, expected) in [
        (r#"{"v4":0}"#, 1),
        (r#"{"v6":0}"#, 1),
        (r#"{"v4":1,"v6":1}"#, 0),
    ] {
        let checked = config::check(text, |node| Prefixes::read(&node));
        assert_eq!(checked.warnings.len(), expected, "{text}");
    }
}
