//! Where things lie in the checkout.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::Context as _;
use crate::{Error, Result};

/// The four filters, in the order in which they stand in the chain.
pub const FILTERS: [&str; 4] = ["audit-emitter", "jwt-auth", "token-bucket", "pii-redactor"];

/// The four filters in one module.
pub const BUNDLE: &str = "meshward";

/// The filters and the parts of the bundle's configuration that are theirs.
pub const PARTS: [(&str, &str); 4] = [
    ("audit-emitter", "audit"),
    ("jwt-auth", "auth"),
    ("token-bucket", "limits"),
    ("pii-redactor", "redact"),
];

/// The configuration of a filter as that of the bundle.
#[must_use]
pub fn bundled(filter: &str, configuration: &str) -> String {
    let part = PARTS.iter().find(|(name, _)| *name == filter);
    let part = part.map_or(filter, |(_, part)| part);
    format!("{{\"{part}\": {configuration}}}")
}

/// The Envoy that everything runs with unless it names another.
pub const ENVOY_VERSION: &str = "1.40.0";

/// Every Envoy that the filters are tested with, oldest first.
pub const ENVOY_VERSIONS: [&str; 5] = ["1.36.4", "1.37.0", "1.38.2", "1.39.3", ENVOY_VERSION];

/// The folder of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.parent().unwrap_or(crate_dir).to_path_buf()
}

/// The built module of a filter: in `dist/`, or in the folder that the environment variable `MESHWARD_MODULES` names.
///
/// # Errors
/// [`Error::NotBuilt`] before `make build`, and [`Error::Config`] when something else lies there.
pub fn wasm(filter: &str) -> Result<PathBuf> {
    let folder = std::env::var_os("MESHWARD_MODULES");
    let folder = folder.map_or_else(|| root().join("dist"), PathBuf::from);
    let module = built(folder.join(format!("{filter}.wasm")), "make build")?;
    let mut start = Vec::new();
    let action = format!("reading {}", module.display());
    let file = File::open(&module).context(&action)?;
    file.take(20).read_to_end(&mut start).context(action)?;
    match not_a_module(&start) {
        None => Ok(module),
        Some(found) => Err(Error::Config {
            file: module.display().to_string(),
            reason: format!(
                "is not a WebAssembly module but {found}; `make build` makes one, or take that of a release and compare it with SHA256SUMS"
            ),
        }),
    }
}

/// What a file is that begins with these bytes, if it is no WebAssembly module that a proxy loads.
fn not_a_module(start: &[u8]) -> Option<String> {
    // The first is the version of modules, the second of components; both have it where others have a machine.
    const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
    let elf_machine = start.get(18).copied();
    Some(match start {
        _ if start.starts_with(&MODULE) => return None,
        [] => "empty".to_owned(),
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => {
            "a WebAssembly component, which proxies do not load".to_owned()
        }
        [0, b'a', b's', b'm', ..] => "WebAssembly of another version".to_owned(),
        [0x7f, b'E', b'L', b'F', ..] => match elf_machine {
            Some(0x3e) => "a program or library for x86_64".to_owned(),
            Some(0xb7) => "a program or library for aarch64".to_owned(),
            _ => "a program or library for another processor".to_owned(),
        },
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => "a program or library for macOS".to_owned(),
        [0x1f, 0x8b, ..] => "compressed with gzip".to_owned(),
        _ => format!(
            "something that begins with {:?}",
            String::from_utf8_lossy(start)
        ),
    })
}

/// The module of a filter as it was linked, with the names of its functions.
///
/// # Errors
/// [`Error::NotBuilt`] before `make build`.
pub fn linked(filter: &str) -> Result<PathBuf> {
    let name = match filter {
        BUNDLE => "meshward_bundle".to_owned(),
        filter => filter.replace('-', "_"),
    };
    let folder = root().join("target/wasm32-wasip1/release");
    built(folder.join(format!("{name}.wasm")), "make build")
}

/// The module that does nothing.
///
/// # Errors
/// [`Error::NotBuilt`] before `make bench`.
pub fn noop_filter() -> Result<PathBuf> {
    built(
        root().join("target/wasm32-wasip1/release/noop_filter.wasm"),
        "make bench",
    )
}

/// The binary of an Envoy that `envoy-test/setup/envoy.sh` fetched.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn envoy(version: &str) -> Result<PathBuf> {
    let home = root()
        .join("target/testbed")
        .join(format!("envoy-{version}"));
    built(
        home.join("envoy"),
        &format!("envoy-test/setup/envoy.sh {version}"),
    )
}

