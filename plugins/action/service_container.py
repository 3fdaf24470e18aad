"""Runs one of the service's containers as we run them all, and keeps its environment out of the result.

`community.docker.docker_container` returns the container as Docker inspects it, secrets of its environment
included. Hiding the whole result (`no_log`) would also hide whether anything changed.
"""

from __future__ import annotations

from ansible.plugins.action import ActionBase

# Network and IPC of the host: NCCL needs both, and the ports are the node's own.
DEFAULTS = {
    "network_mode": "host",
    "ipc_mode": "host",
    "restart_policy": "unless-stopped",
    "pull": "never",
    "command_handling": "correct",
    "comparisons": {"env": "strict", "volumes": "strict"},
}
HIDDEN = ("container", "diff", "invocation")


class ActionModule(ActionBase):
    """Takes the options of docker_container, and `argv`, the whole command line."""

    def run(self, tmp=None, task_vars=None):
        """Make the container so, and tell whether that changed anything."""
        super().run(tmp, task_vars)
        options = {**DEFAULTS, **self._task.args}
        if argv := options.pop("argv", None):
            options |= {"entrypoint": argv[:1], "command": argv[1:]}
        result = self._execute_module("community.docker.docker_container", options, task_vars=task_vars)
        return {key: value for key, value in result.items() if key not in HIDDEN}
