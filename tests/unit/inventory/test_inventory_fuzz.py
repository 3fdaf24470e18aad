"""For any inventory the check returns problems: it never crashes and never shows a secret."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferfleet.messages import Problem
from inferfleet.planner.checks import check_inventory
from inferfleet.settings import SECRETS, Settings

NUMBERS = st.integers() | st.floats()
SCALARS = st.none() | st.booleans() | NUMBERS | st.text() | NUMBERS.map(str)
JSON_LIKE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted(Settings.model_fields))
SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
# Not part of any message, so finding it in one means that the value was shown.
MARK = "Qx7"
SECRET_VALUES = st.recursive(
    st.text().map(lambda text: MARK + text) | st.text().map(lambda text: f"{text} {MARK}"),
    lambda inner: st.lists(inner, min_size=1, max_size=2) | st.dictionaries(st.just(MARK), inner, min_size=1),
    max_leaves=4,
)


def assert_well_formed(problem: Problem, names: set[str]) -> None:
    assert all(isinstance(part, str) and part for part in (problem.code, problem.message, problem.remedy)), problem
    assert problem.code.replace("-", "").isalpha(), problem
    assert any(name in problem.message for name in names), problem
    assert problem.message.endswith("."), problem
    assert problem.remedy.endswith((".", "?")), problem


@given(values=st.dictionaries(KEYS, JSON_LIKE, min_size=1, max_size=4), host=st.sampled_from(["node1", "node2", "all"]))
@SETTINGS
def test_any_value_of_any_key(build, values, host):
    inventory = build(**values) if host == "all" else build(hosts={host: values})
    for problem in check_inventory(inventory):
        # A port conflict names the variable to change, which may be another one.
        assert_well_formed(problem, set(values) | {"_port"})


@given(name=st.text(min_size=1), value=JSON_LIKE)
@SETTINGS
def test_any_name(build, name, value):
    for problem in check_inventory(build(**{f"q{name}": value})):
        assert problem.code == "unknown-key"
        assert name in problem.message


@given(value=JSON_LIKE, port=JSON_LIKE)
@SETTINGS
def test_any_address(build, value, port):
    hosts = {"node1": {"ansible_host": value, "ansible_port": port, "cluster_address": value}}
    for problem in check_inventory(build(hosts=hosts, cluster_network="10.0.0.0/8")):
        assert problem.code in {"bad-value", "address-outside", "duplicate-address"}


@given(name=st.sampled_from(SECRETS), value=SECRET_VALUES, host=st.sampled_from(["node1", "all"]))
@SETTINGS
def test_secrets_are_never_shown(build, name, value, host):
    inventory = build(**{name: value}) if host == "all" else build(hosts={host: {name: value}})
    for problem in check_inventory(inventory):
        assert MARK not in str(problem.as_dict())
