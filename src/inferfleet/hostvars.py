"""Values that roles collect from the variables of several hosts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Hostvars = Mapping[str, Mapping[str, Any]]


def by_host(hosts: Iterable[str], hostvars: Hostvars, *path: str, default: Any = None) -> dict[str, Any]:
    """Return the value at `path` in each host's variables, by host; `default` if a host has none."""
    return {host: _value(hostvars[host], path, default) for host in hosts}


def _value(variables: Any, path: Iterable[str], default: Any) -> Any:
    for key in path:
        if not isinstance(variables, Mapping) or key not in variables:
            return default
        variables = variables[key]
    return variables


def secret_files(folder: str, names: Iterable[str], *, check: bool) -> dict[str, str]:
    """Return the file of each secret; in check mode, /dev/null for secrets that have no file yet."""
    paths = {name: Path(folder, name) for name in names}
    return {name: "/dev/null" if check and not path.is_file() else str(path) for name, path in paths.items()}
