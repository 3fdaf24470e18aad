"""Runs module service_files with the contents of its files in a parameter of their own, which nothing logs."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Module options: those of the module, with `content` in each entry of `files`."""

    def run(self, tmp=None, task_vars=None):
        """Return the result of the module."""
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        files = args.get("files")
        if not isinstance(files, list) or not all("path" in file and "content" in file for file in files):
            raise AnsibleActionFail("files must be a list of entries with path and content")
        args["contents"] = {file["path"]: file["content"] for file in files}
        args["files"] = [{key: value for key, value in file.items() if key != "content"} for file in files]
        return self._execute_module(module_args=args, task_vars=task_vars)
