#!/usr/bin/env bash
# Puts the types of the resources in the manifests below target/testbed and prints their folder.
#
# They are the npm packages @kubernetes-models, by the versions and hashes that package-lock.json here pins.
# A second run only prints the folder.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

pins="$here/manifest-types"
home="$root/target/testbed/manifest-types"

if ! is_installed "$pins/package-lock.json" "$home/pins.json"; then
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        fail "Node 20 or later with npm is needed"
    fi
    echo "types of the manifests: fetching them from npm" >&2
    install_npm "$pins" "$home"
fi
echo "$home"
