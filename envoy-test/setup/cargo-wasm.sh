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
flags=(-C target-feature=+simd128 -C llvm-args=-inline-threshold=100 "--remap-path-prefix=$root=meshward")
# Loops that are copied, or unrolled beyond what level 2 unrolls, take 4 to 5 % of the bytes and save no instruction.
for option in -unroll-runtime=false -unroll-threshold=150 -unswitch-threshold=0 -callsite-splitting-duplication-threshold=0; do
    flags+=(-C "llvm-args=$option")
done
for index in "$registry"/*/; do
    flags+=("--remap-path-prefix=${index%/}=registry")
done
flags+=("${WASM_RUSTFLAGS[@]+"${WASM_RUSTFLAGS[@]}"}")

# Encoded, because a path may have spaces in it.
separator=$'\x1f'
encoded=$(printf "%s$separator" "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS="${encoded%"$separator"}"

exec cargo "$1" --locked "${WASM_CARGO_OPTIONS[@]+"${WASM_CARGO_OPTIONS[@]}"}" --target "$target" "${@:2}"
