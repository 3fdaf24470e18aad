"""Filters for monitoring (see inferfleet.monitoring)."""

from __future__ import annotations

from pathlib import Path

from inferfleet.gateway import authority, differing_files
from inferfleet.monitoring import certificate_metrics


def deployment_metrics(gateway, host, secrets_dir):
    """Return the metrics of a host that only a deployment changes: on a gateway, when its certificate expires."""
    file = Path(gateway["certificate"] or Path(secrets_dir, "gateway_server.pem"))
    # A check run before the first deployment has no certificate.
    return certificate_metrics(file.read_text("utf-8") if host in gateway["hosts"] and file.exists() else "")


def differing_node_files(files, checksums):
    """Return the paths of `files` (by path, each with `content`) that differ, by the output of sha256sum."""
    return differing_files({path: file["content"] for path, file in files.items()}, checksums)


def started_units(result):
    """Return the units that a loop over components started, from its result."""
    return [item["item"]["unit"] for item in result.get("results", ()) if item.get("changed")]


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "authority": authority,
            "deployment_metrics": deployment_metrics,
            "differing_node_files": differing_node_files,
            "started_units": started_units,
        }
