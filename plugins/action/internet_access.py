"""Tunnel internet access and folders of the controller to nodes through SSH until this run of Ansible ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.messages import N_, Problem
from inferfleet.messages.message import revive
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Opens or closes the tunnels.

    Arguments `commands` (node: argv of ssh) and `folders` (name: path on the controller) open tunnels and return `pid`
    and `ports` (node: {"": port of the proxy, name: port}); `close` stops the process of this pid.
    """

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Open or close the tunnels."""
        super().run(tmp, task_vars)
        if pid := self._task.args.get("close"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
            return {"changed": False}
        request = {"commands": self._task.args["commands"], "folders": self._task.args["folders"]}
        for folder in request["folders"].values():
            if not Path(folder).is_dir():
                message = N_(
                    "Variable model_weights_sources names the folder {folder} of localhost, which does not exist."
                )
                remedy = N_("Name the folder that holds the model's files on this controller.")
                return failed([Problem("folder-missing", message, remedy, folder=folder)])
        # This code runs in a worker process of Ansible; its parent is the run.
        argv = [sys.executable, "-m", "inferfleet.weights.internet_access", "--while", str(os.getppid())]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        process.stdin.write(json.dumps(request))
        process.stdin.close()
        response = process.stdout.readline()
        if not response:
            message = N_("The tunnel for internet access through the controller cannot start: {reason}")
            remedy = N_(
                "Correct the reported cause, or name nodes that have internet access of their own in"
                " model_weights_wan_nodes."
            )
            reason = process.stderr.read().strip().rpartition("\n")[2]  # of a traceback, the error
            return failed([Problem("tunnel-not-started", message, remedy, reason=reason)])
        answer = json.loads(response)
        if answer["failed"]:
            node, why = next(iter(answer["failed"].items()))
            message = N_("Host {node} does not accept the tunnel for internet access through the controller: {reason}.")
            remedy = N_(
                "Allow sign-in by key, and AllowTcpForwarding in its sshd_config; or name nodes that have internet"
                " access of their own in model_weights_wan_nodes."
            )
            return failed([Problem("tunnel-rejected", message, remedy, node=node, reason=revive(why))])
        return {"changed": False, "pid": process.pid, "ports": answer["ports"]}
