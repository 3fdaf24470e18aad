"""Succeed at the third attempt, and return the progress of each."""

from pathlib import Path

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """`counter`: a file that counts the tries."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        counter = Path(self._task.args["counter"])
        step = int(counter.read_text()) + 1 if counter.exists() else 1
        counter.write_text(str(step))
        progress = {"done": 100 * step, "total": 300, "unit": "bytes", "text": f"shard {step}"}
        return result | {"changed": False, "done": step == 3, "progress": progress}
