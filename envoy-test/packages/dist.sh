#!/usr/bin/env bash
# Makes the packages of a release in dist/, from modules that `make build` has left there.
#
#   dist/SHA256SUMS, dist/<name>.wasm    from `make build`
#   dist/names/<name>.wasm               the same code with the names of its functions, for profilers
#   dist/schemas/<filter>.json           JSON Schemas of the configurations
#   dist/oci/<name>                      OCI image layouts (oci_layout.py says how to push them)
#   dist/sbom/<name>.cdx.json            CycloneDX 1.5, one for each module and the command line tool
#   dist/meshward-<version>-<target>.tar.gz   the command line tool, static, with man pages and completions
#   dist/PACKAGES.SHA256SUMS             the checksums of all of these
#
# Everything is reproducible: the same commit gives the same bytes in any folder.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
setup="$root/envoy-test/setup"
dist="$root/dist"
cd "$root"

bundle=meshward
filters=("$@")
modules=("$bundle" "${filters[@]}")
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# Dates inside archives: that of the commit.
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
cli_target="$(uname -m)-unknown-linux-musl"

say() { echo "make dist: $*" >&2; }

# Where a module's crate is: the folder of its name below filters/.
description() {
    sed -n 's/^description = "\(.*\)"/\1/p' "filters/$1/Cargo.toml"
}

say "schemas"
rm -rf "$dist/schemas" && mkdir -p "$dist/schemas"
for module in "${modules[@]}"; do
    if [ -f "filters/$module/schema.json" ]; then
        cp "filters/$module/schema.json" "$dist/schemas/$module.json"
    fi
done

say "OCI image layouts"
rm -rf "$dist/oci" && mkdir -p "$dist/oci"
for module in "${modules[@]}"; do
    python3 envoy-test/packages/oci_layout.py "$dist/$module.wasm" "$dist/oci/$module" \
        --version "$version" --revision "$revision" --title "$module" --description "$(description "$module")"
done

say "bills of materials"
cyclonedx=$("$setup/tool.sh" cargo-cyclonedx)
rm -rf "$dist/sbom" && mkdir -p "$dist/sbom"
# The tool writes beside the Cargo.toml of every member of the workspace, which is tidied up here.
bom=meshward-bom.json
remove_boms() { git ls-files --others -- "*/$bom" | xargs -r rm -f; }
trap remove_boms EXIT
# For a target: `name folder` for each bill of materials that is wanted.
bills_of_materials() {
    "$cyclonedx" cyclonedx --manifest-path Cargo.toml --format json --spec-version 1.5 --target "$1" \
        --no-build-deps --override-filename "${bom%.json}" -qq
    while read -r name folder; do
        python3 envoy-test/packages/sbom.py "$folder/$bom" "$root" >"$dist/sbom/$name.cdx.json"
    done
    remove_boms
}
for module in "${modules[@]}"; do
    echo "$module filters/$module"
done | bills_of_materials wasm32-wasip1
echo "meshward-cli shared/cli" | bills_of_materials "$cli_target"

say "the command line tool for $cli_target"
rustup target add "$cli_target" >&2
CARGO_PROFILE_NATIVE_STRIP=symbols \
    RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$root=meshward --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
    cargo build --locked --profile native --target "$cli_target" --package meshward-cli --bin meshward
binary="target/$cli_target/native/meshward"
name="meshward-$version-$cli_target"
folder="target/dist/$name"
rm -rf target/dist && mkdir -p "$folder/man/man1" "$folder/completions"
cp "$binary" LICENSE CHANGELOG.md "$folder"
cp shared/cli/README.md "$folder/README.md"
"$binary" man --output-dir "$folder/man/man1"
for shell in bash zsh fish powershell; do
    "$binary" completions "$shell" >"$folder/completions/meshward.$shell"
done
tar --create --directory target/dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" "$name" \
    | gzip -9 --no-name >"$dist/$name.tar.gz"

(cd "$dist" && find names schemas oci sbom ./*.tar.gz ./*.wasm -type f | sed 's,^\./,,' | LC_ALL=C sort | xargs sha256sum >PACKAGES.SHA256SUMS)
say "done; dist/PACKAGES.SHA256SUMS lists $(wc -l <"$dist/PACKAGES.SHA256SUMS") files"
