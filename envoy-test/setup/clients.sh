#!/usr/bin/env bash
# Puts the clients that the gateway is tried with below target/testbed and prints the folder.
#
# venv/bin/python with grpcio, requests and httpx (clients.txt: from PyPI, by hash)
# h2load          loads over HTTP/2 (Debian package nghttp2-client, unpacked, not installed)
#
# Node and curl are there anyway, and chromium.sh has the browser. Nothing on the machine changes; where an
# h2load is installed, that one is taken. A second run only prints the folder.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

pins="$here/clients.txt"
home="$root/target/testbed/clients"

if is_installed "$pins" "$home/pins.txt"; then
    echo "$home"
    exit 0
fi

echo "clients: fetching them from PyPI and Debian" >&2
rm -rf "$home"
mkdir -p "$home"
install_wheels "$home" "$pins"
if found=$(command -v h2load); then
    ln -sf "$found" "$home/h2load"
else
    renew_package_lists
    libraries=$(libraries_of 'lib\(nghttp2\|ev\|jansson\|jemalloc\|xml2\|c-\?ares\)[^ ]*' nghttp2-client)
    # shellcheck disable=SC2086 # one word for each package
    unpack_debian "$home" nghttp2-client $libraries
    write_launcher "$home" h2load usr/bin/h2load
fi
cp "$pins" "$home/pins.txt"
echo "$home"
