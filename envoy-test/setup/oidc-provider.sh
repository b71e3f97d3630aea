#!/usr/bin/env bash
# Puts the packages of the OpenID provider of the test bed below target/testbed and prints their folder.
#
# The provider is the npm package oidc-provider, by the versions and hashes that package-lock.json here pins.
# A second run only prints the folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
pins="$here/oidc-provider"
home="$root/target/testbed/oidc-provider"

# The copy of the lock file is made last, so it stands for a finished installation of these pins.
if ! cmp -s "$pins/package-lock.json" "$home/pins.json"; then
    if ! node -e 'process.exit(require("node:crypto").hash ? 0 : 1)' || ! command -v npm >/dev/null; then
        echo "oidc-provider.sh: Node 20.12 or later with npm is needed" >&2
        exit 1
    fi
    echo "OpenID provider: fetching it from npm" >&2
    rm -rf "$home"
    mkdir -p "$home"
    cp "$pins/package.json" "$pins/package-lock.json" "$home"
    npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    cp "$pins/package-lock.json" "$home/pins.json"
fi
echo "$home"
