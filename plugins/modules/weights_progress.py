#!/usr/bin/python
"""Returns the progress of a background download by weights_pull."""

from __future__ import annotations

from ansible.module_utils.background import has_ended
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.change_lock import renew
from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import manifest

DOCUMENTATION = r"""
---
module: weights_progress
short_description: Return the progress of a background weights_pull
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
  description: Whether the background task has ended, successfully or not.
  returned: always
  type: bool
progress:
  description: C(done) and C(total) in bytes, and C(text) on their origin; empty before the first byte.
  returned: always
  type: dict
"""


def origin(state: dict) -> Message | None:
    """Return the origin of the bytes; None if there are none yet."""
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
    renew()  # a download may take days
    finished = has_ended(module.params["job"])
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
