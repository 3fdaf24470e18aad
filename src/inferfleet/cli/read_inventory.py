"""Read an inventory's groups and variables without connecting to any host, and quickly.

Plain YAML inventories, as ours are, are read here in milliseconds. Whatever else an inventory may use (INI, scripts,
Jinja in a key that planning reads) is left to Ansible itself, whose import alone takes most of a second.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from inferfleet.runner.errors import UsageError
from inferfleet.settings import Settings
from inferfleet.settings.model import HOST_KEYS

_YAML = {".yml", ".yaml", ".json"}
_IGNORED = {".orig", ".cfg", ".retry", ".pyc", ".pyo", ".md"}
_READ = frozenset({*Settings.model_fields, *HOST_KEYS, "ansible_host", "ansible_port"})
_RANGE = re.compile(r"\[(\d+):(\d+)\]")
Variables = dict[str, Any]


class _NotPlainError(Exception):
    """The inventory uses what only Ansible understands."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Takes a vaulted value for an empty one: no key that planning reads is a secret."""


_Loader.add_constructor("!vault", lambda loader, node: "")
_Loader.add_constructor("!vault-encrypted", lambda loader, node: "")


@dataclass
class _Group:
    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    variables: Variables = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """Groups with their hosts (children's too), and the variables of each host that planning reads."""

    groups: dict[str, list[str]]
    variables: dict[str, Variables]
    names: dict[str, set[str]]
    """Of all variables of each host, those that planning does not read among them."""
    in_files: dict[str, list[str]]
    """Variables that each group has from the inventory's own files, not from group_vars."""


def read_inventory(path: str, extra: Mapping[str, Any] | None = None) -> Read:
    """Return the inventory at `path` (a folder or file), with `extra` variables over everything.

    Raises:
        UsageError: the inventory cannot be read.
    """
    try:
        read = _read_plainly(Path(path))
    except _NotPlainError:
        read = _read_with_ansible(path)
    for host, variables in read.variables.items():
        variables.update(extra or {})
        read.names[host].update(extra or {})
    return read


def _read_plainly(path: Path) -> Read:
    sources = _sources(path)
    groups: dict[str, _Group] = {"all": _Group()}
    own: dict[str, Variables] = {}
    for source in sources:
        document = _load(source)
        if not isinstance(document, dict):
            raise _NotPlainError
        for name, body in document.items():
            _take_group(str(name), body, groups, own)
    folder = path if path.is_dir() else path.parent
    hosts = list(dict.fromkeys(h for group in groups.values() for h in group.hosts))
    for file in sorted((folder / "host_vars").glob("*")):
        if file.stem in hosts:
            own.setdefault(file.stem, {}).update(_merged(file))
    shared = {**groups["all"].variables, **_of_name(folder / "group_vars", "all")}
    depth = _depths(groups)
    by_depth = sorted((g for g in groups if g != "all"), key=lambda g: (depth.get(g, 1), g))
    files = {name: _of_name(folder / "group_vars", name) for name in by_depth}
    members = {name: _members(name, groups) for name in groups}
    members["all"] = hosts
    variables: dict[str, Variables] = {}
    names: dict[str, set[str]] = {}
    for host in hosts:
        mine = [name for name in by_depth if host in members[name]]
        found: Variables = dict(groups["all"].variables)
        for name in mine:
            found.update(groups[name].variables)
        found.update(shared)
        for name in mine:
            found.update(files[name])
        found.update(own.get(host, {}))
        names[host] = {str(name) for name in found}
        variables[host] = {name: value for name, value in found.items() if name in _READ}
    _refuse_templates(variables)
    return Read(members, variables, names, {name: sorted(map(str, group.variables)) for name, group in groups.items()})


