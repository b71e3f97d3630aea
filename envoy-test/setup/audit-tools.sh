#!/usr/bin/env bash
# Puts the tools that audit trails are tested with below target/testbed and prints the folder.
#
# venv/bin/python with what validates records and queries them (audit-tools.txt: from PyPI, by hash)
# bin/rotel       an OpenTelemetry collector (PyPI package rotel)
# bin/promtool    checks alert rules (Debian package prometheus, unpacked, not installed)
#
# Nothing on the machine changes. A second run only prints the folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
pins="$here/audit-tools.txt"
home="$root/target/testbed/audit-tools"

if cmp -s "$pins" "$home/pins.txt"; then
    echo "$home"
    exit 0
fi

echo "audit tools: fetching them from PyPI and Debian" >&2
rm -rf "$home"
mkdir -p "$home/bin"
if ! python3 -m venv "$home/venv" >&2; then
    echo "audit-tools.sh: python3 with its venv module is needed (Debian: apt-get install python3-venv)" >&2
    exit 1
fi
"$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --no-deps --only-binary :all: --requirement "$pins" >&2
agent=$("$home/venv/bin/python" -c \
    'import importlib.util as u, os; print(os.path.join(os.path.dirname(u.find_spec("rotel").origin), "rotel-agent"))')
chmod +x "$agent"
ln -sf "$agent" "$home/bin/rotel"

# A new machine has no lists of packages, an old one lists what is no longer there. Without the right
# to renew them, those at hand have to do.
[ "$(id -u)" != 0 ] || apt-get -qq update >&2 || true
(cd "$home" && apt-get download --quiet prometheus >&2 && dpkg-deb --extract prometheus_*.deb prometheus) || {
    echo "audit-tools.sh: the Debian package prometheus cannot be fetched (apt-get update may help)" >&2
    exit 1
}
ln -sf "$home/prometheus/usr/bin/promtool" "$home/bin/promtool"
cp "$pins" "$home/pins.txt"
echo "$home"
