"""Return the files of the gateway; missing keys and certificates are generated (see inferfleet.gateway)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.components import load_component
from inferfleet.gateway import (
    INTERNAL_NAME,
    Limits,
    Monitoring,
    Pair,
    Paths,
    SecretFolder,
    Webui,
    gateway_files,
    host_names,
    ipv6_address,
)


class ActionModule(ActionBase):
    """Returns `files`, the content by path. Run it with `no_log`: the content includes keys."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Arguments: `plans`, the plan of the `gateway`, settings (`port`, `certificate`, `key`, `clients`), `limits`,
        `secrets_dir`, `socket`, `api_key` of the engines, `monitoring_password`."""
        super().run(tmp, task_vars)
        args, component = self._task.args, load_component("gateway")
        folder = SecretFolder(Path(args["secrets_dir"]), read_only=self._task.check_mode)
        # Besides the user's certificate, the issued one must not be selected for names of hosts.
        names = [INTERNAL_NAME] if args["certificate"] else host_names(args["gateway"]["names"])
        certificate = issued = folder.server_certificate(names)
        if args["certificate"]:
            certificate = Pair(*(Path(args[name]).read_text("utf-8") for name in ("certificate", "key")))
        own = [client["name"] for client in args["clients"] if not client.get("key")]
        limits = Limits(
            address6=ipv6_address(args["gateway"]["names"]),
            status_port=component.ports[0].number,
            check_port=load_component("completion_check").ports[0].number,
            **{key: int(number) for key, number in args["limits"].items()},
        )
        files = gateway_files(
            args["plans"],
            args["clients"],
            certificate,
            issued,
            folder.client_keys(own),
            int(args["port"]),
            limits,
            Paths(component.files["folder"], args["socket"]),
            args["api_key"],
            Webui.from_dict(args["gateway"]["webui"]),
            Monitoring.from_dict(args["gateway"]["monitoring"], args["monitoring_password"]),
        )
        return {"changed": False, "files": files}
