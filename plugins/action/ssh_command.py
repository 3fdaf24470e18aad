"""Return the ssh command with which Ansible connects to the host, for tunnels."""

from __future__ import annotations

import shlex

from ansible.plugins.action import ActionBase

from inferfleet.messages import N_, Problem
from inferfleet.task_result import failed

# ssh uses the first value of an option, so these precede the user's options.
OPTIONS = {
    "BatchMode": "yes",
    "Compression": "no",
    "ControlMaster": "no",
    "ControlPath": "none",
    "ExitOnForwardFailure": "yes",
    "LogLevel": "INFO",  # prints the allocated port
    "ServerAliveInterval": "15",
}


class ActionModule(ActionBase):
    """Returns `argv`, with the host last; fails if the connection is not ssh."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return the command; there are no arguments."""
        super().run(tmp, task_vars)
        connection = self._connection
        if connection.transport != "ssh":
            message = N_(
                "Variable model_weights_wan_nodes or model_weights_sources names localhost, whose internet access and"
                " folders nodes use through SSH, but {host} is reached by {transport}."
            )
            remedy = N_("Name nodes that have internet access, or the folder, of their own.")
            about = {"host": task_vars["inventory_hostname"], "transport": connection.transport}
            return failed([Problem("ssh-required", message, remedy, **about)])
        argv = [connection.get_option("ssh_executable"), "-N", "-T"]
        argv += [word for name, value in OPTIONS.items() for word in ("-o", f"{name}={value}")]
        for option in ("ssh_args", "ssh_common_args", "ssh_extra_args"):
            argv += shlex.split(connection.get_option(option) or "")
        if not connection.get_option("host_key_checking"):
            argv += ["-o", "StrictHostKeyChecking=no"]
        for flag, value in (
            ("-p", connection.get_option("port")),
            ("-l", connection.get_option("remote_user")),
            ("-i", connection.get_option("private_key_file")),
        ):
            argv += [flag, str(value)] if value else []
        return {"changed": False, "argv": [*argv, connection.get_option("host")]}
