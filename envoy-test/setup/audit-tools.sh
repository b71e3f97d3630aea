#!/usr/bin/env bash
# Puts the tools that audit trails are tested with below target/testbed and prints the folder.
#
# venv/bin/python with what validates records and queries them (audit-tools.txt: from PyPI, by hash)
# bin/rotel       an OpenTelemetry collector (PyPI package rotel)
# bin/promtool    checks alert rules (Debian package prometheus, unpacked, not installed)
#
# Nothing on the machine changes. A second run only prints the folder.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

pins="$here/audit-tools.txt"
home="$root/target/testbed/audit-tools"

if is_installed "$pins" "$home/pins.txt"; then
    echo "$home"
    exit 0
fi

echo "audit tools: fetching them from PyPI and Debian" >&2
rm -rf "$home"
mkdir -p "$home/bin"
install_wheels "$home" "$pins"
agent=$(in_wheel "$home" rotel rotel-agent)
chmod +x "$agent"
ln -sf "$agent" "$home/bin/rotel"

renew_package_lists
unpack_debian "$home/prometheus" prometheus
ln -sf "$home/prometheus/usr/bin/promtool" "$home/bin/promtool"
cp "$pins" "$home/pins.txt"
echo "$home"
