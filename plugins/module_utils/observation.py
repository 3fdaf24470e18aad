"""What the next deployment compares of a node, as a map of names to states; stdlib only, since it runs on the node.

It reads at least what a deployment that changes nothing reads. What it cannot read has a state that equals no other,
so that nothing is skipped because of it.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from ansible.module_utils.filesystem import read_below
from ansible.module_utils.haproxy import RefusedError, running_workers

DOCKER = "/run/docker.sock"
_UNREADABLE = (
    *(OSError, ValueError, KeyError, IndexError, TypeError),  # also answers of another form
    *(sqlite3.Error, RefusedError, http.client.HTTPException),
)
_CACHES = "__pycache__"  # written by Python whenever it runs
_UNIT_PROPERTIES = "--property=Id,ActiveState,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths"
_CONTAINER = ("Id", "Image", "Path", "Args", "Config", "HostConfig")
"""Of `docker inspect`: what does not change while a container runs or restarts."""


def observe(options: dict[str, Any]) -> dict[str, str]:
    """Return the state of everything in `options` (see src/inferfleet/converged/observation.py) by its name."""
    observed: dict[str, str] = {"boot": boot()}
    closed = frozenset(options["closed"])
    readers: list[tuple[str, Callable[..., Iterable[tuple[str, str]]], tuple[Any, ...]]] = [
        *((root, tree, (root, closed)) for root in options["trees"]),
        *((path, content, (path,)) for path in options["files"]),
        ("sysctl", kernel_parameters, (options["sysctls"],)),
        ("units", units, (options["units"],)),
        ("nftables", firewall, (options["table"],)),
        ("containers", containers, (options["containers"], options["images"], options["registry"])),
        ("gateway", maps, (options["maps"]["folder"], options["maps"]["socket"])),
        ("Open WebUI", account, (options["account"]["database"], options["account"]["email"])),
    ]
    for name, read, arguments in readers:
        try:
            observed.update(read(*arguments))
        except _UNREADABLE as error:
            observed[name] = unreadable(error)
    return observed


_UNREADABLE_AT = "unreadable at "


def unreadable(reason: object) -> str:
    """Return a state that equals no other."""
    return f"{_UNREADABLE_AT}{time.time_ns()}: {reason}"


def reason(state: str) -> str:
    """Return why something could not be read; empty if it could."""
    return state.partition(": ")[2] if state.startswith(_UNREADABLE_AT) else ""


def boot() -> str:
    """Return which start of the system or container this is."""
    started = read_below("/", "proc/1/stat").rpartition(")")[2].split()[19:20]
    return " ".join([read_below("/", "proc/sys/kernel/random/boot_id").strip(), *started])


def tree(root: str, closed: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield path and state of a file or folder and of all that is below it, but not below the folders `closed`."""
    try:
        found = os.lstat(root)
    except FileNotFoundError:
        yield root, "absent"
        return
    yield root, state(root, found)
    folders = [root] if stat.S_ISDIR(found.st_mode) and root not in closed else []
    while folders:  # no recursion: each of thousands of files would be passed on by the generator of every folder
        for entry in os.scandir(folders.pop()):
            if entry.name == _CACHES:
                continue
            try:
                found = entry.stat(follow_symlinks=False)
                yield entry.path, state(entry.path, found)
            except FileNotFoundError:
                yield entry.path, "absent"
                continue
            if stat.S_ISDIR(found.st_mode) and entry.path not in closed:
                folders.append(entry.path)


def state(path: str, found: os.stat_result) -> str:
    """Return type, mode and owner; of a file also size and times, of a link its target.

    The kernel sets the time of the last change at each write, so that no content is read. A folder has none: its
    entries are observed, and a temporary file is no change.
    """
    words = f"{found.st_mode:o} {found.st_uid}:{found.st_gid}"
    if stat.S_ISDIR(found.st_mode):
        return words
    words += f" {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
    return f"{words} {os.readlink(path)}" if stat.S_ISLNK(found.st_mode) else words


def content(path: str) -> Iterator[tuple[str, str]]:
    """Yield the digest of a file, such as the package database or a value of the kernel."""
    try:
        with open(path, "rb") as file:
            yield path, hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        yield path, "absent"


