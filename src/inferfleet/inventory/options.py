"""The roles' own options: what an inventory may set besides the contract."""

from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def role_options(root: Path) -> dict[str, dict[str, Any]]:
    """Return the options of all roles of the checkout at `root`, by name, from their argument specs."""
    options: dict[str, dict[str, Any]] = {}
    for path in sorted(root.glob("roles/*/meta/argument_specs.yml")):
        specs = yaml.load(path.read_text("utf-8"), Loader=_Loader)["argument_specs"]
        options |= specs["main"].get("options", {})
    return options
