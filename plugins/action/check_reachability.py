"""Report hosts on which Ansible cannot run modules, with address, reason and remedy."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.nodes.reachability import python_of, unreachable_problem, unreadable_facts_problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Fails with a problem for each host of `results` without facts; without `enforce`, only if no host has facts."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Argument `results` maps hosts to the result of their first task."""
        super().run(tmp, task_vars)
        results, hosts = self._task.args["results"], task_vars["hostvars"]
        silent = [
            unreachable_problem(host, hosts[host], result) for host, result in results.items() if _unreachable(result)
        ]
        unfit = [
            unreadable_facts_problem(host, python_of(hosts[host]), _probe(hosts[host]), result)
            for host, result in results.items()
            if "ansible_facts" not in result and not _unreachable(result)
        ]
        problems = silent + unfit
        if not problems or (not self._task.args["enforce"] and len(problems) < len(results)):
            return {"changed": False, "problems": [problem.as_dict() for problem in problems]}
        return failed(problems, "unreachable" if silent else "facts")


def _unreachable(result) -> bool:
    return bool(result.get("unreachable"))


def _probe(variables) -> str:
    """Return the output of the task that reads a host's Python version; empty if it did not run."""
    return str((variables.get("__preflight_python") or {}).get("stdout", ""))
