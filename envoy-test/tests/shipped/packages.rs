//! The packages of a release: image layouts that strangers read, the same bytes each time, and one
//! version everywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use envoy_test::{BUNDLE, FILTERS, output_of, paths};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Packs a built module as `make dist` does.
fn pack(module: &str, folder: &Path) {
    let script = paths::root().join("envoy-test/packages/oci_layout.py");
    let mut pack = Command::new("python3");
    pack.arg(script)
        .arg(paths::wasm(module).unwrap())
        .arg(folder);
    for (option, value) in [
        ("--version", VERSION),
        ("--revision", "0123456789abcdef0123456789abcdef01234567"),
        ("--title", module),
        ("--description", "A filter"),
    ] {
        pack.args([option, value]);
    }
    output_of(&mut pack).unwrap();
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    policy::hex::encode(&Sha256::digest(bytes))
}

/// The blob that a descriptor names, held to its digest and size.
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let digest = digest.strip_prefix("sha256:").unwrap();
    let bytes = fs::read(layout.join("blobs/sha256").join(digest)).unwrap();
    assert_eq!(sha256(&bytes), digest);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

#[test]
fn an_image_layout_holds_the_module_in_both_forms() {
    for module in FILTERS.into_iter().chain([BUNDLE]) {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join(module);
        pack(module, &layout);
        let wasm = fs::read(paths::wasm(module).unwrap()).unwrap();

        assert_eq!(
            json(&layout.join("oci-layout"))["imageLayoutVersion"],
            "1.0.0"
        );
        let index = json(&layout.join("index.json"));
        let manifests = index["manifests"].as_array().unwrap();
        let tags: Vec<_> = manifests
            .iter()
            .map(|m| {
                m["annotations"]["org.opencontainers.image.ref.name"]
                    .as_str()
                    .unwrap()
            })
            .collect();
        assert_eq!(tags, [VERSION, &format!("{VERSION}-wasm")]);

        for manifest in manifests {
            let manifest: Value = serde_json::from_slice(&blob(&layout, manifest)).unwrap();
            assert_eq!(
                manifest["annotations"]["org.opencontainers.image.title"],
                module
            );
            assert_eq!(
                manifest["annotations"]["org.opencontainers.image.version"],
                VERSION
            );
            let config: Value =
                serde_json::from_slice(&blob(&layout, &manifest["config"])).unwrap();
            let layers = manifest["layers"].as_array().unwrap();
            assert_eq!(layers.len(), 1);
            let layer = blob(&layout, &layers[0]);
            if layers[0]["mediaType"] == "application/vnd.module.wasm.content.layer.v1+wasm" {
                assert_eq!(
                    manifest["config"]["mediaType"],
                    "application/vnd.module.wasm.config.v1+json"
                );
                assert!(layer == wasm, "{module}: another module");
                continue;
            }
            // The ordinary image: a compressed tar with the module in its root.
            let mut tar = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*layer), &mut tar)
                .unwrap();
            assert_eq!(
                config["rootfs"]["diff_ids"],
                serde_json::json!([format!("sha256:{}", sha256(&tar))])
            );
            assert_eq!(&tar[..12], b"plugin.wasm\0");
            assert!(tar[512..].starts_with(&wasm), "{module}: another module");
        }
    }
}

/// What skopeo does with a layout is what a push to a registry does with it.
#[test]
fn skopeo_reads_and_copies_the_layouts() {
    let skopeo = paths::skopeo().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("token-bucket");
    pack("token-bucket", &layout);
    for tag in [VERSION.to_owned(), format!("{VERSION}-wasm")] {
        let copy = folder.path().join(&tag);
        let mut command = Command::new(&skopeo);
        command
            .args(["copy", "--insecure-policy"])
            .arg(format!("oci:{}:{tag}", layout.display()))
            .arg(format!("dir:{}", copy.display()));
        output_of(&mut command).unwrap();
        assert!(json(&copy.join("manifest.json"))["layers"].is_array());
    }
    let output = Command::new(&skopeo)
        .arg("inspect")
        .arg(format!("oci:{}:{VERSION}", layout.display()))
        .output()
        .unwrap();
    let image: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        image["Labels"]["org.opencontainers.image.title"],
        "token-bucket"
    );
}

#[test]
fn packing_twice_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let layouts = ["one", "another"].map(|name| folder.path().join(name));
    for layout in &layouts {
        pack("token-bucket", layout);
    }
    output_of(Command::new("diff").arg("--recursive").args(&layouts)).unwrap();
}

/// What cargo links into a package for a target: `name version`.
fn linked(package: &str, target: &str) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(paths::root());
    tree.args(["tree", "--offline", "--locked", "--prefix", "none"]);
    tree.args(["--edges", "normal,no-proc-macro", "--format", "{p}"]);
    tree.args(["--package", package, "--target", target]);
    let text = String::from_utf8(output_of(&mut tree).unwrap()).unwrap();
    let crates = text.lines().filter(|line| !line.ends_with("(*)"));
    crates
        .filter_map(|line| line.split(" (").next())
        .map(|name| name.replacen(" v", " ", 1))
        .collect()
}

