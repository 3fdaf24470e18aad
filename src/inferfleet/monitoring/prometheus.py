"""prometheus.yml from the targets of the plan and the components."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(frozen=True)
class Target:
    """An address that Prometheus scrapes; `job` is the name of the component."""

    job: str
    address: str
    """`host:port` on the cluster network."""
    node: str
    path: str = "/metrics"
    labels: dict[str, str] = field(default_factory=dict)
    """Further labels, for example `replica`."""


def render_prometheus(
    targets: Sequence[Target],
    *,
    rules: str,
    alertmanager: str,
    key_file: str = "",
    keyed_jobs: tuple[str, ...] = ("engine",),
    interval: str = "15s",
) -> str:
    """Return the configuration; `rules` is the rule file, `alertmanager` the address of Alertmanager.

    Jobs in `keyed_jobs` are scraped with the key in `key_file`, which stays out of the configuration.
    """
    content: dict[str, Any] = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [rules],
        "alerting": {
            "alertmanagers": [{"path_prefix": "/alertmanager", "static_configs": [{"targets": [alertmanager]}]}]
        },
        "scrape_configs": [
            _job(
                job, path, [t for t in targets if (t.job, t.path) == (job, path)], key_file if job in keyed_jobs else ""
            )
            for job, path in dict.fromkeys((target.job, target.path) for target in targets)
        ],
    }
    return yaml.safe_dump(content, sort_keys=False)


def _job(job: str, path: str, targets: Sequence[Target], key_file: str) -> dict[str, Any]:
    configured: dict[str, Any] = {"job_name": job, "metrics_path": path}
    if key_file:  # since Prometheus 2.26
        configured["authorization"] = {"type": "Bearer", "credentials_file": key_file}
    configured["static_configs"] = [
        {"targets": [target.address], "labels": {"node": target.node, **target.labels}} for target in targets
    ]
    return configured