def kernel_parameters(file: str) -> Iterator[tuple[str, str]]:
    """Yield the current value of every kernel parameter that a sysctl file sets."""
    for line in read_below("/", file).splitlines():
        name, equals, _ = line.partition("=")
        name = name.strip().lstrip("-")
        if equals and name and name[0] not in "#;":
            yield f"sysctl {name}", read_below("/proc/sys", name.replace(".", "/")).strip()


def command(argv: list[str]) -> str:
    """Return the output of a command; OSError with its reason if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise OSError(done.stderr.strip() or f"{argv[0]} ended with {done.returncode}")
    return done.stdout


def units(patterns: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the state of the systemd units that match; one that is neither enabled nor runs is not loaded."""
    if not os.path.isdir("/run/systemd/system"):
        yield "systemd", "absent"
        return
    for block in command(["systemctl", "show", _UNIT_PROPERTIES, *patterns]).strip().split("\n\n"):
        properties = dict(line.partition("=")[::2] for line in block.splitlines())
        yield properties.pop("Id"), " ".join(f"{name}={value}" for name, value in sorted(properties.items()))


def firewall(table: str) -> Iterator[tuple[str, str]]:
    """Yield the rules of a table of nftables without their counters."""
    if not os.path.exists("/usr/sbin/nft"):
        yield f"nftables {table}", "absent"
        return
    try:
        listed = json.loads(command(["/usr/sbin/nft", "--json", "list", "table", "inet", table]))
    except OSError as error:
        if "No such file" not in str(error):
            raise
        yield f"nftables {table}", "absent"
        return
    yield f"nftables {table}", digest(without_counters(listed["nftables"][1:]))  # the first entry is nft's version


def without_counters(value: Any) -> Any:
    """Return rules without the numbers that packets or a reload change."""
    if isinstance(value, dict):
        return {key: without_counters(item) for key, item in value.items() if key not in ("packets", "bytes", "handle")}
    return [without_counters(item) for item in value] if isinstance(value, list) else value


def digest(value: Any) -> str:
    """Return the digest of a value as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class _Docker(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(DOCKER)

    def get(self, path: str) -> tuple[int, Any]:
        self.request("GET", path)
        answer = self.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def containers(prefix: str, images: list[str], registry: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the containers whose names begin with `prefix`, the images of these names, and what the registry has."""
    if not os.path.exists(DOCKER):
        yield "Docker", "absent"
        return
    docker = _Docker("localhost")
    names = [container["Names"][0].lstrip("/") for container in docker.get("/containers/json?all=1")[1]]
    for name in sorted(name for name in names if name.startswith(prefix)):
        found = docker.get(f"/containers/{quote(name)}/json")[1]
        runs = {key: found["State"][key] for key in ("Status", "Paused")}
        mounts = sorted(found["Mounts"], key=lambda mount: mount["Destination"])  # Docker does not order them
        yield f"container {name}", digest([runs, mounts, {key: found.get(key) for key in _CONTAINER}])
    for image in images:
        status, found = docker.get(f"/images/{quote(image)}/json")
        yield (
            f"image {image}",
            digest([found["Id"], sorted(found["RepoDigests"] or [])]) if status == 200 else f"HTTP {status}",
        )
    for image in registry:
        status, found = docker.get(f"/distribution/{quote(image)}/json")
        known = found["Descriptor"]["digest"] if status == 200 else unreadable(f"HTTP {status}")
        yield f"registry {image}", known
    docker.close()


def maps(folder: str, master: str) -> Iterator[tuple[str, str]]:
    """Yield the entries of the map files in the running processes of HAProxy, which are changed without a reload."""
    for worker in running_workers(master) if os.path.isdir(folder) else ():
        for file in worker.maps():
            yield f"gateway {worker.pid} {os.path.basename(file)}", digest(sorted(worker.entries(file)))


def account(database: str, email: str) -> Iterator[tuple[str, str]]:
    """Yield the password hash of the administrator of Open WebUI, who can change it in the browser."""
    if database and os.path.exists(database):
        connection = sqlite3.connect(f"file:{quote(database)}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute("SELECT password, active FROM auth WHERE email = ?", (email,)).fetchall()
        finally:
            connection.close()
        yield "Open WebUI administrator", digest(rows)
