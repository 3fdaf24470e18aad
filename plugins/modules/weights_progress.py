#!/usr/bin/python
"""Tells how far a download that weights_pull does in the background has come."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.messages import N_, Message
from ansible.module_utils.processes import command_lines
from ansible.module_utils.weights import manifest

DOCUMENTATION = r"""
---
module: weights_progress
short_description: Bytes done and wanted of a background weights_pull
options:
  path:
    description: The C(path) given to weights_pull.
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
  weights_progress:
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
  description: C(done) and C(total) in bytes, and C(text) on where they came from; empty before the first byte.
  returned: always
  type: dict
"""


def alive(job: str) -> bool:
    """Tell whether a process of the background task runs: Ansible names the task on its command line."""
    name = job.partition(".")[0]
    return any(name in words for _, words in command_lines())


def ended(record: dict, job: str) -> bool:
    """Tell whether the task has ended: its record is replaced by its result, or it died without one (a reboot, say)."""
    return (bool(record) and "started" not in record) or bool(record.get("finished")) or not alive(job)


def origin(state: dict) -> Message | None:
    """Return where the bytes came from; None where there are none yet."""
    parts = []
    if state["wan"]:
        parts.append(Message("", N_("{size} over the WAN"), size=f"{state['wan'] / 1e9:.1f} GB"))
    if state["lan"]:
        peer = max(state["by_peer"], key=state["by_peer"].get)
        values = {"size": f"{state['lan'] / 1e9:.1f} GB", "count": len(state["by_peer"]), "peer": peer}
        parts.append(Message("", N_("{size} from {count} nodes, most from {peer}"), **values))
    return Message("weights-origin", "{parts}", parts=parts) if parts else None


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "required": True}, "job": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    folder = os.environ.get("ANSIBLE_ASYNC_DIR", os.path.expanduser("~/.ansible_async"))
    job = module.params["job"]
    finished = ended(manifest.read_json(os.path.join(folder, job)), job)
    path = module.params["path"]
    state = manifest.read_json(manifest.run_file(path, "progress"))
    progress = {}
    if state:
        text = origin(state)
        progress = {"done": state["done"], "total": state["total"], "unit": "bytes"}
        progress["text"] = text.as_dict() if text else ""
    module.exit_json(changed=False, finished=finished, progress=progress)


if __name__ == "__main__":
    main()
