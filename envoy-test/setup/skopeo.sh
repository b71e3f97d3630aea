#!/usr/bin/env bash
# Unpacks Debian's skopeo below target/testbed and prints its path. Nothing on the machine changes and no
# rights are needed; where a skopeo is installed, that one is taken.
#
# It reads the image layouts of the modules as a stranger does, in the tests of what is shipped.
set -euo pipefail
# shellcheck source=envoy-test/setup/fetching.sh
. "$(dirname "$0")/fetching.sh"

home="$root/target/testbed/skopeo"

unpack_skopeo() {
    local libraries
    # What it links to and may not be there.
    libraries=$(libraries_of 'lib\(gpgme\|assuan\|devmapper\)[^ ]*' skopeo libgpgme11)
    # shellcheck disable=SC2086 # one word for each package
    unpack_debian "$home" skopeo $libraries
    write_launcher "$home" skopeo usr/bin/skopeo
}

print_command "$home" skopeo unpack_skopeo
