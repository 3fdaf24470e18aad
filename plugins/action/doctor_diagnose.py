"""Match a folder of evidence against the catalog of symptoms (see inferfleet.doctor)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.doctor import Hider, diagnose, load_symptoms, read_evidence, write_diagnosis, write_service
from inferfleet.settings.receivers import RECEIVERS, receiver_secrets


class ActionModule(ActionBase):
    """Arguments `folder`, `results` and `answers` (task results of evidence and test requests per host), and `keep`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `doctor`, the diagnosis as printed by `--json`; findings are no failure."""
        super().run(tmp, task_vars)
        args, folder = self._task.args, Path(self._task.args["folder"])
        answers = {host: result.get("answers") or {} for host, result in args["answers"].items()}
        unreachable = {
            host: " ".join(str(result.get("msg", "")).split())[-200:]
            for host, result in args["results"].items()
            if result.get("unreachable")
        }
        receivers = self._templar.template({name: task_vars.get(name) for name in RECEIVERS})
        hide = Hider({**(task_vars.get("preflight_secrets") or {}), **receiver_secrets(receivers)})
        write_service(folder, task_vars["ansible_facts"]["inferfleet_plans"], answers, unreachable, hide)
        diagnosis = diagnose(read_evidence(folder), load_symptoms(), hide).as_dict() | {"folder": str(folder)}
        write_diagnosis(folder, diagnosis, int(args["keep"]))
        return {"changed": False, "doctor": diagnosis}
