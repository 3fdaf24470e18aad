"""Filters of the role supervisor."""

from __future__ import annotations

from pathlib import Path

from inferfleet import supervisor


def supervisor_files(plan, node, api_key, token, texts, sources):
    """Return the files of the supervisor on a node of the plan (see `inferfleet.supervisor.node_files`)."""
    return supervisor.node_files(supervisor.node_settings(plan, node, api_key), token, texts, Path(sources))


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"containers_change": supervisor.containers_change, "supervisor_files": supervisor_files}
