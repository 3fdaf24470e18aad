#!/bin/sh
# Downloads packages with all dependencies, and Python wheels, into one archive that apt and pip can install from.
# Arguments: archive, packages, wheels. Current files of an existing archive are not downloaded again.
set -eu
archive=$1 packages=$2 wheels=$3
work=/tmp/bundle
export DEBIAN_FRONTEND=noninteractive
mkdir -p "$work/packages" "$work/wheels"
if [ -f "$archive" ]; then tar -C "$work" -xf "$archive"; fi
rm -rf "$work/wheels"

apt-get update -q
apt-get install -qy --no-install-recommends apt-utils python3-venv
mkdir -p "$work/packages/partial"
# Resolves dependencies as if no package were installed, because the packages of the nodes are unknown here.
from="-o Dir::Cache::archives=$work/packages -o Dir::State::status=/dev/null -o APT::Sandbox::User=root"
apt-get $from autoclean -qy
apt-get $from install -qy --download-only --no-install-recommends $packages
rm -rf "$work/packages/partial" "$work/packages/lock"
(cd "$work/packages" && apt-ftparchive packages . >Packages)

python3 -m venv /tmp/venv
/tmp/venv/bin/pip download --quiet --no-cache-dir --dest "$work/wheels" $wheels

# Reproducible archive: the same files give the same archive, so that nodes detect changes.
tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$archive.new" packages wheels
mv "$archive.new" "$archive"
