"""Matches a folder of evidence against the catalog of symptoms (see inferfleet.doctor)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.doctor import Hider, diagnose, load_symptoms, read_evidence, write_diagnosis, write_service


class ActionModule(ActionBase):
    """Takes `folder`, `results` and `asked` (what each host's tasks of evidence and answers returned), and `keep`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `doctor`, the diagnosis as `--json` shows it; fails over nothing that it finds."""
        super().run(tmp, task_vars)
        args, folder = self._task.args, Path(self._task.args["folder"])
        answers = {host: result.get("answers") or {} for host, result in args["asked"].items()}
        unreachable = {
            host: " ".join(str(result.get("msg", "")).split())[-200:]
            for host, result in args["results"].items()
            if result.get("unreachable")
        }
        hide = Hider(task_vars.get("preflight_secrets"))
        write_service(folder, task_vars["ansible_facts"]["inferfleet_plans"], answers, unreachable, hide)
        found = diagnose(read_evidence(folder), load_symptoms(), hide).as_dict() | {"folder": str(folder)}
        write_diagnosis(folder, found, int(args["keep"]))
        return {"changed": False, "doctor": found}
