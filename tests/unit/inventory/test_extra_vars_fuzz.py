"""Any value of -e is read or refused: no traceback, no hang, however large, nested or unprintable it is."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inferfleet.inventory.read import read_inventory
from inferfleet.planner.checks import check_inventory
from inferfleet.runner.errors import UsageError
from inferfleet.runner.extra_vars import parse_extra_vars
from inferfleet.settings import Settings

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS | st.sampled_from(["{{ x }}", "{{ 'a' * 100000000 }}", "{% for", "{{ range(9**9) }}", "\x00", "\x1b[2J"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted(Settings.model_fields))
OPTIONS = (
    st.text()
    | st.builds("{}={}".format, NAMES | st.text(), st.text())
    | st.builds("{}={!r}".format, NAMES, SCALARS)
    | st.dictionaries(NAMES, VALUES, min_size=1, max_size=3).map(json.dumps)
)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("inventory") / "hosts.yml"
    path.write_text(yaml.safe_dump({"ray_head": {"hosts": {"n1": {"ansible_host": "10.0.0.1"}}}}))
    return str(path)


def read_and_checked(option: str, hosts: str) -> None:
    try:
        given = [item for item in parse_extra_vars([option], Path("/")) if item.values is not None]
        inventory = read_inventory(hosts, {str(key): value for item in given for key, value in item.values.items()})
    except UsageError as error:
        problems = [error.problem]
    else:
        problems = [*check_inventory(inventory)]
    for problem in problems:
        assert problem.code
        assert len(str(problem)) < 5000, "shortened"


@given(option=OPTIONS)
@example(option="a" * 2_000_000)
@example(option="model=" + "a" * 2_000_000)
@example(option="model: " + "[" * 2_000)
@example(option=json.dumps({"model": "a" * 2_000_000}))
@example(option='{"max_model_len": ' + "9" * 5_000 + "}")
@example(
    option="a: &a [1,1,1,1,1,1,1,1,1]\n"
    + "".join(f"{n}: &{n} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n" for p, n in pairwise("abcdefghi"))
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_option(option, hosts):
    read_and_checked(option, hosts)
