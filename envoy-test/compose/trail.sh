#!/bin/sh
# Verifies an audit trail and reports on it, with the `meshward` command of a release: nothing is compiled.
#
#   trail.sh <folder with meshward-<version>-<machine>-unknown-linux-musl.tar.gz> <trail>
#
# Ends as `meshward audit verify` does.
set -eu

dist=$1
trail=$2

set -- "$dist"/meshward-*-"$(uname -m)"-unknown-linux-musl.tar.gz
if [ "$#" -ne 1 ] || [ ! -f "$1" ]; then
    echo "trail: $dist has to have one meshward-<version>-$(uname -m)-unknown-linux-musl.tar.gz:" >&2
    echo "take it from a release, or make it with: make dist" >&2
    exit 2
fi
if [ ! -f "$trail" ]; then
    echo "trail: there is no $trail yet: send a request first" >&2
    exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tar -xzf "$1" -C "$folder"
meshward=$(echo "$folder"/meshward-*/meshward)
status=0
"$meshward" audit verify "$trail" || status=$?
echo
"$meshward" audit report "$trail"
exit "$status"
