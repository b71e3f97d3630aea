//! The profile `fleet` of `docker-compose.yaml` runs what the tests of the fleet run: the same configuration, the
//! same limits, the same servers at the same names and ports.

use envoy_test::envoy::Bootstrap;
use envoy_test::paths;

use crate::{assert_is_envoy_of_the_tests, texts, yaml};

#[test]
fn both_envoys_are_those_of_the_tests() {
    let services = &yaml("docker-compose.yaml")["services"];
    assert_is_envoy_of_the_tests(&services["envoy-a"], "fleet.yaml");
    for (name, port) in [("envoy-a", 10001), ("envoy-b", 10002)] {
        let ports = texts(&services[name]["ports"]);
        assert_eq!(ports, [format!("127.0.0.1:{port}:10000")], "{name}");
    }
}

#[test]
fn the_service_is_the_published_one_with_its_redis() {
    let services = &yaml("docker-compose.yaml")["services"];
    let service = &services["ratelimit"];
    let (image, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
    assert_eq!(image, "envoyproxy/ratelimit");
    assert!(
        tag.len() == 8 && tag.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{tag}"
    );
    assert_eq!(service["environment"]["REDIS_URL"], "redis:6379");
    let limits = "./ratelimit/edge.yaml:/data/ratelimit/config/edge.yaml:ro";
    assert_eq!(texts(&service["volumes"]), [limits]);
    assert!(
        services["redis"]["image"]
            .as_str()
            .unwrap()
            .starts_with("redis:7.0.")
    );
}

/// The first requests are counted: `up --wait` comes back when Redis, the service and the Envoys are there.
#[test]
fn each_waits_for_what_it_needs() {
    let services = &yaml("docker-compose.yaml")["services"];
    let condition =
        |name: &str, other: &str| services[name]["depends_on"][other]["condition"].clone();
    assert_eq!(condition("ratelimit", "redis"), "service_healthy");
    let ping = texts(&services["redis"]["healthcheck"]["test"]);
    assert_eq!(ping, ["CMD", "redis-cli", "ping"]);
    for envoy in ["envoy-a", "envoy-b"] {
        assert_eq!(condition(envoy, "upstream"), "service_healthy", "{envoy}");
        assert_eq!(condition(envoy, "ratelimit"), "service_started", "{envoy}");
        // What it says is run where the fleet is tested.
        assert!(services[envoy]["healthcheck"]["test"].is_array(), "{envoy}");
    }
}

#[test]
fn the_filter_asks_for_limits_that_are_there() {
    let edge = yaml("ratelimit/edge.yaml");
    let file = paths::root().join("envoy-test/envoy/fleet.yaml");
    let mut bootstrap = Bootstrap::read(&file).unwrap();
    let text = bootstrap.configuration("token-bucket").unwrap();
    let configuration: serde_json::Value = serde_json::from_str(&text).unwrap();
    let service = &configuration["limits"][0]["service"];
    assert_eq!(service["domain"], edge["domain"]);
    assert_eq!(service["descriptor"][0], edge["descriptors"][0]["key"]);
    let clusters = bootstrap.tree()["static_resources"]["clusters"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        clusters
            .iter()
            .any(|cluster| cluster["name"] == service["cluster"])
    );
}
