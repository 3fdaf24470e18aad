"""Check an air-gap bundle against the plan and set the fact `inferfleet_bundle` (see inferfleet.bundle)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.bundle import bundle_facts, check_bundle
from inferfleet.nodes import system_key
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Fails if the bundle is damaged or incomplete, before anything is changed."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Arguments `path` (bundle folder), `images` (required), and the node folders `node_path` and `settings`."""
        super().run(tmp, task_vars)
        args, hostvars = self._task.args, task_vars["hostvars"]
        plan = task_vars["ansible_facts"]["inferfleet_plan"]
        checkpoint = "" if plan["checkpoint_is_local"] else plan["checkpoint"]
        nodes = {h: hostvars[h]["ansible_facts"]["inferfleet_node"] for h in task_vars["ansible_play_hosts"]}
        systems = {host: system_key(node["distribution"], node["architecture"]) for host, node in nodes.items()}
        folder = Path(args["path"])
        if args["enforce"] and (
            problems := check_bundle(folder, args["images"], checkpoint, task_vars["model_revision"], systems)
        ):
            return failed(problems, "facts")
        facts = bundle_facts(folder, checkpoint, args["node_path"], args["settings"])
        return {"changed": False, "ansible_facts": {"inferfleet_bundle": facts}}
