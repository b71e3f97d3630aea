#!/usr/bin/env bash
# Makes sure that Rust can build for wasm32-wasip1 (the filters) and wasm32-unknown-unknown (the
# tests of shared/policy in Node), and leaves what a build has to set in target/testbed/wasm.env.
#
#   wasm-target.sh             uses the toolchain at hand, or lets rustup add the targets
#   wasm-target.sh --debian    takes the compiler from Debian's packages, as happens by itself
#                              where rustup cannot download
#
# Debian's packages are unpacked below target/testbed, not installed: nothing on the machine
# changes and no rights are needed. Debian has no finished standard library for WebAssembly, so it
# is built along from its sources.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
bed="$root/target/testbed"
settings="$bed/wasm.env"
targets="wasm32-wasip1 wasm32-unknown-unknown"

has_targets() {
    local target
    for target in $targets; do
        [ -d "$(rustc --print target-libdir --target "$target" 2>/dev/null)" ] || return 1
    done
}

add_by_rustup() {
    command -v rustup >/dev/null || return 1
    # shellcheck disable=SC2086 # one word for each target
    rustup target add $targets >&2
}

# The names carry versions that change with Debian's updates, so they are asked for.
dependency_of() {
    apt-cache depends "$1" | sed -n "s/^ *Depends: \($2\)$/\1/p" | head -n 1
}

unpack_debian() {
    local home="$bed/debian-rust"
    if [ -f "$home/complete" ]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        echo "wasm-target.sh: rustup cannot add $targets, and this is no Debian to take them from" >&2
        return 1
    fi
    local std llvm
    std=$(dependency_of libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')
    llvm=$(dependency_of "${std:-none}" 'libllvm[0-9]*')
    if [ -z "$std" ] || [ -z "$llvm" ]; then
        echo "wasm-target.sh: Debian's rustc-web is not to be found; run apt-get update first" >&2
        return 1
    fi
    echo "Rust for WebAssembly: unpacking Debian's packages" >&2
    rm -rf "$home"
    mkdir -p "$home/packages"
    (
        cd "$home/packages"
        apt-get -qq -o "APT::Sandbox::User=$(id -un)" download \
            rustc-web libstd-rust-web-dev "$std" "$llvm" rust-web-src wasi-libc >&2
        for package in *.deb; do
            dpkg -x "$package" "$home"
        done
    )
    rm -rf "$home/packages"
    touch "$home/complete"
}

# The linker for WebAssembly: rustup's own toolchains have it, Debian has it as a package.
linker() {
    local found
    found=$(find "$(rustc --print sysroot)/lib/rustlib" -name rust-lld 2>/dev/null | head -n 1)
    if [ -z "$found" ]; then
        found=$(compgen -c | grep -E '^wasm-ld(-[0-9]+)?$' | sort -V | tail -n 1 || true)
    fi
    if [ -z "$found" ]; then
        echo "wasm-target.sh: no linker for WebAssembly; run apt-get install lld" >&2
        return 1
    fi
    command -v "$found"
}

mkdir -p "$bed"
if [ "${1:-}" != --debian ] && { has_targets || add_by_rustup; }; then
    cat >"$settings.new" <<END
# The toolchain at hand builds for WebAssembly; nothing is to be set.
WASM_CARGO_OPTIONS=()
WASM_RUSTFLAGS=()
END
else
    unpack_debian
    debian="$bed/debian-rust"
    found=$(linker)
    cat >"$settings.new" <<END
# Debian's compiler with its standard library built along.
export RUSTC="$debian/usr/bin/rustc"
export RUSTC_BOOTSTRAP=1
export LD_LIBRARY_PATH="$(echo "$debian"/usr/lib/*-linux-gnu)"
export CARGO_TARGET_WASM32_WASIP1_LINKER="$found"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$found"
WASM_CARGO_OPTIONS=(-Zbuild-std=std,panic_abort,test)
WASM_RUSTFLAGS=("-Lnative=$debian/usr/lib/wasm32-wasi" "--remap-path-prefix=$debian/usr/src=rustc")
END
fi
mv "$settings.new" "$settings"
