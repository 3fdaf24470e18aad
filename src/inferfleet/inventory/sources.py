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

from inferfleet.messages import N_, Problem, os_reason
from inferfleet.runner.errors import UsageError

VAULT = "$ANSIBLE_VAULT"
"""Start of an encrypted file."""
MAX_DEPTH = 64
"""Levels of nesting, with aliases expanded; Ansible evaluates values recursively."""
MAX_VALUES = 100_000
"""Values in one file, with aliases expanded."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXTENSIONS = (".yml", ".yaml", ".json")
_VARIABLES = ("group_vars", "host_vars")
_FACTS = "inferfleet_"  # prefix of the facts of nodes
_GROUP_KEYS = ("hosts", "children", "vars")
_NUMBERS = re.compile(r"\[(\d*):(\d+)(?::\d+)?\]")
_LETTERS = re.compile(r"\[([A-Za-z]):([A-Za-z])(?::\d+)?\]")
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


def read_sources(paths: Iterable[str]) -> Sources:
    """Return the contents of inventories; host lists (`a,b,`) have no files.

    Raises:
        UsageError: a file is not YAML, nested too deeply or too large, or has the facts of nodes.
    """
    dynamic, written, problems = False, dict[str, tuple[str, ...]](), list[Problem]()
    variable_files: list[tuple[str, str, str]] = []
    for source in (Path(path) for path in map(str, paths) if "," not in path and Path(path).exists()):
        folder = source if source.is_dir() else source.parent
        for file in _host_files(source):
            shown = str(file.relative_to(folder))
            if _is_script(file):
                dynamic = True
            elif file.suffix not in _EXTENSIONS:
                problems += _bad_ranges(_ini_hosts(file), shown)
            elif root := read_mapping(file, shown):
                if "plugin" in (values := _values(root)):
                    dynamic = True
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
                        _add(written, _values(root), shown)
                        problems += _repeated(root, shown)
    return Sources(dynamic, written, tuple(variable_files), tuple(problems))


def read_mapping(file: Path, shown: str) -> yaml.MappingNode | None:
    """Return the YAML of a file, called `shown` in messages; None if it is empty or encrypted.

    Raises:
        UsageError: the file is not a YAML mapping, nested too deeply or too large.
    """
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
    values, depth = _expanded(root, {})
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


def _expanded(node: yaml.Node, sizes: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Return the number of values and the levels of nesting with aliases expanded; infinite for a cycle."""
    if id(node) not in sizes:
        sizes[id(node)] = (float("inf"), float("inf"))
        inner = [_expanded(child, sizes) for child in _children(node)]
        sizes[id(node)] = (1 + sum(size for size, _ in inner), 1 + max((depth for _, depth in inner), default=0))
    return sizes[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _values(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return the values of a mapping by name; nothing for another node."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


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
    for child in _children(node):
        yield from _repeated(child, shown, seen)


def _has_facts(hosts: Iterable[yaml.Node]) -> bool:
    """Return whether mappings are the facts of hosts, as `inferfleet check --facts` writes them."""
    return any(name.startswith(_FACTS) for host in hosts for name in _values(host))


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


def _bad_ranges(hosts: Iterable[str], shown: str) -> Iterator[Problem]:
    """Yield each range of hosts that Ansible does not expand, or expands to no host."""
    for host in hosts:
        for text in re.findall(r"\[[^\]]*\]?", host):
            if not _is_range(text):
                yield Problem(
                    "bad-host-range",
                    N_("File {file}: {host} is not a range of hosts."),
                    N_("Write the first and the last number, for example node[02:04]."),
                    file=shown,
                    host=host,
                )


def _is_range(text: str) -> bool:
    """Return whether Ansible expands `text` to at least one name."""
    if numbers := _NUMBERS.fullmatch(text):
        return int(numbers[1] or 0) <= int(numbers[2])
    letters = _LETTERS.fullmatch(text)
    return letters is not None and letters[1] <= letters[2]


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
    for key, value in _values(group).items():
        line = value.start_mark.line + 1
        near = difflib.get_close_matches(key, _GROUP_KEYS, n=1)
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
    yield from _bad_ranges(_values(_values(group).get("hosts")), shown)
    for child, value in _values(_values(group).get("children")).items():
        yield from _misplaced(child, value, shown)


def _variables(group: yaml.Node) -> set[str]:
    """Return the names of the variables that a group of an inventory file sets."""
    parts = _values(group)
    names = set(_values(parts.get("vars")))
    for host in _values(parts.get("hosts")).values():
        names |= _values(host).keys()
    for child in _values(parts.get("children")).values():
        names |= _variables(child)
    return names


def _host_files(source: Path) -> Iterator[Path]:
    """Yield the files of an inventory that define hosts."""
    if source.is_file():
        yield source
        return
    for entry in _entries(source):
        if entry.name not in (*_VARIABLES, "vars_plugins"):
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
