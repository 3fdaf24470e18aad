#!/usr/bin/python
"""Brings a repository of a model hub to a folder with the real huggingface_hub, verified file by file."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
try:
    from huggingface_hub import HfApi, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

DOCUMENTATION = r"""
---
module: model_snapshot
short_description: A model's files from a hub, complete and verified
description:
  - Downloads with C(huggingface_hub) what is missing and goes on where an interrupted download stopped.
  - Compares every file with the hub's SHA-256 (large files) or git blob hash (small ones).
  - A manifest beside the files remembers what was verified, so that a later run reads names, sizes and times only.
  - Without the hub, files that the manifest knows as complete for the same revision are good enough; a warning says so.
  - In check mode it tells what is missing, different or not verified yet, and hashes nothing.
requirements: [huggingface_hub]
options:
  repository:
    description: Repository id C(owner/name).
    type: str
    required: true
  revision:
    description: Branch, tag or commit.
    type: str
    default: main
  endpoint:
    description: URL of the hub or of a mirror.
    type: str
    default: https://huggingface.co
  path:
    description: Folder of the files.
    type: path
    required: true
  workers:
    description: Files downloaded at the same time.
    type: int
    default: 4
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Bring DeepSeek-R1
  model_snapshot:
    repository: deepseek-ai/DeepSeek-R1
    endpoint: https://hf-mirror.com
    path: /data/models/deepseek-ai/DeepSeek-R1
"""

RETURN = r"""
commit:
  description: The commit that the revision stands for.
  returned: success
  type: str
missing:
  description: Files that were missing, different or not verified before.
  returned: success
  type: list
  elements: str
bytes_missing:
  description: Their size in bytes.
  returned: success
  type: int
"""

MANIFEST = ".inferfleet.json"
PROGRESS = ".inferfleet-progress.json"
PARTIAL = ".inferfleet-partial"
ATTEMPTS = 2
CHUNK = 16 * 2**20


class DownloadError(Exception):
    """A file that the hub does not give, or gives wrong even when downloaded anew."""


def write_json(path: str, data: dict) -> None:
    """Replace a file whole: a reader never sees half of it."""
    with open(path + ".new", "w") as out:
        json.dump(data, out, indent=1)
    os.replace(path + ".new", path)


def read_json(path: str) -> dict:
    """Return the file's content, or nothing where it is missing or broken."""
    try:
        with open(path) as lines:
            return json.load(lines)
    except (OSError, ValueError):
        return {}


def file_hash(path: str, algorithm: str) -> str:
    """Return the file's hash; `git` is git's own: SHA-1 over a header and the content."""
    digest = hashlib.sha256() if algorithm == "sha256" else hashlib.sha1(usedforsecurity=False)
    if algorithm == "git":
        digest.update(b"blob %d\0" % os.path.getsize(path))
    with open(path, "rb") as content:
        while block := content.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def wanted_files(info) -> dict[str, dict]:
    """Return name -> size, algorithm and hash of every file of the repository that lies below its folder."""
    return {
        s.rfilename: {
            "size": s.size,
            "algorithm": "sha256" if s.lfs else "git",
            "hash": s.lfs.sha256 if s.lfs else s.blob_id,
        }
        for s in info.siblings
        if not os.path.isabs(s.rfilename) and ".." not in s.rfilename.split("/")
    }


def verified(path: str, name: str, want: dict, known: dict, hashing: bool = True) -> dict | None:
    """Return the manifest's entry for a file that is as wanted, else None. Hashes only what the manifest lacks."""
    full = os.path.join(path, name)
    try:
        stat = os.stat(full)
    except OSError:
        return None
    entry = {**want, "mtime_ns": stat.st_mtime_ns}
    if stat.st_size != want["size"]:
        return None
    if known == entry or (hashing and file_hash(full, want["algorithm"]) == want["hash"]):
        return entry
    return None


def survey(path: str, wanted: dict[str, dict], hashing: bool = True) -> tuple[dict[str, dict], list[str]]:
    """Return the manifest entries of the files that are right, and the names of the others."""
    known = read_json(os.path.join(path, MANIFEST)).get("files", {})
    entries = {name: verified(path, name, want, known.get(name, {}), hashing) for name, want in wanted.items()}
    return {n: e for n, e in entries.items() if e}, [n for n, e in entries.items() if not e]


def on_disk(path: str, wanted: dict[str, dict]) -> int:
    """Return the bytes that lie there of the wanted files, unfinished downloads included."""
    total = 0
    for name, want in wanted.items():
        for file in (partial_path(path, name, want), os.path.join(path, name)):
            if os.path.exists(file):
                total += min(os.path.getsize(file), want["size"])
                break
    return total


def partial_path(path: str, name: str, want: dict) -> str:
    """Return where an unfinished download lies: one place for each content, so that it can go on."""
    return os.path.join(path, PARTIAL, hashlib.sha256(f"{name} {want['hash']}".encode()).hexdigest())


def report_progress(path: str, wanted: dict[str, dict], stop: threading.Event) -> None:
    """Write the bytes done and wanted once a second until `stop`."""
    total = sum(want["size"] for want in wanted.values())
    while True:
        try:
            done = min(on_disk(path, wanted), total)
            write_json(os.path.join(path, PROGRESS), {"done": done, "total": total, "time": time.time()})
        except OSError:  # a file moved to its place while it was looked at
            pass
        if stop.wait(1):
            return


