"""Decide whether this run would change anything (see inferfleet.converged)."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display

from inferfleet.components import GROUPS
from inferfleet.converged import (
    UNCHANGED_GROUP,
    code_digest,
    controller_files,
    decide,
    digests,
    needs_complete_run,
    node_options,
    plain,
    secrets_content,
    software_digest,
    stable_facts,
)
from inferfleet.inventory.model import MAGIC

REQUEST = "complete_run"
"""Run option that requests a complete run."""


_OPTIONS = {"limit": "subset"}
_PLANNED = ("plans", "gateway", "proxy", "bundle")


class ActionModule(ActionBase):
    """Arguments: `step`, and the folder of the `secrets` for `read`.

    `read` returns `inputs`, the digests of what this run reads, and `options` of the observation by host; empty if the
    run must be complete, for the `reason`. `decide` adds the group `x_unchanged` if the nodes are as recorded.
    `finish` marks the end of a complete deployment, whose record release_change_lock writes.
    """

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Run the step."""
        super().run(tmp, task_vars)
        return {"changed": False, **getattr(self, f"_{self._task.args['step']}")(task_vars)}

    def _read(self, task_vars):
        hosts = task_vars["ansible_play_hosts_all"]
        plan = task_vars["ansible_facts"]["inferfleet_plan"]
        try:
            variables = {host: self._variables(task_vars["hostvars"], host) for host in hosts}
        except AnsibleError as error:  # a value that cannot be decrypted
            return {"inputs": {}, "options": {}, "reason": str(error).splitlines()[0]}
        reason = self._run_options(task_vars) or needs_complete_run(variables, plan["role"])
        if reason:
            return {"inputs": {}, "options": {}, "reason": reason}
        facts = {host: task_vars["hostvars"][host]["ansible_facts"] for host in hosts}
        root = Path(self._loader.get_basedir())
        inputs = {
            "code": code_digest(root),
            "software": software_digest(sys.path, AnsibleCollectionConfig.collection_paths),
            "variables": variables,
            "files of the controller": controller_files(variables, root),
            "groups": {name: hosts for name, hosts in task_vars["groups"].items() if not name.startswith("x_")},
            "plan": [
                task_vars["ansible_facts"][f"inferfleet_{name}"] for name in ("plans", "gateway", "proxy", "bundle")
            ],
            "facts": {host: stable_facts(known) for host, known in facts.items()},
            "tags": sorted(context.CLIARGS.get("skip_tags") or ()),
            # Certificates and clients end on a day, and hub and branches are requested by complete runs only.
            "day": datetime.now(UTC).date().isoformat(),
        }
        members = {host: [group for group in GROUPS if host in task_vars["groups"].get(group, ())] for host in hosts}
        for host in task_vars["ansible_facts"]["inferfleet_gateway"]["hosts"]:
            members.get(host, []).append("gateway")
        plans = {host: facts[host]["inferfleet_plan"] for host in hosts}
        docker = [host for host in hosts if facts[host]["inferfleet_node"]["docker"]][:1]
        options = {
            host: node_options(plans[host], variables[host], members[host], resolves=host in docker) for host in hosts
        }
        return {
            "inputs": digests(inputs, secrets_content(Path(self._task.args["secrets"]), variables)),
            "options": options,
            "reason": "",
        }

    def _variables(self, hostvars, host):
        """Return the variables of the inventory and of -e as they are written."""
        manager = hostvars._variable_manager
        known = hostvars.raw_get(host)
        set_by_run = manager._nonpersistent_fact_cache.get(host, {}).keys() - manager.extra_vars.keys()
        skipped = {*MAGIC, *set_by_run, "ansible_facts", "ansible_local", REQUEST}
        magic = manager._get_magic_variables(None, manager._inventory.get_host(host), None, False)
        return {str(name): plain(known[name]) for name in known.keys() - skipped - magic.keys()}

    def _run_options(self, task_vars):
        """Return the option of ansible-playbook for which the run must be complete; empty if there is none."""
        if self._templar.template(task_vars.get(REQUEST, False)) not in (False, "false", "no", ""):
            return f"-e {REQUEST}"
        options = context.CLIARGS
        if list(options.get("tags") or ["all"]) != ["all"]:
            return "--tags"
        return next(
            (f"--{name.replace('_', '-')}" for name in ("subset", "start_at_task", "step") if options.get(name)), ""
        )

    def _decide(self, task_vars):
        hosts = task_vars["ansible_play_hosts_all"]
        known = task_vars["hostvars"]
        results = {host: known[host]["__preflight_locked"] for host in hosts}
        decision = decide(results, known[task_vars["inventory_hostname"]]["__preflight_inputs"]["reason"])
        Display().display(str(decision.text))  # the default callback shows no results
        row = {"label": "", "text": decision.text.as_dict()}
        shown = {"msg": str(decision.text), "inferfleet_rows": [row], "since": decision.since}
        return {**shown, "add_group": UNCHANGED_GROUP} if decision.since else shown

    def _finish(self, task_vars):
        return {}
