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
from inferfleet.upgrade import ReleaseFolder

CHECKOUT = Path(__file__).resolve().parents[2]
REQUEST = "complete_run"
"""Run option that requests a complete run."""


_OPTIONS = {"limit": "subset"}
_FACTS = ("inferfleet_node", "inferfleet_accelerators", "inferfleet_fabric", "inferfleet_plan")
_PLANNED = ("plans", "gateway", "proxy", "bundle")


class ActionModule(ActionBase):
    """Arguments: `step`, and for `decide` the folders of the `secrets` and of the `releases`.

    `decide` adds the group `x_unchanged` if the nodes are as recorded, and returns `since` when. Otherwise it returns
    `inputs`, the digests of what this run reads, and the `options` of the observation by host; both are empty if the
    run may not be recorded. `finish` marks the end of a complete deployment, whose record release_change_lock writes.
    """

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Run the step."""
        super().run(tmp, task_vars)
        return {"changed": False} if self._task.args["step"] == "finish" else self._decide(task_vars)

    def _decide(self, task_vars):
        hosts, hostvars = task_vars["ansible_play_hosts_all"], task_vars["hostvars"]
        # As they are: `hostvars[host]` templates all facts of every host, the plans of all services among them.
        known = {host: hostvars.raw_get(host) for host in hosts}
        inputs, options, reason = self._read(known, task_vars)
        records = {host: plain(known[host]["__preflight_facts"].get("record", {})) for host in hosts}
        decision = decide(records, inputs, reason)
        Display().display(str(decision.text))  # the default callback shows no results
        rows = [{"label": "", "text": decision.text.as_dict()}]
        result = {"changed": False, "inferfleet_rows": rows, "since": decision.since}
        if decision.since:
            return {**result, "add_group": UNCHANGED_GROUP, "hosts": hosts}
        return {**result, "inputs": inputs, "options": options}

    def _read(self, known, task_vars):
        """Return the digests of the inputs, the options by host, and why the run must be complete and not recorded.

        `known` are the variables of each host.
        """
        facts = {
            host: {name: plain(found[name]) for name in _FACTS if name in found}
            for host, found in ((host, values["ansible_facts"]) for host, values in known.items())
        }
        try:
            variables = {host: self._variables(task_vars["hostvars"], host, known[host]) for host in known}
        except AnsibleError as error:  # a value that cannot be decrypted
            return {}, {}, str(error).splitlines()[0]
        roles = {plan["role"] for plan in task_vars["ansible_facts"]["inferfleet_plans"]}
        if reason := self._run_option() or needs_complete_run(variables, roles):
            return {}, {}, reason
        releases = ReleaseFolder(Path(self._task.args["releases"]))
        bases = [Path.cwd(), CHECKOUT, Path(self._loader.get_basedir()), Path(task_vars["inventory_dir"])]
        inputs = {
            "code": code_digest(CHECKOUT),
            "software": software_digest(sys.path, AnsibleCollectionConfig.collection_paths),
            "variables": variables,
            "files of the controller": controller_files(variables, bases),
            "groups": {name: members for name, members in task_vars["groups"].items() if name != UNCHANGED_GROUP},
            "plan": [task_vars["ansible_facts"][f"inferfleet_{name}"] for name in _PLANNED],
            "facts": {host: stable_facts(found) for host, found in facts.items()},
            "release": releases.read(max(releases.numbers(), default=0)),
            "tags": sorted(context.CLIARGS.get("skip_tags") or ()),
            # Certificates and clients end on a day, and only complete runs request the hub.
            "day": datetime.now(UTC).date().isoformat(),
        }
        members = {host: [group for group in GROUPS if host in task_vars["groups"].get(group, ())] for host in known}
        docker = [host for host in known if facts[host]["inferfleet_node"]["docker"]][:1]
        options = {
            host: node_options(facts[host]["inferfleet_plan"], variables[host], members[host], resolves=host in docker)
            for host in known
        }
        complete = "" if not self._requested(task_vars) else f"-e {REQUEST}"
        return digests(inputs, secrets_content(Path(self._task.args["secrets"]), variables)), options, complete

    def _variables(self, hostvars, host, known):
        """Return the variables of the inventory and of -e as they are written."""
        manager = hostvars._variable_manager
        set_by_run = manager._nonpersistent_fact_cache.get(host, {}).keys() - manager.extra_vars.keys()
        skipped = {*MAGIC, *set_by_run, "ansible_facts", "ansible_local", REQUEST}
        magic = manager._get_magic_variables(None, manager._inventory.get_host(host), None, False)
        return {str(name): plain(known[name]) for name in known.keys() - skipped - magic.keys()}

    def _requested(self, task_vars):
        return str(self._templar.template(task_vars.get(REQUEST, ""))).lower() not in ("", "false", "no", "0")

    def _run_option(self):
        """Return the option of ansible-playbook for which the run must be complete; empty if there is none."""
        options = context.CLIARGS
        if list(options.get("tags") or ["all"]) != ["all"]:
            return "--tags"
        given = (name for name in ("limit", "start_at_task", "step") if options.get(_OPTIONS.get(name, name)))
        return next((f"--{name.replace('_', '-')}" for name in given), "")
