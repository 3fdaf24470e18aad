#!/usr/bin/python
"""Docker's configuration file, merged with what others wrote into it; stdlib only, since it runs on the node."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import write_atomic
from ansible.module_utils.messages import N_, Message, failure
from ansible.module_utils.processes import run

DOCUMENTATION = r"""
---
module: docker_daemon_config
short_description: Keys of Docker's daemon.json, merged with those that others set
description:
  - Sets C(settings) in C(path) and leaves every other key as it is. Maps are merged key by key; C(registry-mirrors) and
    C(insecure-registries) keep their entries and get ours in addition. An empty value sets nothing.
  - Writes down which values it set, in a file beside C(path), so that it may change or remove those later.
    A value that someone else set otherwise is a conflict.
  - Has C(dockerd --validate) judge the result before it replaces the file, where Docker is installed and new enough
    (23.0).
  - Does not restart Docker. The file as it was stays beside C(path), and C(pending) is true, until O(state=committed)
    says that Docker runs with the new one or O(state=restored) puts it back.
options:
  path:
    description: The file.
    type: path
    default: /etc/docker/daemon.json
  settings:
    description: Keys and values.
    type: dict
    default: {}
  on_conflict:
    description: What to do about a value that someone else set otherwise - end with C(refuse), take ours with
      C(replace), or leave it with C(keep).
    type: str
    choices: [refuse, replace, keep]
    default: refuse
  state:
    description: C(present) merges; C(restored) puts the file back as it was; C(committed) forgets how it was.
    type: str
    choices: [present, restored, committed]
    default: present
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Configure Docker
  docker_daemon_config:
    settings:
      data-root: /data/docker
      log-opts: {max-size: 100m}
  register: docker_config

- name: Docker does not start with it
  docker_daemon_config:
    state: restored
"""

RETURN = r"""
pending:
  description: Whether Docker has to be restarted to run with the file.
  returned: always
  type: bool
kept:
  description: Keys whose value someone else set otherwise and that were left, as C(key.key) paths.
  returned: always
  type: list
  elements: str
"""

UNITED = ("registry-mirrors", "insecure-registries")  # lists that keep the entries of others


class RefusedError(Exception):
    """The file cannot be made so; `message` is why, and what to do."""

    def __init__(self, message):
        super().__init__(str(message))
        self.message = message


def merge(found, wanted, recorded, on_conflict, path=""):
    """Return `found` with `wanted` in it, what of that is ours, and the paths whose value someone else keeps.

    `recorded` is what an earlier call returned as ours; what of it is no longer wanted goes.
    """
    result, ours = dict(found), {}
    kept: list[str] = []
    for key in [*recorded, *(key for key in wanted if key not in recorded)]:
        where = path + key
        theirs, mine, value = found.get(key), recorded.get(key), wanted.get(key)
        if key in UNITED:
            foreign = [item for item in theirs or [] if item not in (mine or [])]
            own = [item for item in value or [] if item not in foreign]
            merged = foreign + own
        elif isinstance(mine if value is None else value, dict):
            if not isinstance(theirs, (dict, type(None))):
                if not ours_wins(where, theirs, value, on_conflict, kept):
                    continue
                theirs = {}
            merged, own, more = merge(theirs or {}, value or {}, mine or {}, on_conflict, where + ".")
            kept += more
        elif value in (None, "", []):
            if mine is not None and theirs == mine:
                del result[key]
            continue
        elif theirs in (None, mine) or (theirs != value and ours_wins(where, theirs, value, on_conflict, kept)):
            merged = own = value
        else:  # they want the same, or are left their own
            continue
        if merged in ({}, []) and (mine or key not in found):
            result.pop(key, None)
        else:
            result[key] = merged
        if own not in ({}, []):
            ours[key] = own
    return result, ours, kept


def ours_wins(where, theirs, value, on_conflict, kept):
    """Say who wins where someone else set another value; raises RefusedError where nobody said who does."""
    if on_conflict == "refuse":
        template = N_(
            "{key} is {present} there, set by someone else, but is to be {value}. Give the role the value that is"
            " there, remove it from the file, or set container_runtime_conflict to replace (ours wins) or keep (theirs"
            " stays)."
        )
        values = {"key": where, "present": json.dumps(theirs), "value": json.dumps(value)}
        raise RefusedError(Message("daemon-conflict", template, **values))
    if on_conflict == "keep":
        kept.append(where)
    return on_conflict == "replace"


def read(path):
    """Return the map in a JSON file and its text; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return {}, ""
    except UnicodeDecodeError:
        raise RefusedError(Message("daemon-not-text", N_("It is not text. Correct it, or move it away."))) from None
    if not text.strip():
        return {}, text
    try:
        content = json.loads(text)
    except ValueError as error:
        lines = text.splitlines()
        line = getattr(error, "lineno", 0)
        shown = lines[line - 1].strip()[:80] if 0 < line <= len(lines) else ""
        template = N_("It is not JSON: {reason} ({line}). Correct it, or move it away.")
        raise RefusedError(Message("daemon-not-json", template, reason=str(error), line=repr(shown))) from None
    if not isinstance(content, dict):
        raise RefusedError(Message("daemon-no-map", N_("It does not hold a map of keys. Correct it, or move it away.")))
    return content, text


