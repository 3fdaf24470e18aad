"""What roles collect from the variables of several hosts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Hostvars = Mapping[str, Mapping[str, Any]]


def by_host(hosts: Iterable[str], hostvars: Hostvars, *path: str, default: Any = None) -> dict[str, Any]:
    """Return a value of each host's variables by host: `path` leads to it, `default` where a host lacks it."""
    return {host: _value(hostvars[host], path, default) for host in hosts}


def _value(variables: Any, path: Iterable[str], default: Any) -> Any:
    for key in path:
        if not isinstance(variables, Mapping) or key not in variables:
            return default
        variables = variables[key]
    return variables


def secret_files(folder: str, names: Iterable[str], *, check: bool) -> dict[str, str]:
    """Return the file of each secret; a check run writes nothing, so that a secret without a file gets none."""
    paths = {name: Path(folder, name) for name in names}
    return {name: "/dev/null" if check and not path.is_file() else str(path) for name, path in paths.items()}
