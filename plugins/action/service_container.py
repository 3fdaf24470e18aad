"""Run a container of the service with common options, and remove its environment from the task result.

`community.docker.docker_container` returns the output of `docker inspect`, including secrets in the environment.
Hiding the complete result (`no_log`) would also hide whether the container changed.
"""

from __future__ import annotations

from ansible.plugins.action import ActionBase

# NCCL needs network and IPC of the host.
DEFAULTS = {
    "network_mode": "host",
    "ipc_mode": "host",
    "restart_policy": "unless-stopped",
    "pull": "never",
    "command_handling": "correct",
    # The restart policy is not a reason to replace a container: `docker update` changes that of a running one.
    "comparisons": {"env": "strict", "restart_policy": "ignore", "volumes": "strict"},
}
HIDDEN = ("actions", "container", "diff", "invocation")  # each contains the environment


def planned_options(container: dict, *, cdi: bool = False) -> dict:
    """Return the options of docker_container for the plan's `container`, whose fields are those of `docker run`.

    With `cdi`, NVIDIA accelerators use the Container Device Interface instead of NVIDIA's runtime.
    """
    options = {name: container[name] for name in ("network_mode", "ipc_mode", "privileged")}
    options["capabilities"] = list(container["cap_add"])
    options["ulimits"] = [limit.replace("=", ":") for limit in container["ulimits"]]
    if container["shm_size"]:
        options["shm_size"] = container["shm_size"]
    if container["gpus"] == "all" and cdi:
        # The count is what Docker records; without it docker_container would replace the container in every run.
        options["device_requests"] = [{"driver": "cdi", "count": 0, "device_ids": ["nvidia.com/gpu=all"]}]
    elif container["gpus"] == "all":
        options["device_requests"] = [{"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}]
    return options


class ActionModule(ActionBase):
    """Arguments are the options of docker_container, directly or as a map `options`; `argv`, the complete command line;
    `planned`, the plan's `container`."""

    def run(self, tmp=None, task_vars=None):
        """Create or update the container; return its result, restarts, last start and restart policy."""
        super().run(tmp, task_vars)
        options = {**DEFAULTS, **self._task.args.get("options", {}), **self._task.args}
        options.pop("options", None)
        if planned := options.pop("planned", None):
            # A variable of role container_runtime, whose default is `runtime`.
            options |= planned_options(planned, cdi=(task_vars or {}).get("container_runtime_nvidia_mode") == "cdi")
        if argv := options.pop("argv", None):
            options |= {"entrypoint": argv[:1], "command": argv[1:]}
        result = self._execute_module("community.docker.docker_container", options, task_vars=task_vars)
        found = result.get("container") or {}
        policy = found.get("HostConfig", {}).get("RestartPolicy", {}).get("Name", "")
        state = {
            "restarts": found.get("RestartCount", 0),
            "started": found.get("State", {}).get("StartedAt", ""),
            "restart_policy": policy,
        }
        return {key: value for key, value in result.items() if key not in HIDDEN} | state
