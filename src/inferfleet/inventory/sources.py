"""Read the files of an inventory for what Ansible skips without an error, and for what stops it.

Ansible ignores unknown keys of groups, repeated keys and variable files of unknown groups or hosts; its own messages
for invalid YAML name no file. Encrypted and INI files are left to Ansible.
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from inferfleet.inventory.ranges import bad_ranges
from inferfleet.inventory.yaml_nodes import children, expanded, values_of
from inferfleet.messages import N_, Problem, os_reason
from inferfleet.runner.errors import UsageError

VAULT = "$ANSIBLE_VAULT"
"""Start of an encrypted file."""
MAX_DEPTH = 64
"""Levels of nesting, with aliases expanded; Ansible evaluates values recursively."""
MAX_BYTES = 10_000_000
"""Bytes of one file."""
MAX_VALUES = 100_000
"""Values in one file, with aliases expanded."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXTENSIONS = (".yml", ".yaml", ".json")
_IGNORED = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry", ".html")
"""Ends of files in the folder of an inventory that define no hosts: `ignore_extensions` of ansible.cfg."""
_VARIABLES = ("group_vars", "host_vars")
_FACTS = "inferfleet_"  # prefix of the facts of nodes
_GROUP_KEYS = ("hosts", "children", "vars")
_COMPLETE_LINE = re.compile(r"\s*(#|-|$)|.*:(\s|$)")


