//! The test of the containers: which engine it takes, and what it asks of it.

use std::fs;

use crate::machine::{Machine, all_in, file, scripts};

/// An engine that answers, and writes down what it is asked.
const ENGINE: &str = r#"echo "${0##*/} $*" >>"$ASKED""#;

#[test]
fn the_engine_that_is_there_is_found() {
    let engine = |machine: &Machine| machine.run(&file("compose/engine.sh"), &[]);
    let works = |name: &str| Machine::complete().with(name, "");
    assert_eq!(engine(&works("docker")), (0, "docker compose\n".to_owned()));
    let docker_alone = works("docker").with("docker", "case $1 in compose) exit 1 ;; esac");
    assert_eq!(
        engine(&docker_alone.with("docker-compose", "")).1,
        "docker-compose\n"
    );
    assert_eq!(engine(&works("podman")).1, "podman compose\n");
    let podman_alone = works("podman").with("podman", "case $1 in compose) exit 125 ;; esac");
    assert_eq!(
        engine(&podman_alone.with("podman-compose", "")).1,
        "podman-compose\n"
    );
    let both = works("docker")
        .with("podman", "")
        .with("podman-compose", "");
    assert_eq!(
        engine(&both.set("COMPOSE", "podman-compose")).1,
        "podman-compose\n"
    );

    let (status, said) = engine(&Machine::complete());
    assert_eq!(status, 3);
    all_in(
        &said,
        &[
            "docker compose: not installed",
            "apt-get install podman",
            "make demo KEEP=1",
        ],
    );
    let (status, said) =
        engine(&works("docker").with("docker", "case $1 in compose) exit 1 ;; esac"));
    assert_eq!(status, 3);
    all_in(&said, &["docker has no compose plugin"]);
    let down = "case $1 in info) echo 'Cannot connect to the Docker daemon' >&2; exit 1 ;; esac";
    let (status, said) = engine(&works("docker").with("docker", down));
    assert_eq!(status, 3);
    all_in(
        &said,
        &[
            "Cannot connect to the Docker daemon",
            "systemctl start docker",
        ],
    );
}

#[test]
fn the_containers_are_brought_up_tried_and_taken_down() {
    // Whatever is asked, this answers.
    let curl = r#"echo 'LIVE "outcome":"denied" "groups":[{ meshward'"#;
    for (story, ends) in [("exit 0", 0), ("exit 1", 1)] {
        let checkout = scripts();
        let asked = checkout.path().join("asked");
        let machine = Machine::complete()
            .with("docker", ENGINE)
            .with("curl", curl)
            .with("cargo", &format!("{ENGINE}\n{story}"))
            .set("ASKED", asked.to_str().unwrap());
        let (status, said) = machine.run(&checkout.path().join("envoy-test/compose/test.sh"), &[]);
        assert_eq!(status, ends, "{said}");
        let asked = fs::read_to_string(asked).unwrap();
        let file = checkout.path().join("envoy-test/docker-compose.yaml");
        let compose = format!(
            "docker compose --project-name meshward-test --file {}",
            file.display()
        );
        let order: Vec<usize> = [
            format!("{compose} up --detach\n"),
            "demo -- --running".to_owned(),
            format!("{compose} down --volumes\n"),
        ]
        .iter()
        .map(|command| {
            asked
                .find(command)
                .unwrap_or_else(|| panic!("{command}: {asked}"))
        })
        .collect();
        assert!(order.is_sorted(), "{asked}");
        assert_eq!(asked.contains("logs --tail"), ends == 1, "{asked}");
    }
}

#[test]
fn without_an_engine_the_test_of_the_containers_says_so_by_its_status() {
    let checkout = scripts();
    let test = checkout.path().join("envoy-test/compose/test.sh");
    let (status, said) = Machine::complete().run(&test, &[]);
    assert_eq!(status, 3, "{said}");
    let machine = Machine::complete()
        .with("docker", "")
        .set("IMAGES", "nowhere");
    let (status, said) = machine.run(&test, &[]);
    assert_eq!(status, 2);
    all_in(&said, &["published or local"]);
}
