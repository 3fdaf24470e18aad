"""Every command in README, CONTRIBUTING and docs is accepted by the argument parser of its program."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from ansible.cli.playbook import PlaybookCLI
from tests.doc_commands import PAGES, ROOT, commands, settings, split

from inferfleet.cli.app import make_app
from inferfleet.inventory.options import role_options
from inferfleet.runner.extra_vars import parse_extra_vars
from inferfleet.settings import HostSettings, Settings

SETTINGS_PAGES = [page for page in PAGES if page.name != "CONTRIBUTING.md"]  # whose YAML are files of the catalog
PLACEHOLDERS = {"N": "1", "en|zh": "en"}


@cache
def application() -> Any:
    return typer.main.get_command(make_app())


def refused(words: tuple[str, ...], *, block: bool = True) -> str:
    """Return why the parser refuses a command; empty if it does not."""
    try:
        variables = inferfleet(words[1:], block=block) if words[0] == "inferfleet" else playbook(words[1:])
        return "; ".join(filter(None, map(unknown_variable, variables)))
    except Exception as error:
        return f"{type(error).__name__}: {getattr(error, 'message', None) or error}"
    except SystemExit as error:
        return "" if error.code == 0 else f"exit code {error.code}"


def inferfleet(words: tuple[str, ...], *, block: bool) -> list[str]:
    """Parse a command as `inferfleet` does, and return its `-e` options."""
    command, rest = application(), [PLACEHOLDERS.get(word, word) for word in words]
    context = command.make_context("inferfleet", [], resilient_parsing=True)
    while hasattr(command, "commands"):
        rest = [word for word in rest if word not in ("--help", "-h", "--version")]
        if not rest or rest[0] == "--lang":
            return []
        name, found, rest = command.resolve_command(context, rest)
        context = found.make_context(name, [], parent=context, resilient_parsing=True)
        command = found
    try:
        parsed = command.make_context(command.name, rest, parent=context.parent)
    except Exception as error:
        if type(error).__name__ == "MissingParameter" and not block:
            return []  # a sentence names the command only
        raise
    return list(parsed.params.get("extra_vars") or [])


def playbook(words: tuple[str, ...]) -> list[str]:
    """Parse a command as ansible-playbook does, and return its `-e` options."""
    cli = PlaybookCLI(["ansible-playbook", *words])
    cli.init_parser()
    options = cli.parser.parse_args(list(words))
    for name in options.args:
        if not (ROOT / name).is_file():
            raise FileNotFoundError(name)
    return list(options.extra_vars or [])


@cache
def known_variables() -> frozenset[str]:
    specs = [*ROOT.glob("roles/*/meta/argument_specs.yml")]
    every = {
        name
        for path in specs
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values()
        for name in entry.get("options", {})
    }
    return frozenset({*Settings.model_fields, *HostSettings.model_fields, *role_options(ROOT), *every})


def unknown_variable(option: str) -> str:
    """Return which variable of an `-e` option is neither a setting nor one of a role, or has a wrong value."""
    if option.startswith("@") or option in ("KEY=VALUE", "VARIABLE=VALUE") or option.endswith("=…"):
        return ""
    [parsed] = parse_extra_vars([option], ROOT)
    values = {
        name: yaml.safe_load(text) if isinstance(text, str) else text for name, text in (parsed.values or {}).items()
    }
    return unfit(values)


def unfit(values: Mapping[str, Any]) -> str:
    """Return which variable is unknown; raises ValidationError for a wrong value of a setting."""
    for name, value in values.items():
        if name.startswith("ansible_"):
            continue
        if name not in known_variables():
            return f"unknown variable {name}"
        if name in Settings.model_fields:
            Settings.model_validate({name: value})
    return ""


@pytest.fixture(autouse=True)
def inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence names a command without its inventory."""
    monkeypatch.setenv("INFERFLEET_INVENTORY", "cluster")
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_parsers_accept_the_commands_of_a_page(page: Path):
    problems = {str(shown): refused(shown.words, block=shown.block) for shown in commands(page)}
    assert {command: reason for command, reason in problems.items() if reason} == {}


@pytest.mark.parametrize("page", SETTINGS_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_of_a_page_exist(page: Path):
    assert [unfit(values) for values in settings(page) if unfit(values)] == []


def test_pages_show_settings():
    assert sum(len(settings(page)) for page in SETTINGS_PAGES) > 10


def test_pages_show_commands():
    blocks = [shown for page in PAGES for shown in commands(page) if shown.block]
    assert len(blocks) > 100
    verbs = {shown.words[1] for shown in blocks if shown.words[0] == "inferfleet"}
    assert {"up", "plan", "check", "estimate", "status", "doctor", "upgrade", "weights"} <= verbs


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("inferfleet depoy -i x", "No such command"),
        ("inferfleet up -i x --asert-no-change", "No such option"),
        ("inferfleet up -i x -e max_modle_len=1", "unknown variable max_modle_len"),
        ("inferfleet up -i x -e max_model_len=long", "max_model_len"),
        ("inferfleet up -i", "-i"),
        ("sudo inferfleet weights fetch -i x | jq .", "No such command"),
        ("ansible-playbook playbooks/none.yml -i x", "playbooks/none.yml"),
        ("ansible-playbook site.yml --become-always", "exit code 2"),
    ],
)
def test_wrong_commands_are_refused(line: str, reason: str):
    [words] = split(line)
    assert reason in refused(words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("$ X=1 .venv/bin/inferfleet up -i a   # a comment", [("inferfleet", "up", "-i", "a")]),
        ("pip install . && inferfleet plan -i a | less", [("inferfleet", "plan", "-i", "a")]),
        ("inferfleet plan -i a [--facts F]", [("inferfleet", "plan", "-i", "a", "--facts", "F")]),
        ("inferfleet up -i … --check", [("inferfleet", "up")]),
        ("inferfleet-supervisor status", []),
        ("a sentence on inferfleet, no command", []),
    ],
)
def test_commands_of_a_line(line: str, words: list[tuple[str, ...]]):
    assert list(split(line)) == words
