//! Whatever a client writes, and however the server behind the gateway reads it: the rule of the
//! path that the server serves has decided, or the request is refused.
//!
//! The servers are models, written from their documentation; `envoy-test` runs real ones.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::restriction, reason = "a test fails by panicking")]

#[path = "upstreams/models.rs"]
mod models;
#[path = "upstreams/text.rs"]
mod text;

use std::collections::BTreeMap;

use policy::config;
use policy::facts::DescribedRequest;
use policy::matching::{Match, Selection, applies, select};
use policy::path::{RequestPath, RouteTrust};
use proptest::prelude::*;

/// Whether a route of the server, written as a pattern, takes these segments. Routers disagree on
/// whether a placeholder takes an empty segment.
fn takes(pattern: &str, segments: &[String], placeholder_takes_empty: bool) -> bool {
    let mut left = segments.iter();
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let fits = match (part, left.next()) {
            ("**", _) => return true,
            (_, None) => false,
            ("*", Some(segment)) => placeholder_takes_empty || !segment.is_empty(),
            (part, Some(segment)) => part == segment,
        };
        if !fits {
            return false;
        }
    }
    left.next().is_none()
}

/// Lists of protected places with the rest open, lists of open places with the rest protected, and
/// both: what protects and what opens is the same to the property.
const RULE_SETS: &[&[&str]] = &[
    &["/admin/**"],
    &["/open/**"],
    &["/open/**", "/admin/**"],
    &["/admin/**", "/open/**", "/**"],
    &["/open/*", "/open/**"],
    &["/admin/*/users", "/admin/**", "/open/**"],
    &["/*/users", "/open/*"],
    &["/users/x", "/users/*", "/**"],
    &["/", "/admin", "/*"],
    &["/strict/**", "/open/admin/**", "/open/**"],
];

