#!/usr/bin/env bash
# Checks that this machine has what commands need, before anything is fetched or compiled, and says all that
# is missing at once, each with the command that installs it.
#
#   needs.sh build|demo|ports|test|dist|bench|compose...     what `make` runs; `ports` is for `make demo KEEP=1`
#
# Ends with status 1 if something is missing. SKIP_CHECKS=1 goes on regardless.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

# Those of the README: the gateway, Envoy's admin interface, and the three servers behind.
DEMO_PORTS=${DEMO_PORTS-10000 9901 8080 8081 4318}

missing=()
has() { command -v "$1" >/dev/null 2>&1; }

# lacks <what> <command>: to be reported with the others.
lacks() {
    local entry="  $1"$'\n'"      $2"
    # Two goals may need the same.
    case $'\n'"${missing[*]-}" in
    *"$entry"*) ;;
    *) missing+=("$entry"$'\n') ;;
    esac
}

# at_least <version> <other>: whether a version is not older than the other.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

# install <tool>: the command that installs it here.
install() {
    local apt=$1 dnf=$1 apk=$1 brew=$1
    case $1 in
    cc) apt=build-essential dnf=gcc apk=build-base brew= ;;
    python3) apt="python3 python3-venv" ;;
    venv) apt=python3-venv dnf=python3 apk=python3 brew=python3 ;;
    esac
    if [ "$1" = cc ] && [ "$(uname -s)" = Darwin ]; then
        echo "xcode-select --install"
    elif has apt-get; then
        echo "sudo apt-get install $apt"
    elif has dnf; then
        echo "sudo dnf install $dnf"
    elif has apk; then
        echo "sudo apk add $apk"
    elif has brew; then
        echo "brew install $brew"
    else
        echo "install $1 with the package manager of this system"
    fi
}

needs_rust() {
    local wanted version
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    if ! has rustc || ! has cargo; then
        lacks "Rust $wanted or later is not installed" \
            "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
        return 0
    fi
    version=$(rustc --version 2>&1 || true)
    if [[ "$version" != "rustc "* ]]; then
        lacks "rustc does not run: ${version%%$'\n'*}" "rustup default stable"
        return 0
    fi
    version=${version#rustc }
    version=${version%%[!0-9.]*}
    if ! at_least "$version" "$wanted"; then
        if has rustup; then
            lacks "Rust $version is too old: $wanted or later is needed" "rustup update stable && rustup default stable"
        else
            lacks "Rust $version is too old: $wanted or later is needed, from rustup" \
                "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
        fi
    elif [ ! -d "$(rustc --print target-libdir --target wasm32-wasip1 2>/dev/null)" ] && ! has rustup &&
        ! { has apt-get && has dpkg; }; then
        lacks "Rust has no standard library for wasm32-wasip1, and neither rustup nor Debian's packages can add it" \
            "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    fi
}

# Packages are the same bytes only where the compiler is the same.
mention_release_rust() {
    local wanted version
    wanted=$(sed -n '/^\[workspace.metadata.release\]/,/^\[/s/^rust = "\(.*\)"/\1/p' "$root/Cargo.toml")
    version=$(rustc --version 2>/dev/null || true)
    case $version in
    "rustc $wanted "* | "") ;;
    *)
        echo "make $goals: ${version%% (*} makes other bytes than releases have, which rustc $wanted builds:" >&2
        echo "    rustup toolchain install $wanted && RUSTUP_TOOLCHAIN=$wanted make $goals" >&2
        ;;
    esac
}

# Rust links with it. A compiler without the files of the C library is not enough.
needs_linker() {
    local folder
    if ! has cc; then
        lacks "there is no C compiler (cc), which Rust links with" "$(install cc)"
        return 0
    fi
    folder=$(mktemp -d)
    echo 'int main(void) { return 0; }' >"$folder/main.c"
    if ! cc -o "$folder/main" "$folder/main.c" 2>/dev/null; then
        lacks "the C compiler (cc) cannot link a program" "$(install cc)"
    fi
    rm -rf "$folder"
}

# needs_python [<version>]
needs_python() {
    local wanted=${1:-3.9} version
    if ! has python3; then
        lacks "Python 3 is not installed" "$(install python3)"
        return 0
    fi
    version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 0)
    if ! at_least "$version" "$wanted"; then
        lacks "Python $version is too old: $wanted or later is needed" "$(install python3)"
    elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        lacks "Python has no venv module" "$(install venv)"
    fi
}

needs_node() {
    if has node && has npm && node -e 'process.exit(require("node:crypto").hash ? 0 : 1)' 2>/dev/null; then
        return 0
    fi
    local found="Node is not installed"
    if has node; then
        found="Node $(node --version 2>/dev/null || echo '(which does not run)') is too old"
        has npm || found="npm is not installed"
    fi
    if has brew; then
        lacks "$found: 20.12 or later is needed, with npm" "brew install node"
    elif has apt-get; then
        lacks "$found: 20.12 or later is needed, with npm (Debian 12 has an older one)" \
            "curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash - && sudo apt-get install nodejs"
    else
        lacks "$found: 20.12 or later is needed, with npm" "see https://nodejs.org/en/download"
    fi
}

