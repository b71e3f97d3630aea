//! `docker-compose.yaml` runs what the tests run: the same configuration, the same Envoy, the same
//! servers at the same names and ports.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use envoy_test::envoy::{ADMIN, Address, Bootstrap, CLUSTERS, Envoy, GATEWAY, Options};
use envoy_test::peers::Peers;
use envoy_test::readme::Places;
use envoy_test::{FILTERS, paths, poll, readme};
use serde_json::Value;

use crate::{assert_is_envoy_of_the_tests, texts, yaml};

/// What the containers have at the ports of the clusters, and beside them.
const BESIDE: [&str; 3] = ["envoy", "prometheus", "grafana"];

fn published(service: &Value) -> Vec<&str> {
    service.get("ports").map(texts).unwrap_or_default()
}

fn here(port: u16) -> String {
    format!("127.0.0.1:{port}:{port}")
}

#[test]
fn envoy_is_the_one_of_the_tests() {
    let compose = yaml("docker-compose.yaml");
    let envoy = &compose["services"]["envoy"];
    assert_is_envoy_of_the_tests(envoy, "meshward.yaml");
    assert_eq!(published(envoy), [here(GATEWAY.port), here(ADMIN.port)]);
}

#[test]
fn every_cluster_has_its_server() {
    let compose = yaml("docker-compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let shipped = Bootstrap::shipped().unwrap().tree().clone();
    let clusters = shipped["static_resources"]["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), CLUSTERS.len());
    let usual = services.values().filter(|s| s.get("profiles").is_none());
    assert_eq!(usual.count(), CLUSTERS.len() + BESIDE.len());
    for name in BESIDE {
        assert!(services.contains_key(name), "{name}");
    }
    for (_, Address { host, port }) in CLUSTERS {
        let service = &services[host];
        assert!(
            published(service)
                .iter()
                .all(|port_mapping| *port_mapping == here(port)),
            "{host}"
        );
        // The port is said once more in the configuration of the server.
        let says = match host {
            "upstream" => fs::read_to_string(file("compose/nginx.conf")).unwrap(),
            "idp" => texts(&service["command"]).join(" "),
            _ => fs::read_to_string(file("compose/collector.yaml")).unwrap(),
        };
        assert!(says.contains(&port.to_string()), "{host}");
    }
}

fn file(path: &str) -> std::path::PathBuf {
    paths::root().join("envoy-test").join(path)
}

/// Every file that a container mounts is there; what it writes has a place.
#[test]
fn everything_mounted_is_there() {
    let compose = yaml("docker-compose.yaml");
    let volumes = compose["volumes"].as_object().unwrap();
    for (name, service) in compose["services"].as_object().unwrap() {
        for volume in service.get("volumes").map(texts).unwrap_or_default() {
            let source = volume.split(':').next().unwrap();
            if source.starts_with('.') {
                // The modules and the trail are made, everything else is in the repository.
                let is_made = ["../dist", "../target/trail"].contains(&source);
                assert!(is_made || file(source).exists(), "{name}: {source}");
            } else {
                assert!(volumes.contains_key(source), "{name}: {source}");
            }
        }
    }
    assert!(
        texts(&compose["services"]["collector"]["volumes"]).contains(&"../target/trail:/trail"),
        "the README reads the trail there"
    );
    assert_eq!(readme::TRAIL, "target/trail/records.jsonl");
    let exporter = &yaml("compose/collector.yaml")["exporters"]["file"];
    assert_eq!(exporter["path"], "/trail/records.jsonl");
}

#[test]
fn what_a_service_waits_for_tells_when_it_is_ready() {
    let compose = yaml("docker-compose.yaml");
    let services = &compose["services"];
    for (name, service) in services.as_object().unwrap() {
        let Some(waits) = service["depends_on"].as_object() else {
            continue;
        };
        for (other, how) in waits {
            let healthy = how["condition"] == "service_healthy";
            assert!(
                !healthy || services[other]["healthcheck"]["test"].is_array(),
                "{name} waits for {other}"
            );
        }
    }
}

/// A server that a container runs, run here.
struct Native {
    address: SocketAddr,
    process: Child,
}

impl Native {
    fn start(command: impl FnOnce(u16) -> Command) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let process = command(address.port())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let native = Self { address, process };
        poll(20, || TcpStream::connect(address).ok()).expect("a server at its port");
        native
    }

    /// nginx with the configuration and the files of the container.
    fn nginx(folder: &Path) -> Self {
        Self::start(|port| {
            let configuration = fs::read_to_string(file("compose/nginx.conf")).unwrap();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {kind};"))
                .concat();
            let configuration = configuration
                .replace("listen 8080;", &format!("listen 127.0.0.1:{port};"))
                .replace(
                    "root /upstream;",
                    &format!("root {};", file("compose/upstream").display()),
                )
                .replace(
                    "pid /tmp/nginx.pid;",
                    "pid nginx.pid; daemon off; master_process off;",
                )
                .replace("access_log off;", &format!("access_log off; {temporary}"));
            fs::write(folder.join("nginx.conf"), configuration).unwrap();
            let mut nginx = Command::new(paths::upstreams().unwrap().join("nginx"));
            nginx
                .arg("-p")
                .arg(folder)
                .args(["-e", "stderr", "-c", "nginx.conf"]);
            nginx
        })
    }

    /// The identity provider of the container.
    fn idp() -> Self {
        Self::start(|port| {
            let mut node = Command::new("node");
            node.arg(file("compose/idp.mjs"))
                .arg(paths::oidc_provider().unwrap())
                .arg(port.to_string());
            node
        })
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The servers of the containers with their own files, run natively: the README holds there, too. In
/// the place of the OpenTelemetry collector, which no package registry has, stands that of the tests.
#[test]
fn the_files_of_the_containers_give_the_responses_of_the_readme() {
    let peers = Peers::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trail = folder.path().join("records.jsonl");
    peers.collector.write_to(&trail).unwrap();
    let (nginx, idp) = (Native::nginx(folder.path()), Native::idp());
    let mut bootstrap = peers.bootstrap(&FILTERS).unwrap();
    bootstrap.move_cluster("upstream", nginx.address).unwrap();
    bootstrap.move_cluster("idp", idp.address).unwrap();
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let envoy = Envoy::start(&bootstrap, options).unwrap();
    let followed = readme::follow(&Places {
        servers: vec![
            (GATEWAY.port, envoy.gateway()),
            (ADMIN.port, envoy.admin()),
            (8080, nginx.address),
            (8081, idp.address),
            (4318, peers.collector.address()),
        ],
        trail: &trail,
    });
    followed.unwrap();
}

/// The JSON files are what the upstream of the demonstration answers.
#[test]
fn the_upstreams_answer_alike() {
    use envoy_test::client::{Client, Protocol, Request};
    let peers = Peers::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let nginx = Native::nginx(folder.path());
    let clients = [peers.upstream.address(), nginx.address]
        .map(|address| Client::new(address, Protocol::Http1));
    for path in [
        "/healthz",
        "/patients/7",
        "/orders/17",
        "/search",
        "/nowhere",
    ] {
        let [ours, theirs] = clients.each_ref().map(|client| {
            let response = client.send(&Request::get(path)).unwrap();
            let content_type = response.header("content-type").to_owned();
            (response.status, content_type, response.text())
        });
        assert_eq!(ours, theirs, "{path}");
    }
}

#[test]
fn images_are_pinned() {
    for (name, service) in yaml("docker-compose.yaml")["services"].as_object().unwrap() {
        let image = service["image"].as_str().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        if image.starts_with("envoyproxy/ratelimit:") {
            // It has no versions; `fleet` holds it to a commit.
            continue;
        }
        let numbers = tag.chars().filter(|c| *c == '.').count();
        assert!(
            numbers >= 2 && tag != "latest",
            "{name}: {image} is not pinned to one version"
        );
    }
}

/// Every service that runs without being asked for has a stand-in, but for Grafana.
#[test]
fn stand_ins_are_for_what_is_there() {
    let services = &yaml("docker-compose.yaml")["services"];
    let local = &yaml("compose/local.yaml")["services"];
    let usual: BTreeSet<&str> = services
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, service)| service.get("profiles").is_none() && *name != "grafana")
        .map(|(name, _)| name.as_str())
        .collect();
    let stand_ins: BTreeSet<&str> = local
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(stand_ins, usual);
    let script = |name: &str| fs::read_to_string(file(name)).unwrap();
    let listed = script("compose/test.sh");
    assert!(listed.contains("services=(envoy upstream idp collector prometheus)"));
    for name in usual {
        assert_eq!(
            local[name]["image"],
            format!("localhost/meshward-stand-in/{name}:local")
        );
        assert!(
            script("compose/stand_ins.sh").contains(&format!("\nbuild {name} ")),
            "{name}"
        );
    }
}

/// The published collector reads a file, which the compose file names. The one that stands in for it is told all.
#[test]
fn the_stand_in_of_the_collector_drops_the_words_of_the_published_one() {
    let script = fs::read_to_string(file("compose/stand_ins.sh")).unwrap();
    let mut lines = script.lines();
    let entry = lines.find_map(|line| line.strip_prefix("build collector 'ENTRYPOINT "));
    let entry: Vec<String> = serde_json::from_str(entry.unwrap().trim_end_matches('\'')).unwrap();
    let compose = yaml("docker-compose.yaml");
    let said = texts(&compose["services"]["collector"]["command"]);
    assert!(!said.is_empty());
    let programs = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/echo", programs.path().join("peers")).unwrap();
    let path = format!(
        "{}:{}",
        programs.path().display(),
        std::env::var("PATH").unwrap()
    );
    let mut started = Command::new(entry.first().unwrap());
    let started = started.args(entry.iter().skip(1)).args(said);
    let started = started.env("PATH", path).output().unwrap();
    let words = String::from_utf8_lossy(&started.stdout).into_owned();
    assert_eq!(
        words.trim_end(),
        "collector --listen 0.0.0.0:4318 --trail /trail/records.jsonl"
    );
}

/// What somebody looks at is there when `up --wait` comes back, so what publishes a port says when it is ready:
/// all but the collector, whose image has no program for that.
#[test]
fn what_has_a_port_says_when_it_is_ready() {
    let compose = yaml("docker-compose.yaml");
    for (name, service) in compose["services"].as_object().unwrap() {
        let is_told = service.get("healthcheck").is_some();
        assert!(
            is_told || published(service).is_empty() || name == "collector",
            "{name}"
        );
    }
}

/// Ports that are in use are told before anything starts.
#[test]
fn the_test_of_the_containers_looks_at_their_ports_first() {
    let compose = yaml("docker-compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let usual = services
        .iter()
        .filter(|(_, service)| service.get("profiles").is_none());
    let ports = |with_grafana: bool| -> BTreeSet<String> {
        let services = usual
            .clone()
            .filter(|(name, _)| with_grafana || *name != "grafana");
        let ports = services.flat_map(|(_, service)| published(service));
        ports
            .map(|port| port.split(':').nth(1).unwrap().to_owned())
            .collect()
    };
    let script = fs::read_to_string(file("compose/test.sh")).unwrap();
    let lists = script
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ports=\""));
    let lists: Vec<BTreeSet<String>> = lists
        .map(|list| {
            let list = list.trim_end_matches('"').split(' ');
            list.map(str::to_owned).collect()
        })
        .collect();
    assert_eq!(lists, [ports(true), ports(false)]);
}

#[test]
fn docker_reads_it_where_there_is_docker() {
    let file = paths::root().join("envoy-test/docker-compose.yaml");
    let has_compose = Command::new("docker").args(["compose", "version"]).output();
    if !has_compose.is_ok_and(|output| output.status.success()) {
        // What docker would say is then checked by the other tests alone.
        return;
    }
    let mut read = Command::new("docker");
    read.args(["compose", "--file"])
        .arg(file)
        .args(["config", "--quiet"]);
    let output = read.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
