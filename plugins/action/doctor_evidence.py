"""Write the evidence of module `doctor_evidence` to a folder on the controller, with secrets replaced by names."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.doctor import Hider, write_node
from inferfleet.settings.receivers import RECEIVERS, receiver_secrets


class ActionModule(ActionBase):
    """Arguments are the options of the module and `folder`; returns the number of logs and bytes, but no log."""

    def run(self, tmp=None, task_vars=None):
        """Collect evidence on the node, mask secrets and write it; `unread` lists what could not be read."""
        super().run(tmp, task_vars)
        options = dict(self._task.args)
        folder = Path(options.pop("folder"))
        result = self._execute_module("doctor_evidence", options, task_vars=task_vars)
        if result.get("failed") or result.get("unreachable"):
            return {key: value for key, value in result.items() if key != "invocation"}
        host, facts = task_vars["inventory_hostname"], task_vars["ansible_facts"]
        state = result["state"] | {"unread": result["unread"]}
        state["listening"] = facts.get("inferfleet_node", {}).get("listening", {})
        state["accelerators"] = facts.get("inferfleet_accelerators", {})
        receivers = self._templar.template({name: task_vars.get(name) for name in RECEIVERS})
        hide = Hider({**(task_vars.get("preflight_secrets") or {}), **receiver_secrets(receivers)})
        logs = {log["name"]: zlib.decompress(base64.b64decode(log["text"])).decode() for log in result["logs"]}
        written = write_node(folder, host, logs, state, hide)
        return {"changed": False, "logs": len(logs), "bytes": written, "unread": result["unread"]}
