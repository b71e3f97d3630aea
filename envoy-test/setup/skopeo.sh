#!/usr/bin/env bash
# Unpacks Debian's skopeo below target/testbed and prints its path. Nothing on the machine changes and no
# rights are needed; where a skopeo is installed, that one is taken.
#
# It reads the image layouts of the modules as a stranger does, in the tests of what is shipped.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
home="$root/target/testbed/skopeo"
tool="$home/skopeo"

if [ ! -x "$tool" ]; then
    mkdir -p "$home"
    if found=$(command -v skopeo); then
        ln -sf "$found" "$tool"
    else
        if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
            echo "skopeo.sh: install skopeo; this is no Debian to take it from" >&2
            exit 1
        fi
        echo "skopeo: unpacking Debian's packages" >&2
        rm -rf "$home/packages"
        mkdir -p "$home/packages"
        # A new machine has no lists of packages. Without the right to renew them, those at hand have to do.
        [ "$(id -u)" != 0 ] || apt-get -qq update >&2 || true
        # What it links to and may not be there; the names of libraries carry versions, so they are asked for.
        libraries=$(apt-cache depends skopeo libgpgme11 2>/dev/null |
            sed -n 's/^ *Depends: \(lib\(gpgme\|assuan\|devmapper\)[^ ]*\)$/\1/p' | sort -u)
        (
            cd "$home/packages"
            # shellcheck disable=SC2086 # one word for each package
            apt-get -qq -o "APT::Sandbox::User=$(id -un)" download skopeo $libraries >&2
            for package in *.deb; do
                dpkg -x "$package" "$home"
            done
        )
        rm -rf "$home/packages"
        # By its own place, so that a checkout can be moved or copied.
        cat >"$tool.new" <<'END'
#!/bin/sh
home=$(cd "$(dirname "$0")" && pwd)
for folder in "$home"/usr/lib/*-linux-gnu "$home"/lib/*-linux-gnu; do
    LD_LIBRARY_PATH="$folder:${LD_LIBRARY_PATH-}"
done
export LD_LIBRARY_PATH
exec "$home/usr/bin/skopeo" "$@"
END
        chmod +x "$tool.new"
        mv "$tool.new" "$tool"
    fi
fi
"$tool" --version >&2
echo "$tool"
