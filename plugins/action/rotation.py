"""Rotate generated secrets (see inferfleet.upgrade.rotation)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.components import load_components
from inferfleet.task_result import failed
from inferfleet.upgrade.rotation import Rotation, rotated_names, rotation_problems


class ActionModule(ActionBase):
    """Arguments `folder` of the secrets and `step`: begin (with `names`; empty: all), switched or finish. Writes on the
    controller only, and nothing in check mode; returns names, never values."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Return `names`, the secrets that are rotated."""
        super().run(tmp, task_vars)
        rotation = Rotation(Path(self._task.args["folder"]))
        step = self._task.args["step"]
        if step == "begin":
            return self._begin(rotation, task_vars)
        if not self._task.check_mode:
            rotation.switched() if step == "switched" else rotation.finish()
        return {"changed": False, "names": rotation.pending}

    def _begin(self, rotation, task_vars):
        """Generate the values; a secret of a component is a setting that is generated if it is empty."""
        known = [name for component in load_components() for name in component.secrets]
        configured = {name: self._templar.template(task_vars.get(name, "")) for name in known}
        names = rotated_names(known, configured, self._task.args["names"])
        if problems := rotation_problems(known, configured, names):
            return failed(problems, "contract")
        if self._task.check_mode:
            return {"changed": True, "names": list(dict.fromkeys([*rotation.pending, *names]))}
        return {"changed": True, "names": rotation.begin(names)}
