#!/usr/bin/python
"""Tells how far a download that model_snapshot does in the background has come."""

from __future__ import annotations

import json
import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: model_snapshot_progress
short_description: Bytes done and wanted of a background model_snapshot
options:
  path:
    description: The C(path) given to model_snapshot.
    type: path
    required: true
  job:
    description: The C(ansible_job_id) of the background task.
    type: str
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Wait for the download
  model_snapshot_progress:
    path: /data/models/deepseek-ai/DeepSeek-R1
    job: "{{ job.ansible_job_id }}"
  register: progress
  until: progress.finished
"""

RETURN = r"""
finished:
  description: Whether the background task has ended, well or not.
  returned: always
  type: bool
progress:
  description: C(done) and C(total) in bytes; empty before the first file was asked for.
  returned: always
  type: dict
"""


def read(path: str) -> dict:
    """Return a JSON file's content, or nothing while it does not exist or is being written."""
    try:
        with open(path) as lines:
            return json.load(lines)
    except (OSError, ValueError):
        return {}


def alive(job: str) -> bool:
    """Tell whether a process of the background task runs: Ansible names the task on its command line."""
    name = job.partition(".")[0].encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                words = cmdline.read().split(b"\0")
        except OSError:  # the process ended meanwhile
            continue
        if name in words:
            return True
    return False


def ended(record: dict, job: str) -> bool:
    """Tell whether the task has ended: its record is replaced by its result, or it died without one (a reboot, say)."""
    return (bool(record) and "started" not in record) or bool(record.get("finished")) or not alive(job)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}, "job": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    folder = os.environ.get("ANSIBLE_ASYNC_DIR", os.path.expanduser("~/.ansible_async"))
    job = module.params["job"]
    finished = ended(read(os.path.join(folder, job)), job)
    state = read(os.path.join(module.params["path"], ".inferfleet-progress.json"))
    progress = {"done": state["done"], "total": state["total"], "unit": "bytes"} if state else {}
    module.exit_json(changed=False, finished=finished, progress=progress)


if __name__ == "__main__":
    main()
