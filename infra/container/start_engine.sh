#!/bin/sh
# Gets a Docker engine that answers, on a Debian or Ubuntu machine, as root: what a machine of continuous integration
# runs before the tests marked "docker". Installs what is missing and starts dockerd in the background.
set -eu
log=${TMPDIR:-/tmp}/dockerd.log

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "start_engine.sh: this needs root on Debian or Ubuntu, not user $(id -un)." >&2
    exit 1
fi
packages=
command -v dockerd >/dev/null || packages="$packages docker.io"
command -v iptables >/dev/null || packages="$packages iptables"
command -v debootstrap >/dev/null || packages="$packages debootstrap"
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || packages="$packages docker-compose"
if [ -n "$packages" ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # one word a package
    apt-get install -qq -y --no-install-recommends $packages
fi

docker info >/dev/null 2>&1 && exit 0
# nohup and its own session: the engine outlives this script and the terminal.
nohup setsid dockerd >"$log" 2>&1 </dev/null &
waited=0
until docker info >/dev/null 2>&1; do
    if [ "$waited" -ge 60 ]; then
        echo "start_engine.sh: the engine did not answer within 60 s. Its log:" >&2
        tail -n 20 "$log" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
