#!/bin/sh
# build.sh FOLDER ANSWER: three packages that stand for NVIDIA's driver 580.159.04. `nvidia-smi` prints ANSWER.
set -eu
folder=$1 answer=$2 version=580.159.04
rm -rf "$folder"
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

package() { # NAME
  mkdir -p "$work/$1/DEBIAN"
  printf 'Package: %s\nVersion: %s-1\nArchitecture: all\nMaintainer: simulated <simulated@localhost>\nDescription: simulated\n' \
    "$1" "$version" > "$work/$1/DEBIAN/control"
  dpkg-deb --root-owner-group --build "$work/$1" "$folder/$1_$version-1_all.deb" > /dev/null
}

daemon() { # PACKAGE UNIT PROGRAM
  mkdir -p "$work/$1/usr/bin" "$work/$1/lib/systemd/system"
  printf '#!/bin/sh\n[ "${1:-}" = --version ] && echo "%s version is : %s" && exit\nsleep infinity & wait\n' "$3" "$version" \
    > "$work/$1/usr/bin/$3"
  chmod 755 "$work/$1/usr/bin/$3"
  printf '[Service]\nExecStart=/usr/bin/%s\n[Install]\nWantedBy=multi-user.target\n' "$3" \
    > "$work/$1/lib/systemd/system/$2.service"
  package "$1"
}

mkdir -p "$work/nvidia-driver/usr/bin" "$work/nvidia-driver/usr/lib/x86_64-linux-gnu" "$work/nvidia-driver/usr/share/simulated"
cp "$answer" "$work/nvidia-driver/usr/share/simulated/answer.xml"
: > "$work/nvidia-driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.$version"
printf '#!/bin/sh\nexec cat /usr/share/simulated/answer.xml\n' > "$work/nvidia-driver/usr/bin/nvidia-smi"
chmod 755 "$work/nvidia-driver/usr/bin/nvidia-smi"
package nvidia-driver
daemon nvidia-persistenced nvidia-persistenced nvidia-persistenced
daemon nvidia-fabricmanager-580 nvidia-fabricmanager nv-fabricmanager
