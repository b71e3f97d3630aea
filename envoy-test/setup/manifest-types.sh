#!/usr/bin/env bash
# Puts the types of the resources in the manifests below target/testbed and prints their folder.
#
# They are the npm packages @kubernetes-models, by the versions and hashes that package-lock.json here pins.
# A second run only prints the folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
pins="$here/manifest-types"
home="$root/target/testbed/manifest-types"

# The copy of the lock file is made last, so it stands for a finished installation of these pins.
if ! cmp -s "$pins/package-lock.json" "$home/pins.json"; then
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        echo "manifest-types.sh: Node 20 or later with npm is needed" >&2
        exit 1
    fi
    echo "types of the manifests: fetching them from npm" >&2
    rm -rf "$home"
    mkdir -p "$home"
    cp "$pins/package.json" "$pins/package-lock.json" "$home"
    (cd -P "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    cp "$pins/package-lock.json" "$home/pins.json"
fi
echo "$home"
