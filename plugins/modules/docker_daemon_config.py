#!/usr/bin/python
"""Docker's daemon.json, merged with keys set by others; stdlib only, since it runs on the node."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import write_atomic
from ansible.module_utils.messages import N_, Message, failure, os_reason
from ansible.module_utils.processes import run

DOCUMENTATION = r"""
---
module: docker_daemon_config
short_description: Merge keys into Docker's daemon.json
description:
  - Sets C(settings) in C(path) and leaves all other keys unchanged. Maps are merged key by key; the lists
    C(registry-mirrors) and C(insecure-registries) keep their entries, and ours are added. An empty value sets nothing.
  - Records the values that it set in a file next to C(path), so that it can change or remove them later. A different
    value that someone else set is a conflict.
  - Validates the result with C(dockerd --validate) before it replaces the file, if Docker is installed (23.0 or later).
  - Does not restart Docker. The previous file is kept next to C(path), and C(pending) is true, until
    O(state=committed) confirms that Docker runs with the new file, or O(state=restored) restores the previous one.
options:
  path:
    description: Path of the file.
    type: path
    default: /etc/docker/daemon.json
  settings:
    description: Keys and values.
    type: dict
    default: {}
  on_conflict:
    description: How to handle a different value set by someone else - C(refuse) fails, C(replace) sets our value,
      C(keep) keeps the existing one.
    type: str
    choices: [refuse, replace, keep]
    default: refuse
  state:
    description: C(present) merges; C(restored) restores the previous file; C(committed) deletes it.
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

- name: Restore the previous configuration
  docker_daemon_config:
    state: restored
"""

RETURN = r"""
pending:
  description: Whether Docker must be restarted to apply the file.
  returned: always
  type: bool
kept:
  description: Keys with a different value set by someone else that was kept, as C(key.key) paths.
  returned: always
  type: list
  elements: str
"""

MERGED_LISTS = ("registry-mirrors", "insecure-registries")  # lists that keep the entries of others


class RefusedError(Exception):
    """The file cannot be changed as requested; `message` is the reason and the remedy."""

    def __init__(self, message):
        super().__init__(str(message))
        self.message = message


def merge(found, wanted, recorded, on_conflict, path=""):
    """Return `found` merged with `wanted`, the values that are ours, and the paths of kept values of others.

    `recorded` is what an earlier call returned as ours; values in it that are no longer wanted are removed.
    """
    result, ours = dict(found), {}
    kept: list[str] = []
    for key in [*recorded, *(key for key in wanted if key not in recorded)]:
        where = path + key
        theirs, mine, value = found.get(key), recorded.get(key), wanted.get(key)
        if key in MERGED_LISTS:
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
        else:  # theirs is the same, or is kept
            continue
        if merged in ({}, []) and (mine or key not in found):
            result.pop(key, None)
        else:
            result[key] = merged
        if own not in ({}, []):
            ours[key] = own
    return result, ours, kept


def ours_wins(where, theirs, value, on_conflict, kept):
    """Return whether our value replaces a different one; raises RefusedError if the conflict policy is to refuse."""
    if on_conflict == "refuse":
        template = N_(
            "{key} is {present} there, set by someone else, but should be {value}. Set the role's variable to the"
            " existing value, remove the key from the file, or set container_runtime_conflict to replace (use our"
            " value) or keep (use the existing one)."
        )
        values = {"key": where, "present": json.dumps(theirs), "value": json.dumps(value)}
        raise RefusedError(Message("daemon-conflict", template, **values))
    if on_conflict == "keep":
        kept.append(where)
    return on_conflict == "replace"


def read(path):
    """Return the map in a JSON file and its text; both are empty if there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return {}, ""
    except UnicodeDecodeError:
        raise RefusedError(
            Message("daemon-not-text", N_("The file is not text. Correct it, or move it away."))
        ) from None
    if not text.strip():
        return {}, text
    try:
        content = json.loads(text)
    except ValueError as error:
        lines = text.splitlines()
        line = getattr(error, "lineno", 0)
        shown = lines[line - 1].strip()[:80] if 0 < line <= len(lines) else ""
        template = N_("The file is not JSON: {reason} ({line}). Correct it, or move it away.")
        raise RefusedError(Message("daemon-not-json", template, reason=str(error), line=repr(shown))) from None
    if not isinstance(content, dict):
        raise RefusedError(
            Message("daemon-no-map", N_("The file does not contain a JSON object. Correct it, or move it away."))
        )
    return content, text


def write(path, text):
    """Replace a file atomically; the old one remains on failure."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    write_atomic(path, text, durable=True)


def validate(dockerd, text):
    """Validate the configuration with dockerd, if it is installed and 23.0 or later."""
    if not dockerd:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        code, output = run([dockerd, "--validate", f"--config-file={file.name}"], timeout=30)
        message = output.strip().replace(file.name, "daemon.json")
    if code and "unknown flag" not in message:
        template = N_(
            "Docker rejects the new content: {reason}. Correct container_runtime_options, or the file's own keys."
        )
        reason = message.splitlines()[-1] if message else Message("", N_("no reason given"))
        raise RefusedError(Message("daemon-refused", template, reason=reason))


def present(path, settings, on_conflict, dockerd, check_mode):
    """Merge the settings; return the module's result."""
    record, backup = companions(path)
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
            # An existing backup is kept while a restart is pending: Docker runs with that file.
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
    """Restore the previous file; return the module's result."""
    record, backup = companions(path)
    exists = os.path.exists(backup)
    if exists and not check_mode:
        if os.path.getsize(backup):
            os.rename(backup, path)
        else:  # there was no file before
            os.unlink(backup)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        # Ours are the recorded values that the restored file contains.
        found, _ = read(path)
        recorded, _ = read(record)
        write(record, json.dumps(held(found, recorded), indent=4, sort_keys=True) + "\n")
    return {"changed": exists, "kept": [], "pending": False}


def held(found, recorded):
    """Return the values of `recorded` that are the same in `found`."""
    same = {}
    for key, value in recorded.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            same[key] = held(found[key], value)
        elif key in MERGED_LISTS:
            same[key] = [item for item in value if item in found.get(key, [])]
        elif key in found and found[key] == value:
            same[key] = value
    return {key: value for key, value in same.items() if value not in ({}, [])}


def companions(path):
    """Return the paths of our record and of the previous file."""
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
        backup = companions(path)[1]
        exists = os.path.exists(backup)
        if exists and not module.check_mode:
            os.unlink(backup)
        module.exit_json(changed=exists, kept=[], pending=False)
    except RefusedError as problem:
        unchanged = N_("{path} is unchanged. {problem}")
        module.fail_json(**failure(Message("daemon-unchanged", unchanged, path=path, problem=problem.message)))
    except OSError as error:
        full = N_(
            "{path} is unchanged, because it cannot be written: {reason}. Free space on the file system of that folder."
        )
        broken = N_("{path} is unchanged, because it cannot be written: {reason}. Check the node's disk.")
        unwritten = full if error.errno == 28 else broken
        module.fail_json(**failure(Message("daemon-unwritten", unwritten, path=path, reason=os_reason(error))))


if __name__ == "__main__":
    main()
