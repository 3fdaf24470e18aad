#!/bin/sh
# Prepare a bare Debian machine for `python -m lab`: Debian packages, a Docker engine, the virtual environment.
# Existing parts are not changed; a second run takes less than a second.
#   lab/bootstrap.sh                 install everything
#   lab/bootstrap.sh browser         also install the browser for the web UI tests
#   lab/bootstrap.sh docker          only start the Docker engine, if installed
#   lab/bootstrap.sh undo [keep]     stop the Docker engine it started, remove .lab and .venv (`keep`: not .venv)
set -eu
cd "$(dirname "$0")/.."

PATH="${PATH#"$PWD/.venv/bin:"}" # python3 is the system's here
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/inferfleet-lab"
export UV_CACHE_DIR="$CACHE/uv"
# .lab/dockerd (see lab/cluster.py) contains the process id and the log of a Docker engine started here.
DOCKERD=.lab/dockerd
STAMP=.venv/.installed
BROWSER=
MEMORY_GIB=8
DISK_GIB=20      # images, their sources, and the pulls of two nodes
DISK_AGAIN_GIB=8 # with a complete cache

fail() {
  echo "lab: $1" >&2
  exit 1
}

# Report missing requirements before anything is changed.
check_machine() {
  [ "$(id -u)" = 0 ] || fail "This needs root. Run it as root, or with sudo."
  [ "$(uname -m)" = x86_64 ] || fail "The processor is $(uname -m); the engine's CPU build is for x86_64. Use such a machine."
  grep -qw avx2 /proc/cpuinfo || fail "The processor has no AVX2, which the engine's CPU build needs. Use a newer one."
  command -v apt-get >/dev/null || fail "apt-get is missing. Use Debian 12 or a derived system."
  total=$(awk '/^MemTotal/ {print int($2 / 1048576 + 0.5)}' /proc/meminfo)
  [ "$total" -ge "$MEMORY_GIB" ] || fail "There are $total GiB of memory. Use a machine with at least $MEMORY_GIB GiB."
}

existing_parent() {
  path=$1
  while [ ! -d "$path" ]; do path=$(dirname "$path"); done
  echo "$path"
}

check_disk() {
  if [ -d .lab ]; then return; fi
  need=$DISK_GIB
  if [ -d "$CACHE/registry" ]; then need=$DISK_AGAIN_GIB; fi
  for path in "$CACHE" /var/lib/docker; do
    free=$(df -Pk "$(existing_parent "$path")" | awk 'NR == 2 {print int($4 / 1048576)}')
    [ "$free" -ge "$need" ] || fail "There are $free GiB free for $path. Free at least $need GiB there."
  done
}

# Request a path of Docker's API; fails if no engine answers.
docker_api() {
  python3 - "$1" 2>/dev/null <<'PYTHON'
import http.client, socket, sys

connection = http.client.HTTPConnection("docker", timeout=10)
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/var/run/docker.sock")
connection.request("GET", sys.argv[1])
print(connection.getresponse().read().decode())
PYTHON
}

docker_answers() { [ -S /var/run/docker.sock ] && docker_api /_ping >/dev/null; }

missing_packages() {
  wanted="$BROWSER aria2 binutils skopeo ca-certificates curl docker-registry haproxy iproute2 keepalived mmdebstrap nftables openssh-client prometheus prometheus-alertmanager"
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || wanted="$wanted debian-archive-keyring"
  python3 -c 'import ensurepip, venv' 2>/dev/null || wanted="$wanted python3 python3-venv"
  # Any Docker engine is sufficient.
  command -v dockerd >/dev/null || docker_answers || wanted="$wanted docker.io"
  for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

install_packages() {
  packages=$(missing_packages | tr '\n' ' ')
  if [ -z "$packages" ]; then return; fi
  echo "installing $packages"
  export DEBIAN_FRONTEND=noninteractive
  mkdir -p .lab/logs
  { apt-get update -q && apt-get install -qy --no-install-recommends $packages; } >.lab/logs/apt.log 2>&1 ||
    fail "Debian's packages could not be installed: $(grep -E '^E:' .lab/logs/apt.log | tail -n 1) Check the mirror in /etc/apt."
}

check_python() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "python3 is $(python3 -V | cut -d' ' -f2). Install Python 3.11 or newer and put it first in PATH."
}

