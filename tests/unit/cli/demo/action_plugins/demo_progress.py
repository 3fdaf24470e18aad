"""Report progress the way a long task does: one step further at each try."""

from pathlib import Path

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """`state`: a file that counts the tries; `total`: bytes; `steps`: how many tries it takes."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        counter = Path(self._task.args["state"])
        step = int(counter.read_text()) + 1 if counter.exists() else 1
        steps, total = int(self._task.args["steps"]), int(self._task.args["total"])
        finished = step >= steps
        if finished:
            counter.unlink(missing_ok=True)
        else:
            counter.write_text(str(step))
        progress = {"done": total * step // steps, "total": total, "unit": "bytes"}
        return result | {"changed": False, "done": finished, "progress": progress}
