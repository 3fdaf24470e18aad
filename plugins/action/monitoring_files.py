"""Return the files of Prometheus, Alertmanager and the alert forwarder (see inferfleet.monitoring)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.monitoring import GROUP, Receivers, Thresholds, as_forms, monitoring_files, plan_targets


class ActionModule(ActionBase):
    """Returns `files`, by path. Run it with `no_log`: the content includes keys."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Arguments: `plans`, the plan of the `gateway`, `thresholds`, `receivers`, `language`, `api_key` of the
        engines, `interval` in seconds, `units` (texts by component), `sources`, the folder of the role's files."""
        super().run(tmp, task_vars)
        args, hostvars = self._task.args, task_vars["hostvars"]
        heads = [plan["head"] for plan in args["plans"] if plan["head"]]
        targets = plan_targets(
            args["plans"], args["gateway"], {head: int(hostvars[head]["ray_port"]) for head in heads}
        )
        files = monitoring_files(
            targets,
            Thresholds(**{name: float(value) for name, value in args["thresholds"].items()}),
            Receivers(**args["receivers"]),
            language=args["language"],
            alertmanager=args["gateway"]["monitoring"]["alertmanager"],
            engine_api_key=args["api_key"],
            interval=int(args["interval"]),
            units=args["units"],
            sources=Path(args["sources"]),
        )
        return {"changed": False, "files": as_forms(files), "group": GROUP}
