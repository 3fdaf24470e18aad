#!/usr/bin/python
"""Returns the progress of a background pull by image_pull."""

from __future__ import annotations

from ansible.module_utils.background import has_ended
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.change_lock import renew
from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights import manifest

DOCUMENTATION = r"""
---
module: image_progress
short_description: Return the progress of a background image_pull
options:
  image:
    description: The C(image) given to image_pull.
    type: str
    required: true
  job:
    description: The C(ansible_job_id) of the background task.
    type: str
    required: true
author: [inferfleet]
"""

EXAMPLES = r"""
- name: Wait for the image
  image_progress:
    image: vllm/vllm-openai:v0.11.0
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
  description: C(done) and, as soon as every layer's size is known, C(total) in bytes, and C(text) on the layers; empty
    before the first byte.
  returned: always
  type: dict
"""


def shown(state: dict) -> dict:
    """Return the progress of a pull; empty if nothing is downloaded."""
    if not state.get("layers"):
        return {}
    counts = {name: state[name] for name in ("pulled", "layers")}
    if state["done"] == state["total"]:
        text = Message("image-extracting", N_("extracting: {pulled} of {layers} layers"), **counts)
    else:
        text = Message("image-downloading", N_("downloading {layers} layers"), layers=state["layers"])
    return {"done": state["done"], "total": state["total"], "unit": "bytes", "text": text.as_dict()}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={"image": {"type": "str", "required": True}, "job": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    renew()  # a pull may take hours
    finished = has_ended(module.params["job"])
    state = manifest.read_json(manifest.run_file(f"image {module.params['image']}", "progress"))
    module.exit_json(changed=False, finished=finished, progress=shown(state))


if __name__ == "__main__":
    main()
