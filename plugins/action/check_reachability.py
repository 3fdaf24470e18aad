"""Report hosts on which Ansible cannot run modules as root, with address, reason and remedy."""

from __future__ import annotations

from collections import ChainMap

from ansible import context
from ansible.plugins.action import ActionBase

from inferfleet.nodes.reachability import python_of, root_problem, unreachable_problem, unreadable_facts_problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Fails with a problem for each host of `results` without facts; without `enforce`, only if no host has facts."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Argument `results` maps hosts to the result of their first task."""
        super().run(tmp, task_vars)
        hosts = task_vars["hostvars"]
        results = {host: result for host, result in self._task.args["results"].items() if "ansible_facts" not in result}
        problems = [_problem(host, hosts[host], result) for host, result in results.items()]
        enforced = self._task.args["enforce"] or len(problems) == len(self._task.args["results"])
        if not problems or not enforced:
            return {"changed": False, "problems": [problem.as_dict() for problem in problems]}
        codes = {problem.code for problem in problems}
        own = "contract" if codes == {"not-root"} else "facts"
        return failed(problems, "unreachable" if "unreachable" in codes else own)


def _problem(host, variables, result):
    """Return the problem of a host whose first task returned no facts."""
    given = {"ansible_user": "remote_user", "ansible_private_key_file": "private_key_file"}
    known = ChainMap(variables, {name: context.CLIARGS.get(option) for name, option in given.items()})
    if problem := root_problem(host, known, result):
        return problem
    if result.get("unreachable"):
        again = variables.get("__preflight_ssh") or {}
        return unreachable_problem(host, known, again if again.get("unreachable") else result)
    return unreadable_facts_problem(host, python_of(variables), _probe(variables), result)


def _probe(variables) -> str:
    """Return the output of the task that reads a host's Python version; empty if it did not run."""
    return str((variables.get("__preflight_python") or {}).get("stdout", ""))
