"""The stages of a playbook, read from its files before it runs."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

_ROLE_ACTIONS = ("import_role", "include_role", "ansible.builtin.import_role", "ansible.builtin.include_role")
_IMPORT_ACTIONS = ("import_playbook", "ansible.builtin.import_playbook")
_TASK_ACTIONS = ("import_tasks", "include_tasks", "ansible.builtin.import_tasks", "ansible.builtin.include_tasks")
_SECTIONS = ("pre_tasks", "roles", "tasks", "post_tasks")
_BLOCKS = ("block", "rescue", "always")


class _Loader(yaml.SafeLoader):
    """Reads any tag (`!vault`, `!unsafe`) as None: only the structure is needed."""


_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


@cache
def titles() -> dict[str, str]:
    """Return role name → title."""
    table: dict[str, str] = yaml.safe_load(files(__package__).joinpath("stages.yml").read_text("utf-8"))
    return table


def title(stage: str) -> str:
    """Return the title of a stage; its name if it has no title."""
    return titles().get(stage, stage)


def planned_roles(playbook: Path) -> dict[str, list[str]]:
    """Return play name → its roles, in the order of the run.

    Imported playbooks are resolved; plays without roles are omitted. Unreadable files are ignored: ansible-playbook
    reports them.
    """
    planned: dict[str, list[str]] = {}
    for play in _plays(playbook, frozenset()):
        if roles := list(dict.fromkeys(_roles(play))):
            planned.setdefault(str(play.get("name") or play.get("hosts")), []).extend(roles)
    return planned


def tags_of(playbook: Path) -> set[str]:
    """Return the tags of the plays, blocks and tasks of a playbook and its imports; roles have none of their own."""
    return {tag for play in _plays(playbook, frozenset()) for tag in _tags(play)}


def _tags(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        return
    given = entry.get("tags") or []
    yield from split_tags(given) if isinstance(given, str) else map(str, given)
    for section in (*_SECTIONS, *_BLOCKS):
        for inner in entry.get(section) or []:
            yield from _tags(inner)


def split_tags(text: str) -> list[str]:
    """Return the tags of a list separated by commas, as Ansible reads it."""
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _plays(playbook: Path, parents: frozenset[Path]) -> Iterator[dict[str, Any]]:
    if playbook in parents:
        return
    try:
        content = yaml.load(playbook.read_text("utf-8"), _Loader)
    except (OSError, UnicodeError, yaml.YAMLError):
        return
    for entry in content if isinstance(content, list) else []:
        if not isinstance(entry, dict):
            continue
        target = next((entry[key] for key in _IMPORT_ACTIONS if key in entry), None)
        if target is not None:
            yield from _plays((playbook.parent / str(target)).resolve(), parents | {playbook})
        else:
            yield _with_included_tasks(entry, playbook.parent)


def _with_included_tasks(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a play or block whose tasks that include a file are blocks of the tasks of that file."""
    for section in (*_SECTIONS, *_BLOCKS):
        if isinstance(entry.get(section), list):
            tasks = [_included(task, folder) if isinstance(task, dict) else task for task in entry[section]]
            entry = {**entry, section: tasks}
    return entry


def _included(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    name = next((task[key] for key in _TASK_ACTIONS if isinstance(task.get(key), str)), None)
    if name is None:
        return _with_included_tasks(task, folder)
    try:
        content = yaml.load((folder / name).read_text("utf-8"), _Loader)
    except (OSError, UnicodeError, yaml.YAMLError):
        return task
    block = {"block": content if isinstance(content, list) else [], "tags": task.get("tags")}
    return _with_included_tasks(block, (folder / name).parent)


def _roles(play: dict[str, Any]) -> Iterator[str]:
    for section in _SECTIONS:
        for entry in play.get(section) or []:
            yield from _entry_roles(entry, section)


def _entry_roles(entry: Any, section: str) -> Iterator[str]:
    if section == "roles":
        name = entry if isinstance(entry, str) else entry.get("role") or entry.get("name")
        yield from _literal(name)
        return
    if not isinstance(entry, dict):
        return
    for key in _ROLE_ACTIONS:
        if isinstance(entry.get(key), dict):
            yield from _literal(entry[key].get("name"))
    for key in _BLOCKS:
        for inner in entry.get(key) or []:
            yield from _entry_roles(inner, "tasks")


def _literal(name: Any) -> Iterator[str]:
    """Yield a role name without templates."""
    if isinstance(name, str) and "{{" not in name:
        yield name
