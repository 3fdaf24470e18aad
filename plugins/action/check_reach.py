"""Says which hosts did not answer, where they were looked for, why, and what to do."""

from __future__ import annotations

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Fails with one line a host when any of `results` is unreachable (all of them, where not `enforce`)."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """`results` maps hosts to what the first task on them returned."""
        super().run(tmp, task_vars)
        problems = [
            _problem(host, task_vars["hostvars"][host], result)
            for host, result in self._task.args["results"].items()
            if result.get("unreachable")
        ]
        if not problems or (not self._task.args["enforce"] and len(problems) < len(self._task.args["results"])):
            return {"changed": False, "problems": problems}
        return {
            "failed": True,
            "msg": "\n".join(f"{p['message']} {p['remedy']}" for p in problems),
            "inferfleet_refusal": "unreachable",
            "problems": problems,
        }


def _problem(host: str, variables, result: dict) -> dict[str, str]:
    address = variables.get("ansible_host", host)
    port = variables.get("ansible_port", 22)
    reason = result["msg"].removeprefix("Failed to connect to the host via ssh: ").strip().splitlines()[-1]
    user = variables.get("ansible_user", "your own user name")
    return {
        "code": "unreachable",
        "message": f"Host {host} does not answer at {address}:{port} as {user}: {reason}",
        "remedy": f"Check ansible_host, ansible_user and the key in hosts.yml; `ssh -p {port} {address}` must work.",
    }
