"""Problems and messages: templates with parameters, in both languages."""

import json

import pytest

from inferfleet.messages import Message, Problem, current_language, language_from, use_language


@pytest.fixture
def chinese():
    use_language("zh")
    yield
    use_language("en")


def test_a_problem_renders_its_templates():
    problem = Problem(
        "port-taken", "Port {port} is taken on {hosts}.", "Set {name}.", port=1, hosts=["a", "b"], name="x"
    )
    assert str(problem) == "Port 1 is taken on a, b. Set x."


def test_without_parameters_braces_are_literal():
    assert Problem("c", "a {b}", "d {e}").message == "a {b}"


def test_parameters_may_be_messages():
    inner = Message("inner", "{n} of {m}", n=1, m=2)
    assert Message("outer", "have {part}", part=[inner, "x"]).render("en") == "have 1 of 2, x"
    assert Message("outer", "have {part}", part=[inner, "x"]).render("zh") == "have 1 of 2、x"


@pytest.mark.parametrize("kind", [Message("a", "x {b}", b=[Message("c", "{d}", d=1.5), None, True])])
def test_json_form_round_trip(kind):
    assert Message.from_dict(json.loads(json.dumps(kind.as_dict()))).render("en") == kind.render("en")
    problem = Problem("p", "x {b}", "y {c}", b=kind, c=[1]).of("Service {service}: {problem}", service="s")
    again = Problem.from_dict(json.loads(json.dumps(problem.as_dict())))
    assert str(again) == str(problem)
    assert again.as_dict() == problem.as_dict()


def test_the_json_form_is_english(chinese):
    assert current_language() == "zh"
    assert Problem("p", "x {b}", "y", b=1).as_dict()["message"] == "x 1"


@pytest.mark.parametrize(
    ("option", "environment", "language"),
    [
        ("", {}, "en"),
        ("zh", {"INFERFLEET_LANG": "en"}, "zh"),
        ("en", {"INFERFLEET_LANG": "zh"}, "en"),
        ("", {"INFERFLEET_LANG": "zh_CN"}, "zh"),
        ("", {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("", {"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ("", {"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language_of_the_process(option, environment, language):
    assert language_from(option, environment) == language
