"""The action `fail_with_problem`, which fails with problems as data."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tools.translations import tasks_of

from inferfleet.messages import Problem
from inferfleet.runner.messages import plain_message

PLUGIN = Path(__file__).resolve().parents[2] / "plugins/action/fail_with_problem.py"
spec = importlib.util.spec_from_file_location("fail_with_problem", PLUGIN)
assert spec is not None
assert spec.loader is not None
fail_with_problem = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fail_with_problem)

TAKEN = Problem(
    "port-taken", "Port {port} of {host} is taken.", "Set {name} to a free port.", port=80, host="n1", name="p"
)


def run(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> dict[str, Any]:
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_: {})
    action = object.__new__(fail_with_problem.ActionModule)
    action._task = SimpleNamespace(args=arguments)
    return action.run(None, {})


def test_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(
        monkeypatch,
        code=TAKEN.code,
        message=TAKEN.template,
        remedy=TAKEN.remedy_template,
        parameters={"port": 80, "host": "n1", "name": "p"},
    )
    assert result == {"failed": True, "msg": str(TAKEN), "problems": [TAKEN.as_dict()]}
    assert str(plain_message(result)) == "Port 80 of n1 is taken. Set p to a free port."


def test_several_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Problem("nothing", "Nothing listens.", "")
    result = run(monkeypatch, problems=[TAKEN.as_dict(), other.as_dict()])
    assert [problem["code"] for problem in result["problems"]] == ["port-taken", "nothing"]
    assert result["msg"] == f"{TAKEN}\nNothing listens."


def failing_tasks() -> Iterator[tuple[str, dict[str, Any]]]:
    root = PLUGIN.parents[2]
    for file in sorted([*root.glob("roles/*/tasks/**/*.yml"), *root.glob("playbooks/*.yml")]):
        for task in tasks_of(yaml.safe_load(file.read_text("utf-8"))):
            if "fail_with_problem" in task:
                yield str(file.relative_to(root)), task["fail_with_problem"]


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_every_failing_task_has_its_parameters() -> None:
    wrong = []
    for file, arguments in failing_tasks():
        if "problems" in arguments:
            continue
        texts = arguments["message"] + arguments.get("remedy", "")
        named = fields(texts) if "{{" not in texts else {"{{"}
        if named != set(arguments.get("parameters", {})):
            wrong.append(f"{file}: {arguments['code']}")
    assert wrong == []
    assert len(list(failing_tasks())) > 20
