//! The profile `keycloak` of `docker-compose.yaml`: the realm, the Envoy that asks for its tokens, and the
//! containers say the same. Keycloak itself is not part of the tests.

use std::fs;

use envoy_test::envoy::{Bootstrap, Options, validate};
use envoy_test::paths;
use serde_json::Value;

use crate::{assert_is_envoy_of_the_tests, texts, yaml};

fn named<'v>(list: &'v Value, key: &str, name: &str) -> &'v Value {
    let mut list = list.as_array().unwrap().iter();
    list.find(|one| one[key] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

fn realm() -> Value {
    let file = paths::root().join("envoy-test/compose/keycloak/shop-realm.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn shipped() -> Bootstrap {
    Bootstrap::read(&paths::root().join("envoy-test/envoy/keycloak.yaml")).unwrap()
}

/// What jwt-auth is told.
fn configuration() -> Value {
    let text = shipped().configuration("jwt-auth").unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn tokens_name_the_issuer_that_the_provider_expects() {
    let services = &yaml("docker-compose.yaml")["services"];
    let (service, realm) = (&services["keycloak"], realm());
    let name = realm["realm"].as_str().unwrap();
    let frontend = service["environment"]["KC_HOSTNAME"].as_str().unwrap();
    let provider = &configuration()["providers"]["corp"];
    assert_eq!(provider["issuer"], format!("{frontend}/realms/{name}"));
    // Its keys are where the container is, by the cluster of that name.
    let port = service["environment"]["KC_HTTP_PORT"].as_str().unwrap();
    let keys = &provider["jwks"]["remote"];
    assert_eq!(
        keys["uri"],
        format!("http://keycloak:{port}/realms/{name}/protocol/openid-connect/certs")
    );
    assert_eq!(keys["cluster"], "keycloak");
    assert_eq!(
        texts(&service["ports"]),
        [format!("127.0.0.1:{port}:{port}")]
    );
    let mut bootstrap = shipped();
    let clusters = &bootstrap.tree()["static_resources"]["clusters"];
    let cluster = named(clusters, "name", "keycloak").to_string();
    assert!(cluster.contains("\"address\":\"keycloak\""), "{cluster}");
    assert!(
        cluster.contains(&format!("\"port_value\":{port}")),
        "{cluster}"
    );
    let algorithm = &realm["defaultSignatureAlgorithm"];
    assert_eq!(provider["algorithms"], serde_json::json!([algorithm]));
    // The realm is imported where Keycloak looks for it.
    assert!(texts(&service["command"]).contains(&"--import-realm"));
    let folder = "./compose/keycloak:/opt/keycloak/data/import:ro";
    assert_eq!(texts(&service["volumes"]), [folder]);
}

#[test]
fn the_clients_get_the_audience_and_the_scopes_that_rules_ask_for() {
    let (realm, configuration) = (realm(), configuration());
    let api = named(&realm["clientScopes"], "name", "orders-api");
    let mapper =
        |kind: &str| named(&api["protocolMappers"], "protocolMapper", kind)["config"].clone();
    let audience = mapper("oidc-audience-mapper");
    let audiences = &configuration["providers"]["corp"]["audiences"];
    assert_eq!(
        *audiences,
        serde_json::json!([audience["included.custom.audience"]])
    );
    assert_eq!(audience["access.token.claim"], "true");
    assert_eq!(mapper("oidc-sub-mapper")["access.token.claim"], "true");
    // Those of the demonstration, with the same secrets.
    for name in ["alice", "drew"] {
        let client = named(&realm["clients"], "clientId", name);
        assert_eq!(client["secret"], format!("{name}-secret"));
        assert_eq!(client["serviceAccountsEnabled"], true);
        assert_eq!(texts(&client["defaultClientScopes"]), ["orders-api"]);
        for rule in configuration["rules"].as_array().unwrap() {
            for scope in rule["require"].get("scopes").map(texts).unwrap_or_default() {
                assert!(
                    texts(&client["optionalClientScopes"]).contains(&scope),
                    "{name}: {scope}"
                );
                let scope = named(&realm["clientScopes"], "name", scope);
                assert_eq!(scope["attributes"]["include.in.token.scope"], "true");
            }
        }
    }
}

#[test]
fn its_envoy_is_the_one_of_the_tests() {
    let services = &yaml("docker-compose.yaml")["services"];
    let envoy = &services["envoy-keycloak"];
    assert_is_envoy_of_the_tests(envoy, "keycloak.yaml");
    assert_eq!(
        envoy["depends_on"]["keycloak"]["condition"],
        "service_healthy"
    );
    let mut bootstrap = shipped();
    bootstrap
        .replace_module("jwt-auth", &paths::wasm("jwt-auth").unwrap())
        .unwrap();
    let verdict = validate(&bootstrap, Options::default()).unwrap();
    assert!(verdict.accepted, "{}", verdict.log);
}
