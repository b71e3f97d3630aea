#!/usr/bin/env bash
# Builds the packages of a release twice, from two clones of this commit, and compares them byte for byte.
#
#   reproducible.sh            modules and packages: what `make dist` makes
#   reproducible.sh build      the modules only: what `make build` makes
#
# The clones are below target/reproducible, at paths of different length and depth, with target folders of
# their own. A second run goes on where the first one ended.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
goal=${1:-dist}
home="$root/target/reproducible"
revision=$(git -C "$root" rev-parse HEAD)
clones=("$home/a" "$home/another/folder/of-the-same")

say() { echo "make test-reproducible: $*" >&2; }

git -C "$root" diff --quiet HEAD || say "what is not committed is left out"
for clone in "${clones[@]}"; do
    if [ "$(git -C "$clone" rev-parse --show-toplevel 2>/dev/null)" != "$clone" ]; then
        rm -rf "$clone"
        git clone --quiet --local --no-checkout "$root" "$clone"
    fi
    git -C "$clone" fetch --quiet "$root" "$revision"
    git -C "$clone" checkout --quiet --force --detach "$revision"
    # Tools are fetched or compiled once; nothing of them is in what is compared.
    mkdir -p "$clone/target/testbed" "$root/target/testbed"
    for tool in "$root"/target/testbed/cargo-cyclonedx-* "$root"/target/testbed/debian-rust; do
        [ ! -e "$tool" ] || ln -sfn "$tool" "$clone/target/testbed/${tool##*/}"
    done
    say "make $goal in $clone"
    env -u MAKEFLAGS -u MAKELEVEL -u CARGO_TARGET_DIR make -C "$clone" --no-print-directory "$goal" >&2
done

if ! diff --recursive --brief "${clones[0]}/dist" "${clones[1]}/dist" >&2; then
    say "these files differ: the build depends on where it is done"
    exit 1
fi
files=$(find "${clones[0]}/dist" -type f | wc -l)
# An empty folder would be the same, too.
[ "$files" -ge 6 ] || { say "only $files files were built"; exit 1; }
say "all $files files of dist/ are the same in both folders"
