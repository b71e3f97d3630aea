#!/usr/bin/env bash
# Puts axe-core, which finds what keeps people from using a page, below target/testbed and prints the path of its
# script. Its version and hash are those of package-lock.json in the folder `axe`.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

home="$root/target/testbed/axe"
is_installed "$here/axe/package-lock.json" "$home/pins.json" || install_npm "$here/axe" "$home"
echo "$home/node_modules/axe-core/axe.min.js"
