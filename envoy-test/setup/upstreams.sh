#!/usr/bin/env bash
# Unpacks Debian's nginx and Caddy below target/testbed and prints the folder. Nothing on the machine
# changes and no rights are needed; what is installed is taken as it is.
#
# They are upstreams in a test: nginx is a server of its own kind, Caddy one of Go's net/http, without
# the 300 MB of a Go toolchain. Node.js and Python, the others, are there anyway.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
home="$root/target/testbed/upstreams"

mkdir -p "$home"
for server in nginx caddy; do
    [ ! -x "$home/$server" ] || continue
    if found=$(PATH="$PATH:/usr/sbin" command -v "$server"); then
        ln -sf "$found" "$home/$server"
        continue
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        echo "upstreams.sh: install $server; this is no Debian to take it from" >&2
        exit 1
    fi
    echo "$server: unpacking Debian's package" >&2
    rm -rf "$home/packages"
    mkdir -p "$home/packages"
    download=(apt-get -qq -o "APT::Sandbox::User=$(id -un)" download "$server")
    (
        cd "$home/packages"
        # A new machine has no lists of packages, an old one lists what is no longer there.
        "${download[@]}" >&2 || { apt-get -qq update >&2 && "${download[@]}" >&2; }
        for package in *.deb; do
            dpkg -x "$package" "$home"
        done
    )
    rm -rf "$home/packages"
    ln -sf "$(cd "$home" && ls "usr/sbin/$server" "usr/bin/$server" 2>/dev/null)" "$home/$server"
done
"$home/nginx" -v
echo "Caddy $("$home/caddy" version)" >&2
echo "$home"
