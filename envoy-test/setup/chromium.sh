#!/usr/bin/env bash
# Prints the path of a Chromium or Chrome, which opens what the tools draw. Where there is none and
# the system is a Debian that lets us, it is installed.
#
#   CHROMIUM=/path/to/chrome chromium.sh    takes this one
set -euo pipefail

find_browser() {
    local browser
    for browser in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
        '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do
        [ -n "$browser" ] && command -v "$browser" && return
    done
    return 1
}

find_browser && exit
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "chromium: installing it" >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } >&2
    find_browser && exit
fi
echo "there is no Chromium: install it, or say where it is with CHROMIUM=/path" >&2
exit 1
