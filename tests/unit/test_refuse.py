"""The action `refuse`: a failed task whose reason is data."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inferfleet.messages import Problem
from inferfleet.runner.messages import plain_message

PLUGIN = Path(__file__).resolve().parents[2] / "plugins/action/refuse.py"
spec = importlib.util.spec_from_file_location("refuse", PLUGIN)
assert spec is not None
assert spec.loader is not None
refuse = importlib.util.module_from_spec(spec)
spec.loader.exec_module(refuse)

TAKEN = Problem(
    "port-taken", "Port {port} of {host} is taken.", "Set {name} to a free port.", port=80, host="n1", name="p"
)


def run(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> dict[str, Any]:
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_: {})
    action = object.__new__(refuse.ActionModule)
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
    assert plain_message(result) == "Port 80 of n1 is taken. Set p to a free port."


def test_several_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Problem("nothing", "Nothing listens.", "")
    result = run(monkeypatch, problems=[TAKEN.as_dict(), other.as_dict()])
    assert [problem["code"] for problem in result["problems"]] == ["port-taken", "nothing"]
    assert result["msg"] == f"{TAKEN}\nNothing listens."
