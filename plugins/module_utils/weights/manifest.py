"""What a model consists of, and what of it lies verified in a folder."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed

from ansible.module_utils.filesystem import write_atomic

NAME = ".inferfleet.json"
BLOCK = 4 * 2**20


def write_json(path, data, mode=0o644):
    """Replace a file of JSON in one step."""
    write_atomic(path, json.dumps(data, indent=1), mode)


def read_json(path):
    """Return the file's content, or nothing where it is missing or broken."""
    try:
        with open(path) as lines:
            return json.load(lines)
    except (OSError, ValueError):
        return {}


def read(path):
    """Return the manifest that lies with the weights in folder `path`: its `files` map each name to size, algorithm,
    hash and stamp; nothing where there is none."""
    found = read_json(os.path.join(path, NAME))
    return found if isinstance(found.get("files"), dict) else {}


def contents(data):
    """Return commit and files of a manifest that lies with a complete copy; raises KeyError where it is none."""
    return data["commit"], {n: {k: e[k] for k in ("size", "algorithm", "hash")} for n, e in data["files"].items()}


def run_file(path, kind):
    """Return where what only matters while a model is brought lies: `lock` or `progress`. Gone after a reboot."""
    base = "/run/inferfleet" if os.access("/run", os.W_OK) else os.path.join(tempfile.gettempdir(), "inferfleet")
    os.makedirs(base, mode=0o755, exist_ok=True)
    return os.path.join(base, f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.{kind}")


def hasher(algorithm, size):
    """Return a hash object; `git` is git's own: SHA-1 over a header and the content."""
    if algorithm == "git":
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.sha256()


def file_hash(path, algorithm):
    """Return the hash of a file. About 1.5 GB/s a core where the CPU has SHA extensions."""
    digest = hasher(algorithm, os.path.getsize(path))
    buffer = memoryview(bytearray(BLOCK))
    with open(path, "rb", buffering=0) as content:
        while count := content.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def stamp(path):
    """Return what changes when a file's content does, short of a broken disk: size, time and inode."""
    info = os.stat(path)
    return [info.st_size, info.st_mtime_ns, info.st_ino]


def survey(path, files, known=None):
    """Return the entries of the files that are as `files` wants them by their stamps, and the names of the others.

    Nothing is hashed: a file counts when the manifest in the folder remembers that very stamp with that very hash.
    """
    known = read(path).get("files", {}) if known is None else known
    good, missing = {}, []
    for name, want in files.items():
        entry = known.get(name, {})
        same = entry.get("hash") and (not want["hash"] or (entry["algorithm"], entry["hash"]) == kind(want))
        try:
            if same and entry["stamp"] == stamp(os.path.join(path, name)) and entry["size"] == want["size"]:
                good[name] = entry
                continue
        except OSError:
            pass
        missing.append(name)
    return good, missing


def kind(entry):
    """Return how a file is told from others: algorithm and hash."""
    return entry["algorithm"], entry["hash"]


def check(path, want):
    """Return the manifest's entry of a file that is as wanted by its content, else None.

    Where the hub gives no hash, the file's own SHA-256 becomes the one wanted from now on.
    """
    try:
        before = stamp(path)
        if before[0] != want["size"]:
            return None
        found = file_hash(path, want["algorithm"] or "sha256")
        if stamp(path) != before or (want["hash"] and found != want["hash"]):
            return None
    except OSError:
        return None
    return {"size": want["size"], "algorithm": want["algorithm"] or "sha256", "hash": found, "stamp": before}


def check_all(path, files, workers):
    """Hash every file, several at a time; return the entries of the good ones and the names of the others."""
    good, bad = {}, []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        futures = {pool.submit(check, os.path.join(path, name), want): name for name, want in files.items()}
        for future in as_completed(futures):
            name, entry = futures[future], future.result()
            if entry:
                good[name] = entry
            else:
                bad.append(name)
    return good, sorted(bad)
