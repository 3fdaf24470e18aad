"""Loads plugins once, before Ansible forks a process for each task and host."""

from __future__ import annotations

import gc

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import (
    action_loader,
    connection_loader,
    filter_loader,
    lookup_loader,
    shell_loader,
    test_loader,
)

DOCUMENTATION = r"""
name: preload_plugins
type: aggregate
short_description: Load plugins once
description:
  - Ansible forks a process for each task and host, which loads the plugins that it uses (all filters for the first one)
    and ends. What the parent process has loaded is not loaded again. It was half of the processor time of a run without
    changes.
"""


class CallbackModule(CallbackBase):
    """Loads the plugins of the playbook folder; the tasks of a run use most of them."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "preload_plugins"

    def v2_playbook_on_start(self, playbook):
        """Load the plugins after the command line is read and before the first task."""
        for loader in (filter_loader, test_loader, lookup_loader):
            list(loader.all(class_only=True))
        for name in ("ssh", "local"):
            connection_loader.get(name, class_only=True)
        shell_loader.get("sh", class_only=True)
        list(action_loader.all(class_only=True))
        gc.collect()
        gc.freeze()  # the collector of a child process does not touch, and so not copy, the parent's objects
