#!/usr/bin/env bash
# Brings docker-compose.yaml up with the engine that is there, follows the README against it, and takes it down.
#
#   test.sh                                   with the published images
#   IMAGES=local test.sh                      with stand-ins built here, where no registry is in reach
#   COMPOSE="podman-compose" test.sh          with this engine
#
# Ends with status 3 where there is no engine, and with 1 where something is not as the README says.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
trail="$root/target/trail"

say() { echo "make test-compose: $*" >&2; }

words=$("$here/engine.sh") || exit
read -r -a compose <<<"$words"
case ${IMAGES:-published} in
published)
    services=()
    ports="10000 9901 8081 4318 9090 3000"
    ;;
local)
    services=(envoy upstream idp collector prometheus)
    ports="10000 9901 8081 4318 9090"
    ;;
*)
    say "IMAGES=${IMAGES} is not known; it is published or local"
    exit 2
    ;;
esac
DEMO_PORTS=${DEMO_PORTS-$ports} "$root/envoy-test/setup/needs.sh" ports
case $words in docker*) engine=docker ;; *) engine=podman ;; esac

# A project of its own: containers that somebody has left running stay.
compose+=(--project-name meshward-test --file "$root/envoy-test/docker-compose.yaml")
[ "${#services[@]}" -eq 0 ] || compose+=(--file "$here/local.yaml")

# eventually <seconds> <what> <command>...: waits until the command succeeds.
eventually() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            say "$what: not within the time it should take"
            return 1
        fi
        sleep 0.3
    done
    say "$what"
}

answers() { curl --silent --fail --noproxy '*' --max-time 5 "$1"; }
says() { answers "$1" | grep --quiet --fixed-strings "$2"; }

take_down() {
    local status=$?
    trap - EXIT
    if [ "$status" -ne 0 ]; then
        say "failed; what the containers said last:"
        "${compose[@]}" logs --tail 30 ${services[@]+"${services[@]}"} >&2 || true
    fi
    say "taking it down"
    "${compose[@]}" down --volumes >/dev/null 2>&1 || say "$words down failed; look for containers of meshward-test"
    # podman-compose leaves it; the others have removed it.
    "$engine" network rm meshward-test_default >/dev/null 2>&1 || true
    if [ "${#services[@]}" -gt 0 ]; then
        local images=("${services[@]/#/localhost/meshward-stand-in/}")
        "$engine" rmi --force "${images[@]/%/:local}" >/dev/null 2>&1 ||
            say "the images localhost/meshward-stand-in/… could not be removed"
        rm -rf "$root/target/stand-ins"
    fi
    exit "$status"
}

# The collector writes where the README looks.
mkdir -p "$trail"
rm -f "$trail/records.jsonl"
trap take_down EXIT
[ "${#services[@]}" -eq 0 ] || "$here/stand_ins.sh" "$engine"
say "bringing it up with $words"
"${compose[@]}" up --detach ${services[@]+"${services[@]}"} >&2
eventually 300 "the identity provider answers" answers http://127.0.0.1:8081/jwks
eventually 120 "Envoy is ready" says http://127.0.0.1:9901/ready LIVE
eventually 60 "the service behind it answers" answers http://127.0.0.1:10000/healthz

cargo run --quiet --locked --profile native --manifest-path "$root/Cargo.toml" --package envoy-test \
    --no-default-features --bin demo -- --running

eventually 60 "Prometheus reads Envoy's metrics" \
    says 'http://127.0.0.1:9090/api/v1/query?query=meshward_jwt_auth_requests_total' '"outcome":"denied"'
eventually 60 "Prometheus has the alert rules" says http://127.0.0.1:9090/api/v1/rules '"groups":[{'
if [ "${#services[@]}" -eq 0 ]; then
    eventually 120 "Grafana has the dashboards" says http://127.0.0.1:3000/api/search?type=dash-db meshward
fi
say "all passed"
