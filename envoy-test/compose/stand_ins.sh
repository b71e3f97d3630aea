#!/usr/bin/env bash
# Builds images that stand in for the published ones of docker-compose.yaml, from the packages of the test bed:
# the same Envoy, nginx and Prometheus of Debian, the Node of this machine, and the collector of the tests.
#
#   stand_ins.sh docker|podman
#
# Each image is `FROM scratch` with a few programs and the libraries that they link to. local.yaml names them.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/../setup/fetching.sh"

builder=$1
bed="$root/target/testbed"
home="$root/target/stand-ins"

# add <image> <program> <path in the image>: with its libraries, at the paths where its loader looks.
add() {
    local program folder="$home/$1" library
    program=$(readlink -f "$2")
    install -D "$program" "$folder$3"
    # A static program has none.
    { ldd "$program" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
        [ -f "$library" ] || continue
        [ -e "$folder$library" ] || install -D "$library" "$folder$library"
    done
}

# add_tools <image> <name>...: programs of this machine.
add_tools() {
    local image=$1 name
    shift
    for name in "$@"; do
        add "$image" "$(command -v "$name")" "/bin/$name"
    done
}

# build <image> <lines of the Containerfile>
build() {
    mkdir -p "$home/$1/tmp" "$home/$1/etc"
    echo "root:x:0:0:root:/:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh" >"$home/$1/etc/passwd"
    echo "root:x:0:
nogroup:x:65534:" >"$home/$1/etc/group"
    { echo "FROM scratch"; echo "COPY . /"; echo 'ENV PATH=/bin'; echo "$2"; } >"$home/$1.Containerfile"
    echo "stand_ins.sh: $1" >&2
    "$builder" build --quiet --file "$home/$1.Containerfile" --tag "localhost/meshward-stand-in/$1:local" "$home/$1" >&2
}

rm -rf "$home"
(cd "$root" && make --no-print-directory "target/testbed/envoy-1.40.0/pins.txt" target/testbed/upstreams/caddy \
    target/testbed/oidc-provider/pins.json target/testbed/audit-tools/pins.txt >&2)
cargo build --quiet --locked --profile native --manifest-path "$root/Cargo.toml" --package envoy-test \
    --no-default-features --bin peers

add envoy "$bed/envoy-1.40.0/envoy" /bin/envoy
add_tools envoy bash sh grep
build envoy 'CMD ["envoy"]'

add upstream "$bed/upstreams/nginx" /bin/nginx
add_tools upstream curl
mkdir -p "$home"/upstream/var/log/nginx "$home"/upstream/var/lib/nginx
build upstream 'CMD ["nginx", "-g", "daemon off;"]'

add_tools idp node sh cp mkdir
cp -r "$bed/oidc-provider/node_modules" "$home/idp/"
# The packages came with the image.
cat >"$home/idp/bin/npm" <<'END'
#!/bin/sh
exec cp -r /node_modules /packages/
END
chmod +x "$home/idp/bin/npm"
build idp 'CMD ["node"]'

add collector "$root/target/native/peers" /bin/peers
add_tools collector sh
# What the published collector takes from its file, this one is told; the shell drops the words of the compose file.
build collector 'ENTRYPOINT ["sh", "-c", "exec peers collector --listen 0.0.0.0:4318 --trail /trail/records.jsonl"]'

add prometheus "$bed/audit-tools/prometheus/usr/bin/prometheus" /bin/prometheus
add_tools prometheus wget
build prometheus 'ENTRYPOINT ["prometheus", "--storage.tsdb.path=/tmp/data"]'
