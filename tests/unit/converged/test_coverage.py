"""Whatever a task of a skipped role would change is observed: no action, command or path is missing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferfleet.components import load_components
from inferfleet.converged import load_observation
from inferfleet.inventory.options import is_node_folder, role_options
from inferfleet.runner.stages import planned_roles

ROOT = Path(__file__).parents[3]
PARTS = ("prepare", "weights", "fabric", "serve", "gateway", "webui", "monitoring")
INCLUDED = ("amd_driver", "ascend_driver", "component_service", "nvidia_driver", "package_repository", "vastai_driver")
NEVER_SKIPPED = {"deepseek_infer", "gpustack"}
"""Roles of engines with a state of their own (needs_complete_run)."""
VERIFICATION = {"bench", "bundle", "doctor", "evaluate", "preflight", "report", "verify"}
OBSERVED = {
    "account",
    "boot",
    "containers",
    "facts",
    "files",
    "images",
    "maps",
    "packages",
    "sysctls",
    "table",
    "trees",
}
OBSERVED |= {"units"}
KEYWORDS = {
    *("any_errors_fatal", "args", "async", "become", "changed_when", "check_mode", "delay", "delegate_facts", "tags"),
    *("delegate_to", "diff", "environment", "failed_when", "ignore_unreachable", "listen", "loop", "loop_control"),
    *(
        "module_defaults",
        "name",
        "no_log",
        "notify",
        "poll",
        "register",
        "retries",
        "run_once",
        "until",
        "vars",
        "when",
    ),
}
WRITERS = ("blockinfile", "copy", "file", "get_url", "template", "unarchive")


def skipped_roles() -> set[str]:
    planned = [planned_roles(ROOT / f"playbooks/parts/{part}.yml") for part in PARTS]
    return {role for plays in planned for roles in plays.values() for role in roles} - VERIFICATION | {*INCLUDED}


def tasks(role: str) -> Iterator[dict[str, Any]]:
    files = [file for kind in ("tasks", "handlers") for file in sorted((ROOT / "roles" / role / kind).glob("*.yml"))]
    for file in files:
        if file.stem != "bundle":  # of a container that creates an air-gap bundle
            yield from _flat(yaml.safe_load(file.read_text()) or [])


def _flat(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if "block" in entry:
            for key in ("block", "rescue", "always"):
                yield from _flat(entry.get(key) or [])
        else:
            yield entry


def every_task() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for role in sorted(skipped_roles()):
        for task in tasks(role):
            (action,) = task.keys() - KEYWORDS
            yield role, action, task


def test_every_role_that_can_be_skipped_is_compared():
    roles = {folder.name for folder in (ROOT / "roles").iterdir()}
    assert roles == skipped_roles() | NEVER_SKIPPED | VERIFICATION


def test_every_action_is_a_reader_or_is_observed():
    observation = load_observation()
    actions = {action for _, action, _ in every_task()} - {"ansible.builtin.command"}
    assert actions == {*observation.reads, *observation.changes}
    assert set(observation.reads).isdisjoint(observation.changes)
    assert {*observation.changes.values(), *observation.commands.values()} <= OBSERVED


def test_every_command_that_changes_a_node_is_observed():
    changing = {
        task["name"]
        for _, action, task in every_task()
        if action == "ansible.builtin.command" and task.get("changed_when") is not False
    }
    assert changing == set(load_observation().commands)


def covered(path: str) -> bool:
    observation = load_observation()
    roots = (*observation.trees, *observation.elsewhere)
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def resolved(text: str, variables: dict[str, Any]) -> str:
    """Return a path with the variables of its role that are text; the rest of an expression stays."""
    for _ in range(5):
        text = re.sub(r"\{\{ (\w+) \}\}", lambda match: str(variables.get(match[1], match[0])).strip(), text)
    parent = re.fullmatch(r"\{\{ (\w+) \| dirname \}\}", text)
    folder = str(variables.get(parent[1], "")).strip() if parent else ""
    return str(Path(folder).parent) if folder.startswith("/") else text


def written() -> Iterator[tuple[str, str]]:
    """Yield the role and the path of every task that writes to one, without those that take it from a component."""
    for role, action, task in every_task():
        if action.rpartition(".")[2] not in WRITERS:
            continue
        variables: dict[str, Any] = {}
        for name in ("defaults", "vars"):
            file = ROOT / "roles" / role / name / "main.yml"
            variables |= yaml.safe_load(file.read_text()) if file.exists() else {}
        given = task[action]
        items = task.get("loop", [""])
        for item in items if isinstance(items, list) else [items]:
            values = {**variables, "item": item} if isinstance(item, str) else variables
            path = resolved(str(given.get("dest") or given.get("path")), values)
            if not re.search(r"component|\.files|_files|virtual|check\.|differing|pending", path):
                yield role, path


@pytest.mark.parametrize(("role", "path"), sorted(set(written())))
def test_every_path_that_a_task_writes_is_observed(role, path):
    assert covered(path) or path in EXCEPTED.get(role, ())


EXCEPTED = {
    # Logs of a container that failed, on the controller.
    "engine_switch": {
        "{{ inventory_dir | default('.', true) }}/.results/failed",
        "{{ inventory_dir | default('.', true) }}/.results/failed/{{ inventory_hostname }}-{{ item.item }}.log",
    },
    # Weights, of which the plan names the folder (node_options); the others only `weights remove` deletes.
    "model_weights": {
        "{{ ansible_facts.inferfleet_plan.model_path }}",
        "{{ item.item }}",
        "{{ model_weights_path | dirname }}",
        "{{ __model_weights_list.models | selectattr('state', 'eq', 'partial') | map(attribute='path') | list }}",
        "{{ model_weights_path | dirname }}/.{{ model_weights_path | basename }}.inferfleet-staging",
    },
    "offline_bundle": {"{{ offline_bundle_path | dirname }}/.images.inferfleet-staging"},
    # Found in folders of /etc.
    "package_repository": {"{{ item.path }}"},
}


def test_all_files_and_data_of_components_are_observed():
    for component in load_components():
        assert all(covered(path) for path in component.files.values()), component.name
        assert all(folder.path.startswith("/var/lib/inferfleet/") for folder in component.data), component.name
        assert component.unit.startswith("inferfleet-") or component.container.startswith("inferfleet-")


def test_a_folder_of_a_role_that_an_inventory_moves_is_observed_where_it_is():
    observation, data = load_observation(), {folder.variable for c in load_components() for folder in c.data}
    ours = skipped_roles() - {"gpustack"}
    folders = {
        name
        for role in ours
        for name, option in role_options(ROOT).items()
        if name.startswith(f"{role}_") and is_node_folder(option)
    }
    assert folders == {*observation.moved} | data - {""}


def test_every_play_before_the_verification_is_skipped():
    for part in (*PARTS, "release"):
        for play in yaml.safe_load((ROOT / f"playbooks/parts/{part}.yml").read_text()):
            assert play["hosts"].startswith("{{ query('unless_unchanged', "), play["name"]
    assert "unless_unchanged" not in (ROOT / "playbooks/parts/verify.yml").read_text()