fn components(bom: &Value) -> BTreeSet<String> {
    let name = |one: &Value| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        format!("{} {}", text("name"), text("version"))
    };
    let listed = bom["components"].as_array().unwrap().iter();
    let all = listed.chain([&bom["metadata"]["component"]]);
    all.map(name).collect()
}

/// A bill of materials has everything that is linked, nothing that the lock file does not have, and its license.
#[test]
#[ignore = "of what `make dist` has made: make test-packages"]
fn bills_of_materials_name_what_is_linked() {
    let lock = fs::read_to_string(paths::root().join("Cargo.lock")).unwrap();
    let lock: Value = toml::from_str(&lock).unwrap();
    let locked = lock["package"].as_array().unwrap().iter();
    let locked: BTreeSet<String> = locked
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap();
            format!("{} {}", text("name"), text("version"))
        })
        .collect();
    let wasm = "wasm32-wasip1";
    let modules = FILTERS.map(|name| (name, name, wasm));
    let others = [
        (BUNDLE, "meshward-bundle", wasm),
        ("meshward-cli", "meshward-cli", "x86_64-unknown-linux-musl"),
    ];
    for (name, package, target) in modules.into_iter().chain(others) {
        let file = paths::root().join(format!("dist/sbom/{name}.cdx.json"));
        let bom = json(&file);
        assert_eq!(
            (&bom["bomFormat"], &bom["specVersion"]),
            (&"CycloneDX".into(), &"1.5".into())
        );
        let listed = components(&bom);
        let missing: Vec<_> = linked(package, target)
            .difference(&listed)
            .cloned()
            .collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
        let strange: Vec<_> = listed.difference(&locked).collect();
        assert!(strange.is_empty(), "{name}: {strange:?}");
        for component in bom["components"].as_array().unwrap() {
            assert!(
                component["licenses"].is_array(),
                "{name}: {}",
                component["name"]
            );
        }
    }
}

/// The command of the archive runs by itself, with its pages and completions beside it.
#[test]
#[ignore = "of what `make dist` has made: make test-packages"]
fn the_archive_has_a_command_that_runs() {
    let machine = String::from_utf8(output_of(Command::new("uname").arg("-m")).unwrap()).unwrap();
    let name = format!("meshward-{VERSION}-{}-unknown-linux-musl", machine.trim());
    let folder = tempfile::tempdir().unwrap();
    let mut unpack = Command::new("tar");
    unpack.arg("-xzf");
    unpack.arg(paths::root().join(format!("dist/{name}.tar.gz")));
    output_of(unpack.arg("-C").arg(folder.path())).unwrap();
    let home = folder.path().join(name);
    let program = home.join("meshward");
    let said = output_of(Command::new(&program).arg("--version").env_clear()).unwrap();
    assert_eq!(
        String::from_utf8(said).unwrap(),
        format!("meshward {VERSION}\n")
    );
    // No loader, so no library of the machine that it runs on.
    let bytes = fs::read(&program).unwrap();
    assert!(
        !bytes
            .windows(8)
            .any(|bytes| bytes == b"ld-linux" || bytes == b"/ld-musl")
    );
    let root = paths::root();
    for (inside, source) in [
        ("README.md", "shared/cli/README.md"),
        ("CHANGELOG.md", "CHANGELOG.md"),
        ("LICENSE", "LICENSE"),
    ] {
        assert_eq!(
            fs::read(home.join(inside)).unwrap(),
            fs::read(root.join(source)).unwrap()
        );
    }
    for inside in [
        "man/man1/meshward.1",
        "man/man1/meshward-check.1",
        "completions/meshward.bash",
        "completions/meshward.zsh",
    ] {
        assert!(
            fs::metadata(home.join(inside)).unwrap().len() > 0,
            "{inside}"
        );
    }
    // The sums are of what is there.
    let mut sums = Command::new("sha256sum");
    sums.current_dir(root.join("dist"));
    output_of(sums.args(["--check", "--strict", "--quiet", "PACKAGES.SHA256SUMS"])).unwrap();
}

/// One place says which version this is: `[workspace.package]` in Cargo.toml.
#[test]
fn manifests_and_documents_name_this_version() {
    let mut images = 0;
    for folder in ["istio", "envoy-gateway", "higress"] {
        for file in fs::read_dir(paths::root().join("envoy-test").join(folder)).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            for (_, tag) in text
                .split("registry.example.com/meshward/")
                .skip(1)
                .map(|rest| {
                    let image = rest.split_whitespace().next().unwrap();
                    image.split_once(':').unwrap()
                })
            {
                assert_eq!(tag, VERSION, "{}", path.display());
                images += 1;
            }
        }
    }
    assert!(images >= 8, "{images}");
    let changelog = fs::read_to_string(paths::root().join("CHANGELOG.md")).unwrap();
    assert!(
        changelog.contains(&format!("## [{VERSION}]")) || changelog.contains("## [Unreleased]"),
        "the change log has neither this version nor what comes next"
    );
}
