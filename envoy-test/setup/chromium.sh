#!/usr/bin/env bash
# Prints the path of a launcher that starts a Chromium or Chrome without windows, which opens the pages in the
# tests.
#
#   chromium.sh                             takes the one that is installed, or else unpacks Debian's
#   chromium.sh --debian                    takes Debian's in any case
#   CHROMIUM=/path/to/chrome chromium.sh    takes this one
#
# Debian's is unpacked below target/testbed (130 MB to download): nothing on the machine changes and no
# rights are needed. A second run only prints the path.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

home="$root/target/testbed/chromium"

installed_browser() {
    local browser
    for browser in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
        '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do
        [ -n "$browser" ] && command -v "$browser" && return
    done
    return 1
}

# depends_on [--recurse] <package>...: names of packages.
depends_on() {
    apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$@" |
        sed -n 's/^ *Depends: \([a-z0-9][^ ]*\)$/\1/p' | sort -u
}

# The libraries that are not installed, and a font. Those of the C compiler are on every machine, and must be
# those of its own loader.
missing_libraries() {
    local package
    # shellcheck disable=SC2046 # one word for each package
    depends_on --recurse $(depends_on "$1" | grep -v '^chromium') |
        cat - <(depends_on "$1") | sort -u |
        grep -E '^(lib|zlib1g|fonts-dejavu-core)' |
        grep -vE '^(libc6|libc-bin|libgcc-s1|libstdc\+\+6|libcrypt1|libdebian-installer4|libgl1|lib(gl|llvm)[^i].*)$' |
        while read -r package; do
            dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
                echo "$package"
        done
}

unpack_browser() {
    renew_package_lists
    local libraries
    libraries=$(missing_libraries chromium-headless-shell)
    # What the browser shares with the one that has windows is in chromium-common.
    # shellcheck disable=SC2086 # one word for each package
    unpack_debian "$home" chromium-headless-shell chromium-common $libraries
    # Its texts have letters, also where the machine has no fonts.
    cat >"$home/fonts.conf" <<END
<?xml version="1.0"?>
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
END
    # Debian's libpulse names the folder of its other half.
    # shellcheck disable=SC2016 # for the launcher
    write_launcher "$home" chromium usr/lib/chromium/chromium-headless-shell \
        'export FONTCONFIG_FILE="$home/fonts.conf"; LD_LIBRARY_PATH="$(echo "$home"/usr/lib/*/pulseaudio):$LD_LIBRARY_PATH"'
}

# Several tests may ask at once.
mkdir -p "$home"
exec 9>"$home/lock"
flock 9
if [ "${1:-}" = --debian ] || ! browser=$(installed_browser); then
    browser="$home/chromium"
    [ -x "$browser" ] || unpack_browser
fi
# The sandbox needs rights that containers lack; shared memory is small there.
cat >"$home/headless.new" <<END
#!/bin/sh
exec "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "\$@"
END
chmod +x "$home/headless.new"
mv "$home/headless.new" "$home/headless"
"$home/headless" --version >&2
echo "$home/headless"
