"""Releases: what was deployed and verified, recorded next to the inventory in `.releases/`.

`<number>/release.json` has what was deployed, `<number>/settings.yml` the settings as Ansible reads them with
`-e @FILE`. `unfinished.json` exists from the first change of a deployment until its release is recorded.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from inferfleet.files import write_atomic
from inferfleet.messages import N_, Problem
from inferfleet.runner.extra_vars import is_secret
from inferfleet.settings import SECRETS, WITH_SECRETS, Settings

FOLDER = ".releases"
SCHEMA = 1
_BY_HOST = "x_release"


class ReleaseMissingError(Exception):
    """There is no release to return to."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def recorded_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a host without those that have secrets, which keep their present value in a rollback."""
    given = {name: values[name] for name in Settings.model_fields if name in values}
    typed = Settings.model_validate(given).model_dump(mode="json")  # those of the command line are strings
    return {name: value for name, value in typed.items() if not _has_secret(name, value)}


def _has_secret(name: str, value: Any) -> bool:
    if name in (*SECRETS, *WITH_SECRETS):
        return True
    if name in ("http_proxy", "https_proxy"):
        return "@" in str(value)
    return isinstance(value, Mapping) and any(is_secret(str(key)) for key in value)


def release_of(
    plans: Iterable[Mapping[str, Any]],
    variables: Mapping[str, Mapping[str, Any]],
    digests: Mapping[str, str],
    version: str,
) -> dict[str, Any]:
    """Return what is deployed: by service, plan and settings that differ from the defaults; images with digests.

    `variables` are those of each host, `digests` the digest of the engine's image on each head node.
    """
    defaults = Settings().model_dump(mode="json")
    services: dict[str, Any] = {}
    for plan in plans:
        settings = recorded_settings(variables[plan["head"] or next(iter(plan["nodes"]))])
        services[plan["name"] or "service"] = {
            "model": plan["served_model_name"],
            "nodes": [*plan["nodes"]],
            "engine": plan["engine"],
            "engine_version": plan["engine_version"],
            "image": plan["image"],
            "image_digest": digests.get(plan["head"], ""),
            "settings": {name: value for name, value in settings.items() if value != defaults[name]},
            "plan": _recorded_plan(plan),
        }
    return {"inferfleet": version, "services": services}


_NOISE = ("reasons", "warnings", "problems", "budget")  # explanations, which name present facts of the nodes


def _recorded_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan without explanations and without the environment variables that contain secrets."""
    nodes = {
        host: {**node, "env": {name: value for name, value in node["env"].items() if not is_secret(name)}}
        for host, node in plan["nodes"].items()
    }
    return {key: value for key, value in plan.items() if key not in _NOISE} | {"nodes": nodes}


def _deployed(release: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes two releases different: not facts of the nodes that the plan also contains."""
    services = {
        name: {**service, "plan": {host: node["argv"] for host, node in service["plan"]["nodes"].items()}}
        for name, service in release["services"].items()
    }
    return {"inferfleet": release["inferfleet"], "services": services}


def _settings_file(variables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the settings of all hosts as variables for `-e @FILE`; an expression for those that differ."""
    settings = {host: recorded_settings(values) for host, values in variables.items()}
    shared: dict[str, Any] = {}
    by_host: dict[str, dict[str, Any]] = {}
    for name in Settings.model_fields:
        values = {host: own[name] for host, own in settings.items() if name in own}
        if len(values) < len(settings):
            continue
        first = next(iter(values.values()))
        if all(value == first for value in values.values()):
            shared[name] = first
        else:
            by_host[name] = values
            shared[name] = f"{{{{ {_BY_HOST}['{name}'][inventory_hostname] }}}}"
    content = {_BY_HOST: by_host, **shared} if by_host else shared
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


class ReleaseFolder:
    """The releases of an inventory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unfinished = path / "unfinished.json"

    def numbers(self) -> list[int]:
        """Return the numbers of the releases, the newest last."""
        return sorted(int(file.parent.name) for file in self.path.glob("[0-9]*/release.json"))

    def read(self, number: int) -> dict[str, Any]:
        """Return a release; empty if it cannot be read."""
        try:
            content = json.loads((self.path / _name(number) / "release.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) and content.get("schema") == SCHEMA else {}

    def settings(self, number: int) -> Path:
        """Return the file of the settings of a release."""
        return self.path / _name(number) / "settings.yml"

    def releases(self) -> list[dict[str, Any]]:
        """Return all readable releases, the newest first."""
        return [release for number in reversed(self.numbers()) if (release := self.read(number))]

    def images(self, number: int) -> dict[str, dict[str, str]]:
        """Return the digests of a release: by host, of each image name."""
        return {
            host: {service["image"]: service["image_digest"]}
            for service in self.read(number)["services"].values()
            if service["image"] and service["image_digest"]
            for host in service["nodes"]
        }

    @property
    def unfinished(self) -> dict[str, Any]:
        """What a deployment that has not finished has written; empty if there is none."""
        try:
            content = json.loads(self._unfinished.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def begin(self) -> None:
        """Record that the running deployment may differ from its last release from now on."""
        self._write_unfinished(self.unfinished | {"since": _now()})

    def drained(self) -> list[str]:
        """Return the replicas that an unfinished roll has drained and not used again."""
        return list(self.unfinished.get("drained", ()))

    def set_drained(self, replica: str, drained: bool) -> None:
        """Record that a roll drains a replica, or uses it again."""
        others = [name for name in self.drained() if name != replica]
        self._write_unfinished(self.unfinished | {"drained": [*others, replica] if drained else others})

    def record(self, release: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]], command: str) -> int:
        """Record what is deployed now, unless the newest release is the same; return its number."""
        numbers = self.numbers()
        newest = self.read(numbers[-1]) if numbers else {}
        number = numbers[-1] if numbers else 0
        form = json.loads(json.dumps(release))  # tuples become lists, as in what is read
        if not newest or _deployed(newest) != _deployed(form):
            number += 1
            about = {"schema": SCHEMA, "number": number, "when": _now(), "command": command}
            write_atomic(self.settings(number), _settings_file(variables))
            text = json.dumps(about | form, indent=1, ensure_ascii=False) + "\n"
            write_atomic(self.path / _name(number) / "release.json", text)
        self._unfinished.unlink(missing_ok=True)
        return number

    def target(self, number: int = 0) -> int:
        """Return the release that a rollback deploys: `number`, or with 0 the last good one.

        That is the newest one if a later deployment has not finished, otherwise the one before it.

        Raises:
            ReleaseMissingError: there is no such release.
        """
        numbers = [known for known in self.numbers() if self.read(known) and self.settings(known).is_file()]
        if number:
            if number in numbers:
                return number
            raise ReleaseMissingError(
                Problem(
                    "unknown-release",
                    N_("There is no release {number}."),
                    N_("List the releases with `inferfleet rollback --list`."),
                    number=number,
                )
            )
        places = numbers if self.unfinished else numbers[:-1]
        if not places:
            raise ReleaseMissingError(
                Problem(
                    "no-release",
                    N_("No earlier release is recorded."),
                    N_("A release is recorded when `inferfleet up` or `inferfleet upgrade` has finished successfully."),
                )
            )
        return places[-1]

    def _write_unfinished(self, content: Mapping[str, Any]) -> None:
        write_atomic(self._unfinished, json.dumps(content, indent=1) + "\n")


def _name(number: int) -> str:
    return f"{number:04d}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