def _sources(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix not in _YAML:
            raise _NotPlainError
        return [path]
    if not path.is_dir():
        raise _NotPlainError
    files = [f for f in sorted(path.iterdir()) if f.is_file() and not f.name.startswith(".")]
    files = [f for f in files if f.suffix not in _IGNORED and not f.name.endswith("~")]
    if not files or any(f.suffix not in _YAML for f in files):
        raise _NotPlainError
    return files


def _load(file: Path) -> Any:
    try:
        return yaml.load(file.read_text("utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError):
        raise _NotPlainError from None  # Ansible says what is wrong


def _take_group(name: str, body: Any, groups: dict[str, _Group], own: dict[str, Variables]) -> None:
    group = groups.setdefault(name, _Group())
    if body is None:
        return
    if not isinstance(body, dict) or set(body) - {"hosts", "vars", "children"}:
        raise _NotPlainError
    for part in ("hosts", "vars", "children"):
        if not isinstance(body.get(part) or {}, dict):
            raise _NotPlainError
    group.variables.update(body.get("vars") or {})
    for pattern, variables in (body.get("hosts") or {}).items():
        if variables is not None and not isinstance(variables, dict):
            raise _NotPlainError
        for host in _expand(str(pattern)):
            if host not in group.hosts:
                group.hosts.append(host)
            own.setdefault(host, {}).update(variables or {})
    for child, inner in (body.get("children") or {}).items():
        group.children.append(str(child))
        _take_group(str(child), inner, groups, own)


def _expand(pattern: str) -> Iterator[str]:
    """Yield the hosts of `node[01:64]`; other patterns and `host:port` are Ansible's."""
    found = _RANGE.search(pattern)
    if not found:
        if any(c in pattern for c in "[]:"):
            raise _NotPlainError
        yield pattern
        return
    first, last = found.groups()
    width = len(first) if first.startswith("0") else 0
    for number in range(int(first), int(last) + 1):
        yield from _expand(pattern.replace(found.group(0), str(number).zfill(width), 1))


def _members(name: str, groups: Mapping[str, _Group], seen: frozenset[str] = frozenset()) -> list[str]:
    group = groups[name]
    if name in seen:
        raise _NotPlainError
    below = [h for child in group.children for h in _members(child, groups, seen | {name})]
    return list(dict.fromkeys([*group.hosts, *below]))


def _depths(groups: Mapping[str, _Group]) -> dict[str, int]:
    depth = dict.fromkeys(groups, 1)
    for _ in groups:
        for name, group in groups.items():
            for child in group.children:
                depth[child] = max(depth[child], depth[name] + (0 if name == "all" else 1))
    return depth


def _of_name(folder: Path, name: str) -> Variables:
    found: Variables = {}
    for candidate in (folder / name, folder / f"{name}.yml", folder / f"{name}.yaml", folder / f"{name}.json"):
        if candidate.exists():
            found.update(_merged(candidate))
    return found


def _merged(path: Path) -> Variables:
    """Return the variables of a file, or of all files below a folder in the order of their names."""
    if path.is_dir():
        found: Variables = {}
        for entry in sorted(path.iterdir()):
            if not entry.name.startswith((".", "_")) and (entry.is_dir() or entry.suffix in {*_YAML, ""}):
                found.update(_merged(entry))
        return found
    document = _load(path)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _NotPlainError
    return {str(name): value for name, value in document.items()}


def _refuse_templates(variables: Mapping[str, Variables]) -> None:
    seen: set[int] = set()
    for values in variables.values():
        for value in values.values():
            if id(value) not in seen and ("{{" in (text := str(value)) or "{%" in text):
                raise _NotPlainError
            seen.add(id(value))


def _read_with_ansible(path: str) -> Read:
    from ansible.errors import AnsibleError  # type: ignore[import-untyped]
    from ansible.inventory.manager import InventoryManager  # type: ignore[import-untyped]
    from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]
    from ansible.template import Templar  # type: ignore[import-untyped]
    from ansible.utils.display import Display  # type: ignore[import-untyped]
    from ansible.vars.manager import VariableManager  # type: ignore[import-untyped]

    Display().verbosity = -1
    try:
        loader = DataLoader()
        # Group variables beside the working directory are none of the inventory's.
        loader.set_basedir(path if Path(path).is_dir() else str(Path(path).parent))
        inventory = InventoryManager(loader=loader, sources=[path])
        manager = VariableManager(loader=loader, inventory=inventory)
        groups = {str(n): [str(h) for h in hosts] for n, hosts in inventory.get_groups_dict().items()}
        variables: dict[str, Variables] = {}
        names: dict[str, set[str]] = {}
        for host in inventory.get_hosts("all"):
            values = manager.get_vars(host=host, include_hostvars=True)
            templar = Templar(loader=loader, variables=values)
            names[str(host.name)] = set(map(str, values))
            wanted = {name: values[name] for name in _READ if name in values}
            variables[str(host.name)] = {name: _plain(templar.template(value)) for name, value in wanted.items()}
    except AnsibleError as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            "inventory-broken",
            f"Inventory {path} cannot be read: {reason[:300]}",
            f"Correct it; `ansible-inventory -i {path} --list` shows more.",
        ) from None
    if not variables:
        raise UsageError(
            "inventory-broken",
            f"Inventory {path} has no host.",
            f"Correct it; `ansible-inventory -i {path} --list` shows what Ansible makes of it.",
        )
    return Read(groups, variables, names, {str(n): sorted(map(str, g.vars)) for n, g in inventory.groups.items()})


def _plain(value: Any) -> Any:
    """Return a value without Ansible's tags."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return value if kind is bool else kind(value)
    return value
