"""Apply the clients to a deployed gateway, without a reload (see inferfleet.gateway and the module `haproxy_maps`)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.gateway import client_maps, locked, read_backends
from inferfleet.messages import N_, Problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments: `folder` and `socket` of the gateway, `clients` (the setting), `secrets_dir`, and the `change` that
    check mode did not make. Models are those that the gateway was deployed with."""

    def run(self, tmp=None, task_vars=None):
        """Write and replace what differs."""
        super().run(tmp, task_vars)
        args, host = self._task.args, task_vars["inventory_hostname"]
        secrets = Path(args["secrets_dir"])
        gateway = {"folder": args["folder"], "socket": args["socket"]}
        with locked(secrets, f"gateway-{host}", check=self._task.check_mode):
            found = self._module({**gateway, "read": "backends.map"}, task_vars)
            if found.get("failed") or found.get("unreachable"):
                return found
            if not found["content"]:
                return failed([_not_deployed(host)])
            maps = client_maps(
                args["clients"], secrets, read_backends(found["content"]), args.get("change"), self._task.check_mode
            )
            result = self._module({**gateway, "maps": maps}, task_vars)
        if result.get("refused"):
            return failed([_refused(host, result["refused"])])
        return result

    def _module(self, arguments, task_vars):
        return self._execute_module("haproxy_maps", module_args=arguments, task_vars=task_vars)


def _not_deployed(host):
    return Problem(
        "gateway-not-deployed",
        N_("Host {host} has no gateway of this version yet."),
        N_("Run `inferfleet up --tags gateway`, which deploys it with all clients."),
        host=host,
    )


def _refused(host, reason):
    return Problem(
        "gateway-refused",
        N_("The gateway on {host} refused the changed clients: {reason}"),
        N_("Run `inferfleet up --tags gateway`, which writes its configuration again."),
        host=host,
        reason=reason,
    )