/// The folder of the servers that `envoy-test/setup/upstreams.sh` unpacked.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn upstreams() -> Result<PathBuf> {
    let home = root().join("target/testbed/upstreams");
    built(home.join("nginx"), "envoy-test/setup/upstreams.sh")?;
    built(home.join("caddy"), "envoy-test/setup/upstreams.sh")?;
    Ok(home)
}

/// The rate limit service, built by the same cargo command as this program, or by one with the same
/// profile.
///
/// # Errors
/// [`Error::NotBuilt`] before it is built.
pub fn rate_limit_service() -> Result<PathBuf> {
    program("rate-limit-service", "cargo build -p rate-limit-service")
}

/// The command line tool, built by the same cargo command as this program, or by one with the same
/// profile.
///
/// # Errors
/// [`Error::NotBuilt`] before it is built.
pub fn command_line() -> Result<PathBuf> {
    program("meshward", "cargo build -p meshward-cli")
}

fn program(name: &str, command: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().unwrap_or_default();
    // Tests are one folder deeper than binaries.
    let folders = this.ancestors().skip(1).take(2);
    let built_beside = folders.map(|folder| folder.join(name));
    let found = built_beside.clone().find(|path| path.exists());
    let wanted = found.or_else(|| built_beside.last()).unwrap_or_default();
    built(wanted, command)
}

/// The Redis that `envoy-test/setup/redis.sh` unpacked.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn redis() -> Result<PathBuf> {
    built(
        root().join("target/testbed/redis/redis-server"),
        "envoy-test/setup/redis.sh",
    )
}

/// Something that `envoy-test/setup/audit-tools.sh` fetched: `bin/promtool`.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn audit_tool(path: &str) -> Result<PathBuf> {
    let home = root().join("target/testbed/audit-tools");
    built(home.join(path), "envoy-test/setup/audit-tools.sh")
}

/// The packages of the OpenID provider that `envoy-test/setup/oidc-provider.sh` fetched.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn oidc_provider() -> Result<PathBuf> {
    let home = root().join("target/testbed/oidc-provider");
    // It is made last.
    built(home.join("pins.json"), "envoy-test/setup/oidc-provider.sh")?;
    Ok(home)
}

/// The folder of the clients that `envoy-test/setup/clients.sh` fetched.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn clients() -> Result<PathBuf> {
    let home = root().join("target/testbed/clients");
    // It is made last.
    built(home.join("pins.txt"), "envoy-test/setup/clients.sh")?;
    Ok(home)
}

/// The skopeo that `envoy-test/setup/skopeo.sh` unpacked.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn skopeo() -> Result<PathBuf> {
    built(
        root().join("target/testbed/skopeo/skopeo"),
        "envoy-test/setup/skopeo.sh",
    )
}

/// The packages with the types of Kubernetes resources that `envoy-test/setup/manifest-types.sh`
/// fetched.
///
/// # Errors
/// [`Error::NotBuilt`] before that.
pub fn manifest_types() -> Result<PathBuf> {
    let home = root().join("target/testbed/manifest-types");
    // It is made last.
    built(home.join("pins.json"), "envoy-test/setup/manifest-types.sh")?;
    Ok(home)
}

fn built(path: PathBuf, command: &str) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    Err(Error::NotBuilt {
        path,
        command: command.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::not_a_module;

    #[test]
    fn what_is_no_module_is_named() {
        let elf = |machine: u8| {
            let mut start = b"\x7fELF\x02\x01\x01".to_vec();
            start.resize(18, 0);
            start.extend([machine, 0]);
            start
        };
        let cases: [(&[u8], &str); 8] = [
            (b"", "empty"),
            (b"\0asm\x0d\0\x01\0", "component"),
            (b"\0asm\x02\0\0\0", "another version"),
            (&elf(0x3e), "x86_64"),
            (&elf(0xb7), "aarch64"),
            (b"\xcf\xfa\xed\xfe", "macOS"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"<!DOCTYPE html>", "<!DOCTYPE html>"),
        ];
        for (start, said) in cases {
            let found = not_a_module(start).unwrap();
            assert!(found.contains(said), "{found}");
        }
        assert_eq!(not_a_module(b"\0asm\x01\0\0\0\x01"), None);
    }
}
