"""Rotation of generated secrets: new values on the controller, which the next deployment applies.

`.secrets/rotation.json` exists from the first new value until a deployment has applied all of them: a run that was
interrupted is continued with the same values.
"""

import json
import secrets
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inferfleet.files import write_atomic
from inferfleet.messages import N_, Problem

ENGINE_KEY = "engine_api_key"
"""The gateways have one key for the engines of all replicas."""
BY_NAME = frozenset({"webui_admin_password", "monitoring_admin_password"})
"""Secrets that a person uses: rotated only if they are named."""
FILE = "rotation.json"
_CHARACTERS = string.ascii_letters + string.digits
_LENGTH = 43  # 256 bits, as roles/preflight generates them


def rotated_names(known: Sequence[str], configured: Mapping[str, Any], only: Sequence[str]) -> list[str]:
    """Return the secrets to rotate: those of `only`, or all that are generated and that no person uses."""
    if only:
        return list(dict.fromkeys(only))
    return [name for name in known if name not in BY_NAME and not configured.get(name)]


def rotation_problems(known: Sequence[str], configured: Mapping[str, Any], names: Iterable[str]) -> list[Problem]:
    """Return why secrets cannot be rotated: unknown, or set in the inventory."""
    problems = []
    for name in names:
        if name not in known:
            remedy = N_("Choose from {names}.")
            problems.append(
                Problem("unknown-secret", N_("There is no secret {name}."), remedy, name=name, names=[*known])
            )
        elif configured.get(name):
            problems.append(
                Problem(
                    "secret-configured",
                    N_("Secret {name} is set in the inventory."),
                    N_("Remove it there, so that it is generated, or change it there and run `inferfleet up`."),
                    name=name,
                )
            )
    return problems


class Rotation:
    """The secrets of an inventory that are being rotated."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / FILE

    @property
    def pending(self) -> list[str]:
        """Secrets with a new value that no deployment has applied completely."""
        return list(self._read().get("names", ()))

    @property
    def switches_key(self) -> bool:
        """Whether the gateways still use the previous key of the engines."""
        return ENGINE_KEY in self.pending and not self._read().get("switched")

    def begin(self, names: Iterable[str]) -> list[str]:
        """Generate new values, except of secrets whose rotation continues; return all that are being rotated."""
        for name in names:
            if name not in self.pending:
                write_atomic(self.folder / name, "".join(secrets.choice(_CHARACTERS) for _ in range(_LENGTH)), 0o600)
                self._write(self._read() | {"names": [*self.pending, name]})
        return self.pending

    def switched(self) -> None:
        """Record that the gateways use the new key of the engines."""
        if self.pending:
            self._write(self._read() | {"switched": True})

    def finish(self) -> None:
        """Record that a deployment has applied all new values."""
        self._file.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, content: Mapping[str, Any]) -> None:
        write_atomic(self._file, json.dumps(content) + "\n", 0o600)


def first_half(order: Sequence[Mapping[str, Any]], stale: Mapping[str, Collection[str]]) -> list[Mapping[str, Any]]:
    """Return the plans whose replicas get the new key of the engines while the gateways use the previous one.

    They get no requests until the gateways change to the new key; the other half serves meanwhile. A replica that has
    the new key already, from a run that was interrupted, is among them. `stale`: as in `plan_roll`.
    """
    chosen: list[Mapping[str, Any]] = []
    for model in dict.fromkeys(plan["served_model_name"] for plan in order):
        plans = [plan for plan in order if plan["served_model_name"] == model]
        plans.sort(key=lambda plan: any(stale.get(host) for host in plan["nodes"]))
        chosen += plans[: max(1, len(plans) // 2)]
    return chosen
