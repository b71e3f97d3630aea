#!/usr/bin/env bash
# Prints the command of a container engine that reads compose files and runs here: `docker compose`,
# `docker-compose`, `podman compose` or `podman-compose`, or what COMPOSE says.
#
# Ends with status 3, and says of each why not, where there is none.
set -euo pipefail

reasons=()

# works <command>...: whether it is there and its engine answers; else the reason is kept.
works() {
    local said
    if ! command -v "$1" >/dev/null 2>&1; then
        reasons+=("$*: not installed")
        return 1
    fi
    if ! said=$("$@" version 2>&1); then
        case $* in
        "docker compose") reasons+=("$*: docker has no compose plugin (sudo apt-get install docker-compose-plugin)") ;;
        *) reasons+=("$*: ${said##*$'\n'}") ;;
        esac
        return 1
    fi
    local engine=docker
    case $* in podman*) engine=podman ;; esac
    if ! said=$("$engine" info 2>&1 >/dev/null); then
        said=${said%%$'\n'*}
        case $said in
        *"permission denied"*) said="$said (sudo usermod --append --groups docker $(id -un), then log in again)" ;;
        *daemon*) said="$said (sudo systemctl start docker)" ;;
        esac
        reasons+=("$*: $said")
        return 1
    fi
}

if [ -n "${COMPOSE:-}" ]; then
    # shellcheck disable=SC2086 # words
    if works $COMPOSE; then
        echo "$COMPOSE"
        exit 0
    fi
else
    for words in "docker compose" docker-compose "podman compose" podman-compose; do
        # shellcheck disable=SC2086 # words
        if works $words; then
            echo "$words"
            exit 0
        fi
    done
fi
{
    echo "There is no container engine with compose that runs here:"
    printf '  %s\n' "${reasons[@]}"
    echo "Install one: sudo apt-get install podman podman-compose, or https://docs.docker.com/compose/install"
    echo "The same without containers: make demo KEEP=1"
} >&2
exit 3
