"""Names and options of an added client: what is refused before anything runs."""

from typing import Any

import pytest

from inferfleet.gateway import option_problems

TODAY = "2026-11-28"


@pytest.mark.parametrize(
    ("limits", "option"),
    [
        *(
            ({"expires": text}, "--expires")
            for text in ("31.1.2027", "2027-02-30", "2027-1-31", "20270131", "tomorrow")
        ),
        ({"models": [""]}, "--models"),
        ({"models": ["deepseek r1"]}, "--models"),
        ({"requests_per_minute": -1}, "--requests-per-minute"),
        ({"requests_per_minute": 2**32}, "--requests-per-minute"),
        ({"max_concurrent": 10**20}, "--max-concurrent"),
    ],
)
def test_invalid_value_is_reported_with_its_option(limits: dict[str, Any], option: str) -> None:
    (problem,) = option_problems("app", limits, TODAY)
    (value,) = limits.values()
    shown = value[0] if isinstance(value, list) else value
    assert problem.code == "bad-client-option"
    assert (problem.parameters["option"], problem.parameters["value"]) == (option, repr(shown))


def test_each_invalid_value_is_reported() -> None:
    problems = option_problems("App", {"expires": "never", "max_concurrent": -1}, TODAY)
    assert [problem.code for problem in problems] == ["bad-client-name", "bad-client-option", "bad-client-option"]


@pytest.mark.parametrize(("expires", "codes"), [("2026-11-28", ["expired-client"]), ("2026-11-29", [])])
def test_key_that_would_be_refused_today_is_not_added(expires: str, codes: list[str]) -> None:
    assert [problem.code for problem in option_problems("app", {"expires": expires}, TODAY)] == codes


@pytest.mark.parametrize("name", ["verify", "open-webui"])
def test_client_of_inferfleet_itself_is_refused(name: str) -> None:
    (problem,) = option_problems(name, {}, TODAY)
    assert (problem.code, problem.parameters) == ("internal-client", {"client": name})