# A zombie is not a running engine: its parent may never collect its exit code.
runs_dockerd() { grep -qx 'Name:[[:space:]]*dockerd' "/proc/$1/status" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

start_docker() {
  if docker_answers; then return; fi
  echo "starting Docker"
  if [ -d /run/systemd/system ]; then
    systemctl start docker || fail "Docker does not start. Read its log with: journalctl -u docker"
  else
    mkdir -p "$DOCKERD"
    # The pid file of a killed engine would prevent a new one from starting.
    runs_dockerd "$(cat /var/run/docker.pid 2>/dev/null)" || rm -f /var/run/docker.pid
    setsid nohup dockerd >"$DOCKERD/log" 2>&1 </dev/null &
    echo $! >"$DOCKERD/pid"
  fi
  tries=0
  until docker_answers; do
    tries=$((tries + 1))
    [ "$tries" -le 300 ] || fail "Docker does not answer. Read $DOCKERD/log, or: journalctl -u docker"
    sleep 0.2
  done
}

index_url() {
  url=${PIP_INDEX_URL:-}
  [ -n "$url" ] || url=$(sed -n 's/^ *index-url *= *//p' /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" 2>/dev/null | tail -n 1)
  echo "${url:-https://pypi.org/simple}"
}

make_environment() {
  state=$(cat requirements/dev.lock pyproject.toml | sha256sum)
  if .venv/bin/python -c '' 2>/dev/null; then
    if [ "$(cat "$STAMP" 2>/dev/null)" = "$state" ]; then return; fi
  else
    rm -rf .venv
  fi
  echo "installing Python packages"
  url=$(index_url)
  export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$url}"
  python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=20)' "${url%/}/uv/" 2>/dev/null ||
    fail "The package index $url does not answer. Set PIP_INDEX_URL to a reachable index."
  mkdir -p .lab/logs
  {
    if ! [ -x .venv/bin/uv ]; then
      python3 -m venv .venv && .venv/bin/python -m pip install -q "$(grep '^uv==' requirements/dev.lock)"
    fi
    .venv/bin/uv pip install --python .venv/bin/python -r requirements/dev.lock -e .
  } >.lab/logs/python.log 2>&1 ||
    fail "The Python packages could not be installed: $(grep -v '^ *$' .lab/logs/python.log | tail -n 1) Read .lab/logs/python.log."
  echo "$state" >"$STAMP"
}

stop_docker() {
  pid=$(cat "$DOCKERD/pid" 2>/dev/null) || return 0
  runs_dockerd "$pid" || return 0
  if [ "$(docker_api /containers/json)" != "[]" ]; then
    echo "kept: the Docker engine started here, process $pid: it runs other containers"
    return
  fi
  kill "$pid"
  tries=0
  while runs_dockerd "$pid"; do
    tries=$((tries + 1))
    [ "$tries" -le 300 ] || fail "Docker, process $pid, does not exit. Read $DOCKERD/log."
    sleep 0.1
  done
  echo "removed the running Docker engine, process $pid"
}

undo() {
  stop_docker
  rm -rf .lab
  if [ "${1:-}" = keep ]; then
    echo "kept: .venv, the lab images in Docker, and $CACHE"
  else
    rm -rf .venv
    echo "removed .lab, .venv"
  fi
  echo "kept: the Debian packages aria2 binutils curl docker.io docker-registry haproxy iproute2 keepalived mmdebstrap nftables openssh-client prometheus prometheus-alertmanager python3-venv skopeo"
  echo "kept: chromium fonts-noto-cjk, if \`make browser\` installed them"
}

case "${1:-}" in
  undo) undo "${2:-}" ;;
  docker) start_docker ;;
  *)
    if [ "${1:-}" = browser ]; then BROWSER="chromium fonts-noto-cjk"; fi
    check_machine
    check_disk
    install_packages
    check_python
    start_docker
    make_environment
    ;;
esac
