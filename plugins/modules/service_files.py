#!/usr/bin/python
"""Writes the files of a service and notices a restart that was lost; stdlib only, since it runs on the node."""

from __future__ import annotations

import errno
import hashlib
import os
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.filesystem import write_atomic
from ansible.module_utils.messages import N_, Message, failure, os_reason

DOCUMENTATION = r"""
---
module: service_files
short_description: Write the files of a service
description:
  - One call instead of a task for each folder and file, each of which would take four requests to the node in a run
    that changes nothing.
  - A handler that restarts a service is lost when a run is interrupted after it has written the files. With
    O(service), this module records the checksum of the files, and reports a change as long as the service was not
    started with them. Without a record, files that need no change are recorded.
  - The contents, which may be secret, are neither logged nor returned.
options:
  files:
    description:
      - Files in the order in which they are written, each with C(path) and, in a task, C(content).
      - Optional are C(mode) (default C(0644)), C(keep), with which a file that exists keeps its content, and C(live),
        with which the service reads the file again while it runs. The files belong to root.
    type: list
    elements: dict
    required: true
  contents:
    description: >-
      Content of each file by its path, which the action of the same name takes from the files. Ansible logs the options
      of a module on the node, except those that are marked as secret.
    type: dict
    required: true
  folders:
    description: >-
      Folders with their mode. Without an entry, a missing folder is created with the usual mode, and C(/etc/inferfleet)
      is accessible to root only.
    type: dict
    default: {}
  service:
    description: >-
      Name of the service that reads the files at its start; empty does not compare them with those of its start.
    type: str
    default: ""
  state:
    description: C(present) writes the files, C(applied) records that O(service) was started with them.
    type: str
    choices: [present, applied]
    default: present
  records:
    description: Folder of the records.
    type: path
    default: /var/lib/inferfleet/applied
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Configure the service
  service_files:
    service: webui
    files:
      - path: /etc/inferfleet/webui.env
        content: "{{ lookup('ansible.builtin.template', 'webui.env.j2') }}"
        mode: "0600"
  notify: Restart the service
"""

RETURN = r"""
applied:
  description: Whether the service was started with the files; true without O(service).
  returned: always
  type: bool
written:
  description: Paths of the folders and files that were changed, or that a check run would change.
  returned: always
  type: list
  elements: str
"""

OWN_FOLDER = "/etc/inferfleet"
"""Holds secrets: accessible to root only."""


def current(path):
    """Return the content of a file; None if there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def has_attributes(path, mode):
    """Return whether a path belongs to root, with the mode."""
    found = os.stat(path)
    return (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, os.geteuid(), os.getegid())


def set_attributes(path, mode):
    """Give a path to root, with the mode."""
    os.chown(path, os.geteuid(), os.getegid())
    os.chmod(path, mode)


def write_folder(path, mode, check_mode):
    """Create a folder or correct its mode; return whether that was necessary."""
    if os.path.isdir(path) and stat.S_IMODE(os.stat(path).st_mode) == mode:
        return False
    if not check_mode:
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
    return True


def write_file(file, check_mode):
    """Write a file or correct its attributes; return whether that was necessary."""
    path, mode = file["path"], int(file["mode"], 8)
    found = current(path)
    if found is not None and (file["keep"] or found == file["content"]):
        if has_attributes(path, mode):
            return False
        if not check_mode:
            set_attributes(path, mode)
        return True
    if not check_mode:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            write_atomic(path, file["content"], mode=0o600)
        except OSError as error:  # that of a full disk has no name
            raise OSError(error.errno, error.strerror, path) from error
        set_attributes(path, mode)
    return True


def checksum(files):
    """Return a checksum of the paths and contents."""
    total = hashlib.sha256()
    for file in sorted(files, key=lambda file: file["path"]):
        content = hashlib.sha256(file["content"].encode(errors="surrogateescape")).hexdigest()
        total.update(f"{file['path']}\n{content}\n".encode())
    return total.hexdigest()


def write(folders, files, check_mode):
    """Write what differs; return the changed paths."""
    own = {OWN_FOLDER: "0700"} if any(file["path"].startswith(f"{OWN_FOLDER}/") for file in files) else {}
    changed = [path for path, mode in {**own, **folders}.items() if write_folder(path, int(str(mode), 8), check_mode)]
    return changed + [file["path"] for file in files if write_file(file, check_mode)]


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "str", "required": True},
                    "mode": {"type": "str", "default": "0644"},
                    "keep": {"type": "bool", "default": False},
                    "live": {"type": "bool", "default": False},
                },
            },
            "contents": {"type": "dict", "required": True, "no_log": True},
            "folders": {"type": "dict", "default": {}},
            "service": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "applied"], "default": "present"},
            "records": {"type": "path", "default": "/var/lib/inferfleet/applied"},
        },
        supports_check_mode=True,
    )
    options, check_mode = module.params, module.check_mode
    files = [{**file, "content": options["contents"][file["path"]]} for file in options["files"]]
    record = os.path.join(options["records"], options["service"]) if options["service"] else ""
    read_at_start = [file for file in files if not file["keep"] and not file["live"]]
    wanted = checksum(read_at_start)
    try:
        written = write(options["folders"], files, check_mode) if options["state"] == "present" else []
        recorded = (current(record) or "").strip() if record else wanted
        current_files = not record or not {file["path"] for file in read_at_start} & set(written)
        applied = options["state"] == "applied" or (recorded in ("", wanted) and current_files)
        if record and applied and recorded != wanted and not check_mode:
            os.makedirs(options["records"], mode=0o755, exist_ok=True)
            write_atomic(record, f"{wanted}\n")
    except OSError as error:
        full = N_("{path} cannot be written: {reason}. Free space on the file system of that folder.")
        broken = N_("{path} cannot be written: {reason}. Check the node's disk.")
        text = full if error.errno in (errno.ENOSPC, errno.EDQUOT) else broken
        problem = Message("file-unwritten", text, path=str(error.filename), reason=os_reason(error))
        module.fail_json(**failure(problem))
    module.exit_json(changed=bool(written) or not applied, applied=applied, written=written)


if __name__ == "__main__":
    main()
