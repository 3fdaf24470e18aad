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
    # Ansible puts the layers an error came through in front of what ssh itself said.
    lines = [line.strip() for line in str(result.get("msg", "")).splitlines() if line.strip()] or ["no reason given"]
    reason = lines[-1].rpartition("ssh: ")[2].removeprefix("Task failed: ").rstrip(".")
    user = variables.get("ansible_user")
    target = f"{user}@{address}" if user else address
    return {
        "code": "unreachable",
        "message": f"Host {host} does not answer at {address}:{port} as {user or 'your own user'}: {reason}.",
        "remedy": f"Check ansible_host, ansible_user and the key in hosts.yml; `ssh -p {port} {target}` must work.",
    }