@dataclass(frozen=True)
class Sources:
    """What the files of an inventory contain, apart from what Ansible loads."""

    dynamic: bool = False
    """Whether a script or an inventory plugin provides hosts, which may belong to other deployments."""
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Files that set a variable, which a script or an inventory plugin may set, too."""
    variable_files: tuple[tuple[str, str, str], ...] = ()
    """Files and folders of variables: `group_vars` or `host_vars`, the name they apply to, the path."""
    problems: tuple[Problem, ...] = ()
    """Keys that Ansible ignores."""
    static: tuple[Path, ...] = ()
    """Files of hosts, other than scripts and the configuration of plugins."""
    programs: tuple[Path, ...] = ()
    """Scripts and the configuration of plugins, which provide hosts."""


def read_sources(paths: Iterable[str]) -> Sources:
    """Return the contents of inventories; host lists (`a,b,`) have no files.

    Raises:
        UsageError: a file is not YAML, nested too deeply or too large, or has the facts of nodes.
    """
    dynamic, written, problems = False, dict[str, tuple[str, ...]](), list[Problem]()
    variable_files: list[tuple[str, str, str]] = []
    static: list[Path] = []
    programs: list[Path] = []
    for source in (Path(path) for path in map(str, paths) if "," not in path and Path(path).exists()):
        folder = source if source.is_dir() else source.parent
        for file in _host_files(source):
            shown = str(file.relative_to(folder))
            _refuse_special(file, shown)
            if _is_script(file):
                dynamic = True
                programs.append(file)
                continue
            static.append(file)
            if file.suffix not in _EXTENSIONS:
                problems += bad_ranges(_ini_hosts(file), shown)
            elif root := read_mapping(file, shown):
                if "plugin" in (values := values_of(root)):
                    dynamic = True
                    programs.append(static.pop())
                    continue
                if _has_facts(values.values()):
                    raise _facts_file(shown)
                problems += _repeated(root, shown)
                for name, group in values.items():
                    problems += _misplaced(name, group, shown)
                    _add(written, _variables(group), shown)
        for kind in _VARIABLES:
            for entry in _entries(folder / kind):
                if entry.is_file() and entry.suffix not in ("", *_EXTENSIONS):
                    continue
                name = entry.stem if entry.suffix in _EXTENSIONS and entry.is_file() else entry.name
                variable_files.append((kind, name, f"{kind}/{entry.name}{'/' if entry.is_dir() else ''}"))
                for file in _variable_files(entry):
                    if root := read_mapping(file, shown := str(file.relative_to(folder))):
                        _add(written, values_of(root), shown)
                        problems += _repeated(root, shown)
    return Sources(dynamic, written, tuple(variable_files), tuple(problems), tuple(static), tuple(programs))


def read_mapping(file: Path, shown: str) -> yaml.MappingNode | None:
    """Return the YAML of a file, called `shown` in messages; None if it is empty or encrypted.

    Raises:
        UsageError: the file is not a YAML mapping, nested too deeply or too large.
    """
    _refuse_special(file, shown)
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(
            "not-text",
            N_("File {file} is not UTF-8 text."),
            N_("Save it as UTF-8."),
            file=shown,
        ) from None
    except OSError as error:
        raise UsageError(
            "file-unreadable",
            N_("File {file} cannot be read: {reason}."),
            N_("Make it readable for the user who runs inferfleet."),
            file=shown,
            reason=os_reason(error),
        ) from None
    if text.startswith(VAULT):
        return None
    try:
        if "\t" in text and _is_json(text):
            text = text.expandtabs(1)  # JSON may be indented with tabs, YAML may not
        _refuse_depth(_depth(text), shown)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, shown) from None
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == "tag:yaml.org,2002:null"):
        return None
    if not isinstance(root, yaml.MappingNode):
        raise UsageError(
            "not-a-mapping",
            N_("File {file}, line {line}: this is not a name with a value."),
            N_("Write `name: value`, with an ASCII colon and a space after it."),
            file=shown,
            line=root.start_mark.line + 1,
        )
    values, depth = expanded(root, {})
    _refuse_depth(depth, shown)
    if values > MAX_VALUES:
        raise UsageError(
            "too-many-values",
            N_("File {file} has more than {limit} values when its aliases (*name) are expanded."),
            N_("Write the values without nested aliases."),
            file=shown,
            limit=MAX_VALUES,
        )
    return root


def _refuse_special(file: Path, shown: str) -> None:
    """Refuse devices and pipes, which may have no end, and files too large to be an inventory."""
    if file.exists() and not (file.is_file() and file.stat().st_size <= MAX_BYTES):
        raise UsageError(
            "file-unreadable",
            N_("File {file} is not a regular file of at most {limit} bytes."),
            N_("Replace or remove it."),
            file=shown,
            limit=MAX_BYTES,
        )


def _refuse_depth(depth: float, shown: str) -> None:
    if depth > MAX_DEPTH:
        raise UsageError(
            "nested-too-deeply",
            N_("File {file} is nested more than {limit} levels deep."),
            N_("Correct its brackets, indentation and aliases."),
            file=shown,
            limit=MAX_DEPTH,
        )


def _syntax_error(error: yaml.YAMLError, text: str, shown: str) -> UsageError:
    """Return the error with the line to correct: often the one above, when it has no value."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = mark.line if mark else text[: getattr(error, "position", 0)].count("\n")
    above = text.splitlines()[:line]
    while above and not _COMPLETE_LINE.match(above[-1]):
        above.pop()
    return UsageError(
        "yaml-syntax",
        N_("File {file}, line {line} is not valid YAML: {reason}."),
        N_("Correct it: indent with spaces, not tabs; write an ASCII colon and a space after each name."),
        file=shown,
        line=len(above) + 1,
        reason=", ".join(filter(None, (getattr(error, "context", None), problem))) or str(error).splitlines()[0],
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _depth(text: str) -> int:
    """Return the levels of nesting without composing the document, which is recursive."""
    depth = deepest = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return deepest


def _repeated(node: yaml.Node, shown: str, seen: set[int] | None = None) -> Iterator[Problem]:
    """Yield each key that a mapping has twice."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[tuple[str, str], int] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        line = key.start_mark.line + 1
        if first := lines.get((key.tag, key.value)):
            yield Problem(
                "repeated-key",
                N_("File {file} contains {name} in line {first} and again in line {line}; only the last one counts."),
                N_("Remove one of them."),
                file=shown,
                name=key.value,
                first=first,
                line=line,
            )
        lines[key.tag, key.value] = line
    for child in children(node):
        yield from _repeated(child, shown, seen)


def _has_facts(hosts: Iterable[yaml.Node]) -> bool:
    """Return whether mappings are the facts of hosts, as `inferfleet check --facts FILE` writes them."""
    return any(name.startswith(_FACTS) for host in hosts for name in values_of(host))


def _facts_file(shown: str) -> UsageError:
    return UsageError(
        "facts-in-inventory",
        N_("File {file} has the facts of nodes, but Ansible reads each file of the inventory's folder as hosts."),
        N_("Move it to another folder, and give its path to `inferfleet plan --facts`."),
        file=shown,
    )


def _add(written: dict[str, tuple[str, ...]], names: Iterable[str], shown: str) -> None:
    for name in names:
        if shown not in written.setdefault(name, ()):
            written[name] += (shown,)


def _ini_hosts(file: Path) -> list[str]:
    lines = file.read_text("utf-8", errors="replace").splitlines()
    return [line.split()[0] for line in lines if line.strip() and line.lstrip()[0] not in "[#;"]


def _misplaced(name: str, group: yaml.Node, shown: str) -> Iterator[Problem]:
    """Yield what Ansible skips in a group of an inventory file, and in the groups below it."""
    if name.startswith("_"):
        return
    empty = group.tag == "tag:yaml.org,2002:null"
    if not isinstance(group, yaml.MappingNode) and not empty:
        yield Problem(
            "not-a-group",
            N_("File {file}, line {line}: {name} has a value, but this file defines groups of hosts."),
            N_("Set variables in group_vars/all/10_cluster.yml, or below `vars:` of a group."),
            file=shown,
            line=group.start_mark.line + 1,
            name=name,
        )
    for key, value in values_of(group).items():
        line = value.start_mark.line + 1
        near = difflib.get_close_matches(key, _GROUP_KEYS, n=1)
        if key == "<<":
            continue  # YAML's merge
        if key not in _GROUP_KEYS:
            about = {"file": shown, "line": line, "name": key, "group": name, "keys": _GROUP_KEYS[:-1]}
            template = N_("File {file}, line {line}: Ansible ignores {name} in group {group}.")
            remedy = N_("A group has {keys} and {last}; write {name} below one of them.")
            if near:
                yield Problem("not-a-group-key", template, N_("Write {near} instead."), near=near[0], **about)
            else:
                yield Problem("not-a-group-key", template, remedy, last=_GROUP_KEYS[-1], **about)
        elif isinstance(value, yaml.SequenceNode):
            yield Problem(
                "list-in-group",
                N_("File {file}, line {line}: {name} of group {group} is a list, but must be a mapping."),
                N_("Write `name:` instead of `- name`."),
                file=shown,
                line=line,
                name=key,
                group=name,
            )
    for key in _GROUP_KEYS[:-1]:
        yield from _not_names(values_of(group).get(key), shown)
    hosts = values_of(values_of(group).get("hosts"))
    for host, variables in hosts.items():
        if isinstance(variables, yaml.ScalarNode | yaml.SequenceNode) and variables.value not in ("", "~", "null", []):
            yield Problem(
                "not-variables",
                N_("File {file}, line {line}: {host} has a value, but a host has variables, so Ansible ignores it."),
                N_("Write `name: value` below the host, or nothing."),
                file=shown,
                line=variables.start_mark.line + 1,
                host=host,
            )
    yield from bad_ranges(hosts, shown)
    for child, value in values_of(values_of(group).get("children")).items():
        yield from _misplaced(child, value, shown)


def _not_names(members: yaml.Node | None, shown: str) -> Iterator[Problem]:
    """Yield each host and group whose name YAML reads as another type: Ansible skips them with a warning."""
    for key, _ in members.value if isinstance(members, yaml.MappingNode) else ():
        if key.tag != "tag:yaml.org,2002:str" and key.value != "<<":
            yield Problem(
                "name-not-text",
                N_("File {file}, line {line}: the name {name} is not text, so Ansible ignores it."),
                N_("Put it in quotes."),
                file=shown,
                line=key.start_mark.line + 1,
                name=key.value if isinstance(key, yaml.ScalarNode) and key.value else "''",
            )
        elif key.value == "":
            yield Problem(
                "name-not-text",
                N_("File {file}, line {line}: a host or group has no name."),
                N_("Write its name in front of the colon."),
                file=shown,
                line=key.start_mark.line + 1,
            )


def _variables(group: yaml.Node) -> set[str]:
    """Return the names of the variables that a group of an inventory file sets."""
    parts = values_of(group)
    names = set(values_of(parts.get("vars")))
    for host in values_of(parts.get("hosts")).values():
        names |= values_of(host).keys()
    for child in values_of(parts.get("children")).values():
        names |= _variables(child)
    return names


def _host_files(source: Path) -> Iterator[Path]:
    """Yield the files of an inventory that define hosts."""
    if not source.is_dir():
        if source.exists():  # Ansible ignores a link that leads nowhere
            yield source
        return
    for entry in _entries(source):
        if entry.name not in (*_VARIABLES, "vars_plugins") and not entry.name.endswith(_IGNORED):
            yield from _host_files(entry)


def _variable_files(entry: Path) -> Iterator[Path]:
    """Yield the files that Ansible loads as variables."""
    if entry.is_dir():
        for inner in _entries(entry):
            yield from _variable_files(inner)
    elif entry.suffix in ("", *_EXTENSIONS):
        yield entry


def _entries(folder: Path) -> Sequence[Path]:
    """Return files and folders without hidden ones and backups, sorted."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.name[0] != "." and entry.name[-1] != "~")


def _is_script(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return os.access(file, os.X_OK) and stream.read(2) == b"#!"
    except OSError:
        return False
