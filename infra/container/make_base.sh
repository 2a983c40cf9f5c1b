#!/bin/sh
# Makes a base image for the Dockerfile out of Debian's own packages, where no registry can be reached.
# Usage, on Debian or Ubuntu as root: make_base.sh IMAGE [SUITE [MIRROR]]
# SUITE has to have Python 3.11 or later: bookworm (the default) or newer.
set -eu
image=$1
suite=${2:-bookworm}
mirror=${3:-} # debootstrap's own default unless given

if [ "$(id -u)" != 0 ]; then
    echo "make_base.sh: debootstrap needs root, not user $(id -un). Run it with sudo." >&2
    exit 1
fi
if ! command -v debootstrap >/dev/null; then
    echo "make_base.sh: there is no debootstrap on the PATH: apt-get install debootstrap" >&2
    exit 1
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# A trap on EXIT alone is skipped when the shell dies of a signal.
trap 'exit 130' INT TERM HUP
debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv "$suite" "$root" ${mirror:+"$mirror"}
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
tar --create --one-file-system --directory "$root" . | docker import - "$image"