fn rules(patterns: &[&str]) -> Vec<Match> {
    let rule = |pattern: &&str| {
        let text = format!(r#"{{"paths":["{pattern}"]}}"#);
        config::read(&text, |node| Match::read(&node)).unwrap()
    };
    patterns.iter().map(rule).collect()
}

/// Where some server, behind some proxy or none, takes a path; and one such server.
fn routes(raw: &str) -> BTreeMap<Vec<String>, String> {
    let mut routes = BTreeMap::new();
    let forwarded: BTreeMap<String, &str> = models::PROXIES
        .iter()
        .rev()
        .filter_map(|proxy| Some(((proxy.forward)(raw)?, proxy.name)))
        .collect();
    for (forwarded, proxy) in forwarded {
        for server in models::SERVERS {
            if let Some(segments) = (server.route)(&forwarded) {
                routes
                    .entry(segments)
                    .or_insert_with(|| format!("{} behind {proxy}", server.name));
            }
        }
    }
    routes
}

/// The first server that would route `raw` past the decision on it.
fn walked_around(raw: &str) -> Result<(), String> {
    let request = DescribedRequest::get(raw, &[]);
    let routes = routes(raw);
    for patterns in RULE_SETS {
        let rules = rules(patterns);
        let decided = select(rules.iter(), &request);
        for (segments, server) in &routes {
            for takes_empty in [false, true] {
                let routed: Vec<usize> = (0..patterns.len())
                    .filter(|index| takes(patterns[*index], segments, takes_empty))
                    .collect();
                let right = match decided {
                    Selection::Rule(index) => routed.first() == Some(&index),
                    Selection::NoRule => routed.is_empty(),
                    Selection::Ambiguous(_) | Selection::Unreadable(_) => true,
                };
                let counted = routed.iter().all(|index| applies(&rules[*index], &request));
                if !right || !counted {
                    return Err(format!(
                        "{raw}: {decided:?} of {patterns:?}, but {server} routes {segments:?} to {routed:?}; readings {:?}",
                        request.path
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A proxy rewrites what it reads, and a server reads the result: each has wire rules of its own.
#[test]
fn what_a_proxy_rewrites_and_a_server_reads_again_walks_around_nothing() {
    for raw in [
        // Envoy turns `\\` into `/`, and wsgiref takes all slashes in front for one.
        "/\\admin//users",
        "/x/..//admin//users",
        // Envoy resolves dots, and Jetty takes off parameters and resolves what has become dots.
        "/admin/..;/open%2f..;/admin/../..;/..",
        "/open/..;/strict%2f..;/x/../..;/..",
        // A proxy decodes, and the URL standard takes the escaped dots that are left for dots.
        "/admin/open;x/open;x/../%252e%252e/%2e%2e/%2561dmin",
    ] {
        assert_eq!(walked_around(raw), Ok(()));
    }
}

/// Windows leaves off the slash at the end first, then dots and blanks, and of the names before the
/// last one only one dot.
#[test]
fn what_a_file_system_leaves_off_the_end_walks_around_nothing() {
    for raw in [
        "/%20/%20/",
        "/users/%20/",
        "/users/x./%20/.%20/",
        "/open%20/admin./",
        "/open./users%20/x.%20/",
        "/admin%20./open.%20./%20.",
    ] {
        assert_eq!(walked_around(raw), Ok(()));
    }
}

const CASES: u32 = 3000;

/// A path out of the pieces that servers disagree about.
fn spelling() -> impl Strategy<Value = String> {
    let (separators, mut names) = text::pieces(include_str!("upstreams/pieces.txt"));
    names.extend(["#", "x#y"]);
    let separator = prop::sample::select(separators);
    let name = prop::sample::select(names);
    prop::collection::vec((separator, name), 1..8).prop_map(|pieces| {
        let spelled: String = pieces
            .iter()
            .flat_map(|(separator, name)| [*separator, *name])
            .collect();
        if spelled.starts_with('/') {
            spelled
        } else {
            format!("/{spelled}")
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn no_spelling_reaches_what_another_rule_protects(raw in spelling()) {
        prop_assert_eq!(walked_around(&raw), Ok(()));
    }

}

/// The routes of a proxy, by prefixes: the first that the path begins with.
const PREFIXES: [&str; 7] = [
    "/admin/users",
    "/open/strict",
    "/admin",
    "/open",
    "/strict",
    "/users",
    "/",
];

fn route_of(path: &str) -> Option<usize> {
    PREFIXES.iter().position(|prefix| path.starts_with(prefix))
}

/// The first server that would take a request with a route that is trusted to another one.
fn rerouted(raw: &str) -> Result<(), String> {
    let parsed = RequestPath::parse(raw.as_bytes());
    let covers = |trust: RouteTrust| trust.covers(parsed.as_ref().map_err(|error| *error));
    // Ordinary clients send paths with scripts, so these are not told from others.
    if !covers(RouteTrust::InPlace) || raw.contains(".php") {
        return Ok(());
    }
    let chosen = route_of(raw);
    for (segments, server) in routes(raw) {
        let served = route_of(&format!("/{}", segments.join("/")));
        // Where only the division into segments is open, a route below another one may be.
        let is_below = |one: Option<usize>, other: Option<usize>| {
            one.zip(other)
                .is_some_and(|(one, other)| PREFIXES[one].starts_with(PREFIXES[other]))
        };
        let is_right = match covers(RouteTrust::Unambiguous) {
            true => served == chosen,
            false => served == chosen || is_below(served, chosen) || is_below(chosen, served),
        };
        if !is_right {
            return Err(format!(
                "{raw}: the proxy routes to {chosen:?}, {server} serves {segments:?}"
            ));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_route_that_is_trusted_is_that_of_the_path_which_is_served(raw in spelling()) {
        prop_assert_eq!(rerouted(&raw), Ok(()));
    }

    #[test]
    fn a_route_of_an_identifier_with_slashes_is_that_of_the_path_which_is_served(
        names in prop::collection::vec(prop::sample::select(vec!["admin", "open", "users", "a%2Fb", "x%3F", "c%23", "y.", "z;v=1"]), 1..4)
    ) {
        prop_assert_eq!(rerouted(&format!("/{}", names.join("/"))), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// The pieces are hostile by themselves, and yet most of what is made of them can be read.
    #[test]
    fn few_spellings_are_too_ambiguous_to_be_read(raw in prop::collection::vec(spelling(), 200)) {
        let read = raw.iter().filter(|raw| RequestPath::parse(raw.as_bytes()).is_ok()).count();
        prop_assert!(read > 100, "{}", read);
    }
}