def write(path, text):
    """Put a file in place in one step; what was there stays when that fails."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    write_atomic(path, text, durable=True)


def validate(dockerd, text):
    """Have Docker judge the configuration; a Docker before 23.0 cannot, and a missing one neither."""
    if not dockerd:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        code, output = run([dockerd, "--validate", f"--config-file={file.name}"], timeout=30)
        said = output.strip().replace(file.name, "daemon.json")
    if code and "unknown flag" not in said:
        template = N_(
            "Docker refuses what it would hold: {reason}. Correct container_runtime_options, or the file's own keys."
        )
        reason = said.splitlines()[-1] if said else Message("", N_("no reason given"))
        raise RefusedError(Message("daemon-refused", template, reason=reason))


def present(path, settings, on_conflict, dockerd, check_mode):
    """Merge; return the module's result."""
    record, backup = beside(path)
    found, text = read(path)
    recorded, record_text = read(record)
    result, ours, kept = merge(found, settings, recorded, on_conflict)
    wanted = text if result == found and text else json.dumps(result, indent=4) + "\n"
    changed = result != found or (not text and bool(result))
    if changed:
        validate(dockerd, wanted)
    noted = json.dumps(ours, indent=4, sort_keys=True) + "\n"
    if not check_mode:
        if changed:
            # The older one stays where a restart is still due: that is the file Docker runs with.
            if not os.path.exists(backup):
                write(backup, text)
            write(path, wanted)
        if noted != record_text:
            write(record, noted)
    return {
        "changed": changed,
        "kept": kept,
        "pending": changed or os.path.exists(backup),
        "diff": {"before": text, "after": wanted, "before_header": path, "after_header": path},
    }


def restored(path, check_mode):
    """Put the file back as it was; return the module's result."""
    record, backup = beside(path)
    there = os.path.exists(backup)
    if there and not check_mode:
        if os.path.getsize(backup):
            os.rename(backup, path)
        else:  # there was none
            os.unlink(backup)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        # What is ours is what of the record the older file holds.
        found, _ = read(path)
        recorded, _ = read(record)
        write(record, json.dumps(held(found, recorded), indent=4, sort_keys=True) + "\n")
    return {"changed": there, "kept": [], "pending": False}


def held(found, recorded):
    """Return what of `recorded` is in `found` with the same value."""
    same = {}
    for key, value in recorded.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            same[key] = held(found[key], value)
        elif key in UNITED:
            same[key] = [item for item in value if item in found.get(key, [])]
        elif key in found and found[key] == value:
            same[key] = value
    return {key: value for key, value in same.items() if value not in ({}, [])}


def beside(path):
    """Return where our record and the file as it was lie."""
    stem = os.path.splitext(path)[0]
    return f"{stem}.inferfleet.json", f"{stem}.inferfleet-before"


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/etc/docker/daemon.json"},
            "settings": {"type": "dict", "default": {}},
            "on_conflict": {"type": "str", "choices": ["refuse", "replace", "keep"], "default": "refuse"},
            "state": {"type": "str", "choices": ["present", "restored", "committed"], "default": "present"},
        },
        supports_check_mode=True,
    )
    path, state = module.params["path"], module.params["state"]
    try:
        if state == "present":
            settings, on_conflict = module.params["settings"], module.params["on_conflict"]
            module.exit_json(**present(path, settings, on_conflict, shutil.which("dockerd"), module.check_mode))
        if state == "restored":
            module.exit_json(**restored(path, module.check_mode))
        backup = beside(path)[1]
        there = os.path.exists(backup)
        if there and not module.check_mode:
            os.unlink(backup)
        module.exit_json(changed=there, kept=[], pending=False)
    except RefusedError as problem:
        unchanged = N_("{path} is left as it was. {problem}")
        module.fail_json(**failure(Message("daemon-unchanged", unchanged, path=path, problem=problem.message)))
    except OSError as error:
        full = N_(
            "{path} is left as it was. It cannot be written: {reason}. Free space on the file system of that folder."
        )
        broken = N_("{path} is left as it was. It cannot be written: {reason}. Look at the node's disk.")
        unwritten = full if error.errno == 28 else broken
        module.fail_json(**failure(Message("daemon-unwritten", unwritten, path=path, reason=error.strerror)))


if __name__ == "__main__":
    main()
