"""Filters of the role supervisor (see inferfleet.supervisor)."""

from __future__ import annotations

from pathlib import Path

from inferfleet import supervisor


def supervisor_files(plan, node, api_key, ray_port, token, texts, sources):
    """Return the files of the supervisor on a node of the plan, as module service_files takes them."""
    settings = supervisor.node_settings(plan, node, api_key, int(ray_port))
    files = supervisor.node_files(settings, token, texts, Path(sources))
    return [{"path": path, **file} for path, file in files.items()]


def supervisor_problems(statuses, replica):
    """Return the JSON form of the problems of a choice of replicas."""
    return [problem.as_dict() for problem in supervisor.choice_problems(statuses, replica)]


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "containers_change": supervisor.containers_change,
            "supervisor_events": supervisor.events,
            "supervisor_files": supervisor_files,
            "supervisor_leaders": supervisor.chosen,
            "supervisor_problems": supervisor_problems,
            "supervisor_replicas": supervisor.replicas,
            "supervisor_results": supervisor.status_results,
        }
