"""Manifest of a model, and the verified files in a folder."""

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
    """Return the file's content; empty if it is missing or invalid."""
    try:
        with open(path) as lines:
            return json.load(lines)
    except (OSError, ValueError):
        return {}


def read(path):
    """Return the manifest in folder `path`; empty if there is none.

    Its `files` map each name to size, algorithm, hash and stamp.
    """
    found = read_json(os.path.join(path, NAME))
    return found if isinstance(found.get("files"), dict) else {}


def contents(data):
    """Return commit and files of the manifest of a complete copy; raises KeyError if it is not one."""
    return data["commit"], {n: {k: e[k] for k in ("size", "algorithm", "hash")} for n, e in data["files"].items()}


def run_file(path, kind):
    """Return the path of a run-time file of a download: `lock` or `progress`. Lost after a reboot."""
    base = "/run/inferfleet" if os.access("/run", os.W_OK) else os.path.join(tempfile.gettempdir(), "inferfleet")
    os.makedirs(base, mode=0o755, exist_ok=True)
    return os.path.join(base, f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.{kind}")


def hasher(algorithm, size):
    """Return a hash object; `git` is git's blob hash: SHA-1 over a header and the content."""
    if algorithm == "git":
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.sha256()


def file_hash(path, algorithm):
    """Return the hash of a file. About 1.5 GB/s per core if the CPU has SHA extensions."""
    digest = hasher(algorithm, os.path.getsize(path))
    buffer = memoryview(bytearray(BLOCK))
    with open(path, "rb", buffering=0) as content:
        while count := content.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def stamp(path):
    """Return size, time and inode of a file, which change with its content unless the disk is faulty."""
    info = os.stat(path)
    return [info.st_size, info.st_mtime_ns, info.st_ino]


def survey(path, files, known=None):
    """Return the entries of the files that match `files` by their stamps, and the names of the others.

    Nothing is hashed: a file matches if the manifest in the folder has its stamp with the wanted hash.
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
    """Return the identity of a file's content: algorithm and hash."""
    return entry["algorithm"], entry["hash"]


def check(path, want):
    """Return the manifest's entry of a file if its content is as wanted, else None.

    If the hub gives no hash, the file's SHA-256 becomes the wanted one.
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
    """Hash all files in parallel; return the entries of the intact ones and the names of the others."""
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
