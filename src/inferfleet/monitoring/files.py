"""The files of Prometheus, Alertmanager and the alert forwarder, by path."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inferfleet.components import load_component
from inferfleet.messages import N_, gettext
from inferfleet.monitoring.alerts import Thresholds
from inferfleet.monitoring.prometheus import Target, render_prometheus
from inferfleet.monitoring.receivers import Receivers, render_alertmanager
from inferfleet.monitoring.rules import render_rules

_WORDS = {"firing": N_("firing"), "resolved": N_("resolved")}
_RESTART = {
    "prometheus": "Restart Prometheus",
    "alertmanager": "Restart Alertmanager",
    "alert_forwarder": "Restart the alert forwarder",
}
"""Handler of the role by component."""
_KEY = "engine_key"
GROUP = "prometheus"
"""Group of the packages' user, who reads the files."""


@dataclass(frozen=True)
class File:
    """Content of a file, who reads it, and the handler that its change notifies."""

    content: str
    handler: str
    group: str = GROUP
    mode: str = "0640"


def monitoring_files(
    targets: Sequence[Target],
    thresholds: Thresholds,
    receivers: Receivers,
    *,
    language: str,
    alertmanager: str,
    engine_api_key: str,
    interval: int,
    units: Mapping[str, str],
    sources: Path,
) -> dict[str, File]:
    """Return the files by path; `units` are systemd's by component, `sources` is the folder with the role's files.

    Prometheus and Alertmanager see their folders under other paths: names in the files are relative.
    """
    folder = load_component("prometheus").files["folder"]
    jobs = render_prometheus(
        targets, rules="rules.yml", alertmanager=alertmanager, key_file=_KEY, interval=f"{interval}s"
    )
    texts = {"prometheus.yml": jobs, "rules.yml": render_rules(thresholds, language, interval), _KEY: engine_api_key}
    consoles = sources / "consoles"
    texts |= {
        f"consoles/{page.relative_to(consoles).as_posix()}": page.read_text("utf-8")
        for page in sorted(consoles.rglob("*"))
        if page.is_file()
    }
    files = {f"{folder}/{name}": File(text, "Reload Prometheus") for name, text in texts.items()}
    routes = f"{load_component('alertmanager').files['folder']}/alertmanager.yml"
    files[routes] = File(render_alertmanager(receivers), "Reload Alertmanager")
    if receivers.robots:
        forwarder = load_component("alert_forwarder").files
        files[forwarder["settings"]] = File(
            forwarder_settings(receivers, language), _RESTART["alert_forwarder"], "root", "0600"
        )
        script = (sources / "alert_forwarder.py").read_text("utf-8")
        files[forwarder["script"]] = File(script, _RESTART["alert_forwarder"], "root", "0755")
    for name, text in units.items():
        if receivers.robots or name != "alert_forwarder":
            files[load_component(name).files["unit"]] = File(text, _RESTART[name], "root", "0644")
    return files


def forwarder_settings(receivers: Receivers, language: str) -> str:
    """Return the settings of the alert forwarder, in JSON."""
    content: dict[str, Any] = {
        "port": load_component("alert_forwarder").ports[0].number,
        "robots": [dict(robot) for robot in receivers.robots],
        "words": {key: gettext(word, language) for key, word in _WORDS.items()},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_forms(files: Mapping[str, File]) -> dict[str, dict[str, str]]:
    """Return the JSON form of files by path."""
    return {path: dict(vars(file)) for path, file in files.items()}
