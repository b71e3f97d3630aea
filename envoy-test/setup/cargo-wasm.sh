#!/usr/bin/env bash
# Runs cargo for a WebAssembly target with everything set that wasm-target.sh found to be needed.
#
#   cargo-wasm.sh <target> <cargo command> [arguments]
#
# The code is built with SIMD instructions, and without the paths of this machine in it.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
target=$1
shift

WASM_CARGO_OPTIONS=()
WASM_RUSTFLAGS=()
# shellcheck source=/dev/null
. "$root/target/testbed/wasm.env"

# The folder that the registry's sources are in has a name of its own on each machine, and exists
# only once something was fetched.
registry="${CARGO_HOME:-$HOME/.cargo}/registry/src"
cargo fetch --quiet --locked
# Copying less into callers takes 4 % of the bytes for 1 % more instructions in a request; V8 inlines what is short.
# So does one copy of a loop whose rounds only the run tells: 1 to 3 %, for nothing.
flags=(-C target-feature=+simd128 -C llvm-args=-inline-threshold=100 -C llvm-args=-unroll-runtime=false "--remap-path-prefix=$root=meshward")
for index in "$registry"/*/; do
    flags+=("--remap-path-prefix=${index%/}=registry")
done
flags+=("${WASM_RUSTFLAGS[@]+"${WASM_RUSTFLAGS[@]}"}")

# Encoded, because a path may have spaces in it.
separator=$'\x1f'
encoded=$(printf "%s$separator" "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS="${encoded%"$separator"}"

exec cargo "$1" --locked "${WASM_CARGO_OPTIONS[@]+"${WASM_CARGO_OPTIONS[@]}"}" --target "$target" "${@:2}"
