#!/usr/bin/env bash
# Puts the packages of the OpenID provider of the test bed below target/testbed and prints their folder.
#
# The provider is the npm package oidc-provider, by the versions and hashes that package-lock.json here pins.
# A second run only prints the folder.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

pins="$here/oidc-provider"
home="$root/target/testbed/oidc-provider"

if ! is_installed "$pins/package-lock.json" "$home/pins.json"; then
    if ! node -e 'process.exit(require("node:crypto").hash ? 0 : 1)' || ! command -v npm >/dev/null; then
        fail "Node 20.12 or later with npm is needed"
    fi
    echo "OpenID provider: fetching it from npm" >&2
    install_npm "$pins" "$home"
fi
echo "$home"