# needs_tool <command>
needs_tool() {
    has "$1" || lacks "$1 is not installed" "$(install "$1")"
}

# Envoy comes as a binary for these.
needs_envoy_platform() {
    local platform
    platform="$(uname -s) $(uname -m)"
    case $platform in
    "Linux x86_64" | "Linux aarch64" | "Darwin arm64")
        if ldd --version 2>&1 | grep -qi musl; then
            lacks "Envoy's binary needs glibc, and this Linux has musl" \
                "take a Debian or Ubuntu, or the containers: docker compose --file envoy-test/docker-compose.yaml up --wait"
        fi
        ;;
    *)
        lacks "there is no Envoy binary for $platform (there is for Linux on x86_64 and aarch64, and macOS on arm64)" \
            "take the containers: docker compose --file envoy-test/docker-compose.yaml up --wait"
        ;;
    esac
}

# Servers and tools of the tests: what is neither installed nor unpacked yet comes from Debian's packages.
needs_servers() {
    local pair absent=()
    for pair in redis-server:redis/redis-server nginx:upstreams/nginx caddy:upstreams/caddy \
        skopeo:skopeo/skopeo promtool:audit-tools/bin/promtool chromium:chromium.path h2load:clients/h2load; do
        has "${pair%%:*}" || [ -e "$root/target/testbed/${pair#*:}" ] || absent+=("${pair%%:*}")
    done
    if [ "${#absent[@]}" -gt 0 ] && ! { has apt-get && has dpkg; }; then
        lacks "not installed, and this is no Debian to unpack them from: ${absent[*]}" \
            "$(install "$(echo "${absent[*]}" | sed 's/redis-server/redis/; s/promtool/prometheus/; s/h2load/nghttp2-client/')")"
    fi
}

# needs_space <GB> <file that stands for an earlier run>: on the disk that target/ is on.
needs_space() {
    local wanted=$1 free
    [ ! -e "$root/$2" ] || wanted=1
    free=$(free_megabytes)
    if [ -n "$free" ] && [ "$free" -lt $((wanted * 1024)) ]; then
        lacks "the disk is nearly full: $free MB are free for $root/target, $wanted GB are needed" \
            "make room (make clean removes what was built), or let target be a link: ln -s /other/disk/meshward-target target"
    fi
}

# listener <port>: who has it, as far as the system says.
listener() {
    if has ss; then
        ss -Hltnp "sport = :$1" 2>/dev/null |
            sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1
    elif has lsof; then
        lsof -nP -iTCP:"$1" -sTCP:LISTEN 2>/dev/null | awk 'NR == 2 { print $1 " (process " $2 ")" }'
    fi
}

needs_ports() {
    local port who
    for port in $DEMO_PORTS; do
        # Somebody who accepts a connection is there.
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue
        who=$(listener "$port")
        lacks "port $port is in use${who:+ by $who}" \
            "end what uses it, or let the demonstration choose: make demo KEEP=1 PORTS=free"
    done
}

# What of the environment changes how things are fetched, for the one who wonders.
mention_proxy() {
    local name
    for name in https_proxy HTTPS_PROXY http_proxy HTTP_PROXY all_proxy ALL_PROXY; do
        [ -n "${!name:-}" ] || continue
        echo "make $goals: $name is set, so what is fetched comes through that proxy; localhost is excepted." >&2
        case ",${no_proxy:-},${NO_PROXY:-}," in
        *,localhost,* | *,\*,*) ;;
        *) echo "    For curl in your own shell: export no_proxy=localhost,127.0.0.1" >&2 ;;
        esac
        return 0
    done
}

[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ -z "${SKIP_CHECKS:-}" ] || exit 0
goals=$*
for goal in "$@"; do
    case $goal in
    build) needs_rust; needs_linker; needs_space 2 dist/meshward.wasm ;;
    demo) needs_rust; needs_linker; needs_envoy_platform; needs_python; needs_space 3 target/debug; mention_proxy ;;
    bench) needs_rust; needs_linker; needs_envoy_platform; needs_python; needs_space 4 target/native ;;
    ports) needs_ports ;;
    dist)
        needs_rust; needs_linker; needs_python; needs_tool git; needs_space 4 dist/oci; mention_release_rust
        ;;
    compose) needs_rust; needs_linker; needs_tool curl; needs_space 4 target/native; mention_proxy ;;
    test)
        needs_rust; needs_linker; needs_envoy_platform; needs_python 3.11; needs_node; needs_tool curl; needs_tool git
        needs_servers; needs_space 12 target/debug; mention_proxy
        ;;
    *) echo "needs.sh: make $goal is not known here" >&2; exit 2 ;;
    esac
done

if [ "${#missing[@]}" -gt 0 ]; then
    {
        echo "make $goals: this machine lacks something."
        printf '%s' "${missing[@]}"
        echo "Then run the command again; SKIP_CHECKS=1 goes on regardless."
    } >&2
    exit 1
fi
