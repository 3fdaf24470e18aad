"""Reports the hosts on which Ansible cannot run modules: where they were looked for, why, and what to do."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.nodes.reachability import python_of, unreachable_problem, unreadable_facts_problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Fails with a line for each host of `results` that has no facts; where not `enforce`, only when all are such."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """`results` maps hosts to what the first task on them returned."""
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
    """Return what the task that reads a host's Python printed; empty where it did not run."""
    return str((variables.get("__preflight_python") or {}).get("stdout", ""))
