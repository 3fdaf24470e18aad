"""Conventions of roles, playbooks and modules."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferfleet.settings import HostSettings, Settings

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
OWN = {path.stem for folder in ("action", "modules") for path in (ROOT / "plugins" / folder).glob("*.py")}
TASK_FILES = [
    path
    for pattern in ("roles/*/tasks/*.yml", "roles/*/handlers/*.yml", "playbooks/**/*.yml", "site.yml")
    for path in sorted(ROOT.glob(pattern))
]
KEYWORDS = {
    *("any_errors_fatal", "args", "async", "become", "become_user", "changed_when", "check_mode", "delay"),
    *("delegate_facts", "delegate_to", "diff", "environment", "failed_when", "ignore_unreachable", "listen", "loop"),
    *("loop_control", "module_defaults", "name", "no_log", "notify", "poll", "register", "retries", "run_once"),
    *("tags", "throttle", "until", "vars", "when"),
}
PLAY_KEYWORDS = {"hosts", "gather_facts", "roles", "serial", "strategy", "order", "max_fail_percentage"}


@cache
def load(path: Path) -> Any:
    return yaml.load(path.read_text(), yaml.CSafeLoader)


def tasks(items: list[dict[str, Any]] | None) -> Iterator[dict[str, Any]]:
    """Yield every task, including those in blocks and plays."""
    for item in items or []:
        inner = [item[key] for key in ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks") if key in item]
        for part in inner:
            yield from tasks(part)
        if not inner and "roles" not in item:
            yield item


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_roles_playbooks_and_tasks_exist():
    assert {"preflight", "node_baseline", "ray_cluster", "inference_engine", "verify"} <= set(ROLES)
    assert len(PLAYBOOKS) >= 9
    assert len(list(tasks(load(ROOT / "roles/verify/tasks/check_service.yml")))) >= 4


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_agree(role):
    options = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    specified = {name: option["default"] for name, option in options.items() if "default" in option}
    assert load(ROOT / "roles" / role / "defaults/main.yml") == specified
    assert [name for name, option in options.items() if "default" not in option and not option.get("required")] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_has_an_argument_spec(role):
    specs = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]
    sources = [*(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "playbooks").rglob("*.yml"), ROOT / "site.yml"]
    # With a templated role name, all roles with such a file are checked.
    names = {role, *("{{ item }}", "{{ ansible_facts.inferfleet_plan.role }}")}
    if role.endswith("_driver"):
        names.add("{{ ansible_facts.inferfleet_plan.vendor }}_driver")
    entries = {
        entry
        for path in sources
        for task in tasks(load(path))
        for module in ("ansible.builtin.include_role", "ansible.builtin.import_role")
        if module in task and task[module]["name"] in names
        for entry in re.findall(r"\w+", task[module].get("tasks_from", "main").partition("if ")[0])
        if (ROOT / "roles" / role / "tasks" / f"{entry}.yml").is_file()
    }
    assert entries - specs.keys() == set()
    assert [entry for entry in specs if not (ROOT / "roles" / role / "tasks" / f"{entry}.yml").is_file()] == []
    assert [entry for entry, spec in specs.items() if not spec["short_description"]] == []
    options = {name for spec in specs.values() for name in spec["options"]}
    assert options == specs["main"]["options"].keys(), "an entry point has no options but those of main"


@pytest.mark.parametrize("role", ROLES)
def test_variables_of_a_role_have_its_prefix(role):
    folder = ROOT / "roles" / role
    assert [name for name in load(folder / "defaults/main.yml") if not name.startswith(f"{role}_")] == []
    internal = [*load(folder / "vars/main.yml")] if (folder / "vars/main.yml").exists() else []
    for path in sorted(folder.glob("*/*.yml")):
        if path.parent.name in ("tasks", "handlers"):
            internal += [task["register"] for task in tasks(load(path)) if "register" in task]
    # Internal variables start with underscores; results for including roles and playbooks do not.
    assert [name for name in internal if not re.match(rf"(__)?{role}(_|$)", name)] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reads_internal_variables_of_another(role):
    others = "|".join(name for name in ROLES if name != role)
    # Also names built from parts, as in `'__' ~ role`; the longest name first, since one may be the prefix of another.
    foreign = re.compile(rf"__({others})_\w+|'__'|\"__\"|'__\\\\")
    own = re.compile(rf"__{role}_\w+")
    for path in sorted((ROOT / "roles" / role).rglob("*.*")):
        if path.suffix in (".yml", ".j2"):
            assert foreign.findall(own.sub("", path.read_text())) == [], relative(path)


def test_playbooks_read_no_internal_variables_of_roles():
    for path in sorted((ROOT / "playbooks").rglob("*.yml")):
        assert re.findall(rf"__(?:{'|'.join(ROLES)})_\w+", path.read_text()) == [], relative(path)


def test_templates_contain_no_loops_that_set_variables():
    sources = [path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.*") if path.is_file()]
    loops = [relative(path) for path in sources if re.search(r"set _ ?=", path.read_text(errors="replace"))]
    assert loops == []


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described(role):
    spec = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]["main"]
    assert spec["short_description"]
    assert [name for name, option in spec["options"].items() if not option.get("description")] == []
    secret = re.compile(r"(api_key|token|password|secret_key)$")
    assert [n for n, option in spec["options"].items() if secret.search(n) and not option.get("no_log")] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_scenario(role):
    # Its own scenario, or one that runs the role or the playbook of its name. "simulated" in the name of a scenario
    # means that the outputs of tools are recorded.
    own = [ROOT / "molecule" / f"{role}{end}" / "molecule.yml" for end in ("", "_simulated")]
    ways = (f"name: {role}\n", f"/playbooks/{role}.yml\n")
    named = [path for path in ROOT.glob("molecule/*/*.yml") if any(way in path.read_text() for way in ways)]
    assert [*filter(Path.is_file, own), *named]


def test_every_scenario_is_listed_in_the_makefile():
    lists = re.findall(r"^(?:MORE_)?ROLES \?= ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = " ".join(lists)
    there = {path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")} - {"default"}
    assert set(listed.replace("\\", "").split()) == there


def test_default_settings_match_group_vars():
    assert load(ROOT / "group_vars/all/main.yml") == Settings().model_dump()
    assert list(load(ROOT / "group_vars/all/main.yml")) == list(Settings.model_fields)


@pytest.mark.parametrize("path", TASK_FILES, ids=relative)
def test_modules_have_full_names_or_are_our_own(path):
    for task in tasks(load(path)):
        (module,) = task.keys() - KEYWORDS - PLAY_KEYWORDS
        assert module in OWN or module.count(".") >= 2, f"{task['name']}: {module}"


@pytest.mark.parametrize("path", TASK_FILES, ids=relative)
def test_every_task_has_a_name_and_no_ignored_errors(path):
    for task in tasks(load(path)):
        assert task.get("name", "")[:1].isupper(), task
        assert "ignore_errors" not in task
    assert "ignore_errors" not in path.read_text()


@pytest.mark.parametrize("path", TASK_FILES, ids=relative)
def test_tasks_that_ignore_unreachable_hosts_do_not_end_the_run(path):
    """ansible.cfg sets any_errors_fatal, by which Ansible ends a run for such a host, and counts no failure."""
    ignoring = [task for task in tasks(load(path)) if task.get("ignore_unreachable")]
    assert [task["name"] for task in ignoring if task.get("any_errors_fatal") is not False] == []


@pytest.mark.parametrize("path", TASK_FILES, ids=relative)
def test_requests_to_the_cluster_use_no_proxy(path):
    # A node's /etc/environment may select the proxy of the site. Only get_url downloads from elsewhere.
    direct = [
        task["ansible.builtin.uri"].get("use_proxy") for task in tasks(load(path)) if "ansible.builtin.uri" in task
    ]
    assert set(direct) <= {False}


# facts.yml also reads nodes that fail preflight.
NO_PREFLIGHT = {"preflight.yml", "facts.yml"}


@pytest.mark.parametrize("path", [p for p in PLAYBOOKS if p.name not in NO_PREFLIGHT], ids=relative)
def test_every_playbook_starts_with_preflight(path):
    first = load(path)[0]
    if path.stem == "bundle":  # contacts no node, so that only the inventory can be checked
        assert first["tasks"][0]["ansible.builtin.include_role"] == {"name": "preflight", "tasks_from": "inventory"}
    elif path.stem in (
        "clients",
        "drain",
        "events",
        "releases",
        "supervision",
        "usage",
    ):  # whatever state the nodes are in
        assert first["tasks"][0]["ansible.builtin.import_role"] == {"name": "preflight", "tasks_from": "settings"}
    else:
        assert first["ansible.builtin.import_playbook"] == "preflight.yml"


def test_site_only_imports_and_starts_with_preflight():
    imported = [play["ansible.builtin.import_playbook"] for play in load(ROOT / "site.yml")]
    assert imported[0] == "playbooks/preflight.yml"
    assert all((ROOT / name).is_file() for name in imported)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_documentation_of_modules_matches_their_argument_spec(path):
    tree = ast.parse(path.read_text())
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }
    documented = yaml.safe_load(texts["DOCUMENTATION"])
    assert documented["module"] == path.stem
    assert yaml.safe_load(texts["EXAMPLES"])
    assert yaml.safe_load(texts["RETURN"])
    (spec,) = [
        ast.literal_eval(keyword.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "argument_spec"
    ]
    compared = ("type", "required", "default", "choices", "elements")
    assert {name: {key: option[key] for key in compared if key in option} for name, option in spec.items()} == {
        name: {key: option[key] for key in compared if key in option}
        for name, option in documented.get("options", {}).items()
    }


def test_generated_files_are_up_to_date():
    argv = [sys.executable, "-m", "tools.references", "--check"]
    check = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


@pytest.mark.parametrize("model", [Settings, HostSettings])
def test_every_setting_is_described(model):
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_no_open_task_markers():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    sources = [ROOT / name for name in names.split("\0") if Path(name).suffix in {".py", ".yml", ".j2", ".toml", ".sh"}]
    left = [relative(path) for path in sources if path.is_file() and marks.search(path.read_text())]
    assert left == []
