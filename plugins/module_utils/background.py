"""Background tasks of Ansible (`async`) on a node."""

from __future__ import annotations

import os

from ansible.module_utils.processes import command_lines
from ansible.module_utils.weights import manifest


def has_ended(job: str) -> bool:
    """Return whether a task, by its `ansible_job_id`, has ended: it has written its result, or died without one."""
    folder = os.environ.get("ANSIBLE_ASYNC_DIR", os.path.expanduser("~/.ansible_async"))
    record = manifest.read_json(os.path.join(folder, job))
    return (bool(record) and "started" not in record) or bool(record.get("finished")) or not _is_running(job)


def _is_running(job: str) -> bool:
    """Return whether a process of the task is running: its command line contains the job id."""
    name = job.partition(".")[0]
    return any(name in words for _, words in command_lines())
