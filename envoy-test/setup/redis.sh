#!/usr/bin/env bash
# Unpacks Debian's Redis below target/testbed and prints the path of its server. Nothing on the
# machine changes and no rights are needed; where a redis-server is installed, that one is taken.
#
# The counters of the rate limit service are kept in it, in the tests of token-bucket.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

home="$root/target/testbed/redis"

unpack_redis() {
    local libraries
    # The server is in redis-tools. What it links to and is not there yet comes along.
    libraries=$(libraries_of 'lib\(hiredis\|jemalloc\|lua\|lzf\|atomic\|systemd\)[^ ]*\|lua-[a-z]*' redis-tools)
    # shellcheck disable=SC2086 # one word for each package
    unpack_debian "$home" redis-tools $libraries
    # One program for several commands: it looks at its name.
    ln -sf redis-check-rdb "$home/usr/bin/redis-server"
    write_launcher "$home" redis-server usr/bin/redis-server
}

print_command "$home" redis-server unpack_redis
