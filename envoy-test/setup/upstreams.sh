#!/usr/bin/env bash
# Unpacks Debian's nginx and Caddy below target/testbed and prints the folder. Nothing on the machine
# changes and no rights are needed; what is installed is taken as it is.
#
# They are upstreams in a test: nginx is a server of its own kind, Caddy one of Go's net/http, without
# the 300 MB of a Go toolchain. Node.js and Python, the others, are there anyway.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

home="$root/target/testbed/upstreams"

mkdir -p "$home"
for server in nginx caddy; do
    [ ! -x "$home/$server" ] || continue
    if found=$(PATH="$PATH:/usr/sbin" command -v "$server"); then
        ln -sf "$found" "$home/$server"
        continue
    fi
    renew_package_lists
    unpack_debian "$home" "$server"
    ln -sf "$(cd "$home" && ls "usr/sbin/$server" "usr/bin/$server" 2>/dev/null)" "$home/$server"
done
"$home/nginx" -v
echo "Caddy $("$home/caddy" version)" >&2
echo "$home"
