#!/usr/bin/env bash
# Unpacks Debian's Redis below target/testbed and prints the path of its server. Nothing on the
# machine changes and no rights are needed; where a redis-server is installed, that one is taken.
#
# The counters of the rate limit service are kept in it, in the tests of token-bucket.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
home="$root/target/testbed/redis"
server="$home/redis-server"

if [ ! -x "$server" ]; then
    mkdir -p "$home"
    if found=$(command -v redis-server); then
        ln -sf "$found" "$server"
    else
        if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
            echo "redis.sh: install redis-server; this is no Debian to take it from" >&2
            exit 1
        fi
        echo "Redis: unpacking Debian's packages" >&2
        rm -rf "$home/packages"
        mkdir -p "$home/packages"
        # A new machine has no lists of packages, an old one lists what is no longer there. Without
        # the right to renew them, those at hand have to do.
        [ "$(id -u)" != 0 ] || apt-get -qq update >&2 || true
        # The server is in redis-tools. What it links to and is not there yet comes along; the
        # names of libraries carry versions that change with Debian's releases, so they are asked for.
        libraries=$(apt-cache depends redis-tools |
            sed -n 's/^ *Depends: \(lib\(hiredis\|jemalloc\|lua\|lzf\|atomic\|systemd\)[^ ]*\|lua-[a-z]*\)$/\1/p' | sort -u)
        (
            cd "$home/packages"
            # shellcheck disable=SC2086 # one word for each package
            apt-get -qq -o "APT::Sandbox::User=$(id -un)" download redis-tools $libraries >&2
            for package in *.deb; do
                dpkg -x "$package" "$home"
            done
        )
        rm -rf "$home/packages"
        # One program for several commands: it looks at its name.
        ln -sf redis-check-rdb "$home/usr/bin/redis-server"
        # By its own place, so that a checkout can be moved or copied.
        cat >"$server.new" <<'END'
#!/bin/sh
home=$(cd "$(dirname "$0")" && pwd)
for folder in "$home"/usr/lib/*-linux-gnu; do
    LD_LIBRARY_PATH="$folder:${LD_LIBRARY_PATH-}"
done
export LD_LIBRARY_PATH
exec "$home/usr/bin/redis-server" "$@"
END
        chmod +x "$server.new"
        mv "$server.new" "$server"
    fi
fi
"$server" --version >&2
echo "$server"
