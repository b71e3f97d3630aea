#!/usr/bin/env bash
# Installs what `make eval` needs from PyPI, pinned, into a virtual environment below target/testbed
# and prints the path of its Python. A second run only prints the path.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
requirements="$root/filters/pii-redactor/eval/requirements.txt"
home="$root/target/testbed/pii-eval"

if ! cmp -s "$requirements" "$home/requirements.txt"; then
    echo "pii-redactor: installing what the evaluation needs" >&2
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
    cp "$requirements" "$home/requirements.txt"
fi
echo "$home/bin/python"