def remember(params: dict, commit: str, entries: dict[str, dict], complete: bool) -> None:
    """Write the manifest: what was asked for, the files that are right, and whether these are all."""
    asked = {"repository": params["repository"], "revision": params["revision"], "commit": commit}
    write_json(os.path.join(params["path"], MANIFEST), {**asked, "complete": complete, "files": entries})


def remembered(params: dict) -> str | None:
    """Return the commit whose files are all there, where the manifest was written for what is asked now."""
    path = params["path"]
    manifest = read_json(os.path.join(path, MANIFEST))
    if not manifest.get("complete") or manifest["repository"] != params["repository"]:
        return None
    if params["revision"] not in (manifest["revision"], manifest["commit"]):
        return None
    _, missing = survey(path, manifest["files"])
    return None if missing else manifest["commit"]


def fetch(params: dict, commit: str, name: str, want: dict) -> None:
    """Download one file to its place, from where an earlier attempt stopped.

    huggingface_hub's own snapshot_download starts a file over when its process has ended, and leaves the part behind.
    """
    partial, full = partial_path(params["path"], name, want), os.path.join(params["path"], name)
    url = hf_hub_url(params["repository"], name, revision=commit, endpoint=params["endpoint"])
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    with open(partial, "ab") as content:
        done = content.tell()
        if done < want["size"]:
            http_get(url, content, resume_size=done, headers=headers, expected_size=want["size"])
    os.makedirs(os.path.dirname(full), exist_ok=True)
    os.replace(partial, full)


def obtain(params: dict, commit: str, name: str, want: dict) -> dict:
    """Download one file and return its manifest entry; raises DownloadError."""
    for _ in range(ATTEMPTS):
        try:
            fetch(params, commit, name, want)
        except Exception as error:
            reason = (str(error).strip() or repr(error)).splitlines()[0].rstrip(".")
            raise DownloadError(
                f"{name} of {params['repository']} did not arrive from hub_endpoint {params['endpoint']}: {reason}."
                " Run it again: it goes on where it stopped."
            ) from error
        entry = verified(params["path"], name, want, {})
        if entry:
            return entry
        os.remove(os.path.join(params["path"], name))
    raise DownloadError(
        f"{name} from hub_endpoint {params['endpoint']} differs from the hash that the hub gives for it in"
        f" {params['repository']} at {commit}, even when downloaded again. Use another hub_endpoint."
    )


def download(params: dict, commit: str, entries: dict[str, dict], names: list[str], wanted: dict[str, dict]) -> None:
    """Download the named files; `entries` are those of the others, remembered with each file that arrives."""
    path = params["path"]
    os.makedirs(os.path.join(path, PARTIAL), exist_ok=True)
    stop = threading.Event()
    reporter = threading.Thread(target=report_progress, args=(path, wanted, stop), daemon=True)
    reporter.start()
    try:
        with ThreadPoolExecutor(params["workers"]) as pool:
            futures = {pool.submit(obtain, params, commit, name, wanted[name]): name for name in names}
            problem = None
            for future in as_completed(futures):
                if future.cancelled():
                    continue
                if future.exception():
                    problem = problem or future.exception()
                    for waiting in futures:
                        waiting.cancel()
                    continue
                entries[futures[future]] = future.result()
                remember(params, commit, entries, complete=len(entries) == len(wanted))
        if problem:
            raise problem
        shutil.rmtree(os.path.join(path, PARTIAL))
    finally:
        stop.set()
        reporter.join()


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "repository": {"type": "str", "required": True},
            "revision": {"type": "str", "default": "main"},
            "endpoint": {"type": "str", "default": "https://huggingface.co"},
            "path": {"type": "path", "required": True},
            "workers": {"type": "int", "default": 4},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("huggingface_hub"), exception=IMPORT_ERROR)
    params, path = module.params, module.params["path"]
    try:
        info = HfApi(endpoint=params["endpoint"]).model_info(
            params["repository"], revision=params["revision"], files_metadata=True, timeout=60
        )
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0].rstrip(".")
        msg = (
            f"The hub at hub_endpoint {params['endpoint']} does not give {params['repository']}"
            f" (revision {params['revision']}): {reason}."
        )
        commit = remembered(params)
        if commit is None:
            module.fail_json(msg=f"{msg} Check hub_endpoint, checkpoint and model_revision.")
        module.warn(f"{msg} Its files of commit {commit} are complete on this node and stay in use.")
        module.exit_json(changed=False, commit=commit, missing=[], bytes_missing=0)
    wanted = wanted_files(info)
    _, missing = survey(path, wanted, hashing=False)
    result = {
        "changed": bool(missing),
        "commit": info.sha,
        "missing": missing,
        "bytes_missing": sum(wanted[name]["size"] for name in missing),
    }
    if missing and not module.check_mode:
        try:
            os.makedirs(path, exist_ok=True)
            with open(os.path.join(path, ".inferfleet.lock"), "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # a download of an earlier run may still be at it
                entries, missing = survey(path, wanted)
                remember(params, info.sha, entries, complete=not missing)
                if missing:
                    download(params, info.sha, entries, missing, wanted)
        except DownloadError as error:
            module.fail_json(msg=str(error), **result)
        except OSError as error:
            module.fail_json(msg=f"The weights cannot be written below {path}: {error.strerror or error}.", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
