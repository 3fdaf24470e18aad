"""What the world is like, as data: models and accelerators."""

import difflib
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


class UnknownNameError(ValueError):
    """A name that the catalog does not have; the message offers the nearest one."""


@cache
def load_models() -> dict[str, Any]:
    """Return every model of the catalog by name."""
    folder = files("inferfleet.catalog") / "models"
    return {f.name.removesuffix(".yml"): yaml.safe_load(f.read_text()) for f in folder.iterdir()}


@cache
def load_accelerators() -> dict[str, Any]:
    """Return every accelerator of the catalog by name."""
    return dict(yaml.safe_load((files("inferfleet.catalog") / "accelerators.yml").read_text()))


def load_model(name: str) -> dict[str, Any]:
    """Return the model called `name`; raises UnknownNameError."""
    return _pick("model", name, load_models())


def load_accelerator(name: str) -> dict[str, Any]:
    """Return the accelerator called `name`; raises UnknownNameError."""
    return _pick("accelerator", name, load_accelerators())


def _pick(key: str, name: str, entries: dict[str, Any]) -> dict[str, Any]:
    if name in entries:
        return dict(entries[name])
    near = difflib.get_close_matches(name, entries, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Choose one of {', '.join(sorted(entries))}."
    raise UnknownNameError(f"Variable {key} is {name!r}, which the catalog does not have. {hint}")
