#!/bin/sh
# Same as fetch_apt.sh for operating systems with dnf.
set -eu
archive=$1 packages=$2 wheels=$3
work=/tmp/bundle
mkdir -p "$work/packages" "$work/wheels"
if [ -f "$archive" ]; then tar -C "$work" -xf "$archive"; fi
rm -rf "$work/wheels" "$work/packages/repodata"

dnf install -qy dnf-plugins-core createrepo_c python3-pip tar
# Downloads all dependencies, including those installed in this container.
dnf download -qy --resolve --alldeps --destdir="$work/packages" $packages
createrepo_c --quiet "$work/packages"

python3 -m venv /tmp/venv
/tmp/venv/bin/pip download --quiet --no-cache-dir --dest "$work/wheels" $wheels

tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$archive.new" packages wheels
mv "$archive.new" "$archive"
