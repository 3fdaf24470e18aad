"""Component files: validation and deployment order."""

import pytest

from inferfleet.catalog import CatalogError, UnknownNameError
from inferfleet.components import GROUPS, load_component, load_components
from inferfleet.components.loader import load_folders
from inferfleet.settings import Settings
from inferfleet.settings.model import SECRETS

GOOD = "title: A\ngroups: [g]\nimage: a:1\ncontainer: a\nports: [{number: 1, reached_by: [nodes]}]\nhealth: {path: /}\n"


def test_components_are_in_deployment_order():
    names = [component.name for component in load_components()]
    assert names.index("ray") < names.index("engine") < names.index("webui")
    assert set(GROUPS) >= {"ray_head", "ray_worker", "webui"}


@pytest.mark.parametrize("component", load_components(), ids=lambda component: component.name)
def test_settings_and_secrets_exist(component):
    names = {port.setting for port in component.ports if port.setting} | component.only.keys()
    assert names <= Settings.model_fields.keys()
    assert set(component.secrets) <= set(SECRETS)


def test_every_secret_belongs_to_a_component():
    assert sorted(secret for component in load_components() for secret in component.secrets) == sorted(SECRETS)


def test_names_and_paths_are_unique():
    owned = [(c.container or c.unit, *c.files.values(), *(data.path for data in c.data)) for c in load_components()]
    names = [name for group in owned for name in group]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("container: a", "container: ''"), "a component has either a container or a unit"),
        (("image: a:1", "image: ''"), "a container has image or plan_image"),
        (("health: {path: /}", "health: {}"), "a check over HTTP needs health.path and a port"),
        (("health: {path: /}", "health: {status: rules}"), "a check of rules needs health.table"),
        (("health: {path: /}", "health: {path: /, table: a}"), "a check of rules needs health.table"),
        (("number: 1", "number: 1, groups: [h]"), "h of a port is not one of its groups"),
        (("number: 1", "number: 70000"), "key ports.0.number.constrained-int: it is more than 65535"),
        (("number: 1", "protocol: tcp"), "a port needs a setting or a number"),
        (("reached_by: [nodes]", "reached_by: [world]"), "key ports.0.reached_by.0"),
        (("title: A", "titel: A"), "key title: it is missing"),
        (("title: A", "title: [A"), "cannot be parsed"),
        (("title: A", "title: A\nafter: [b]"), "after names component b, which has no file"),
        (("title: A", "title: A\nfronts: [b]"), "fronts names component b, which has no file"),
        (("title: A", "title: A\nafter: [a]"), "after forms a cycle"),
    ],
)
def test_invalid_file_is_refused_with_reason(tmp_path, change, reason):
    (tmp_path / "a.yml").write_text(GOOD)
    assert [component.name for component in load_components(tmp_path)] == ["a"]
    load_folders.cache_clear()
    (tmp_path / "a.yml").write_text(GOOD.replace(*change))
    with pytest.raises(CatalogError, match=reason.replace(".", "[.]")):
        load_components(tmp_path)
    load_folders.cache_clear()


def test_component_of_every_group(tmp_path):
    (tmp_path / "a.yml").write_text(GOOD.replace("[g]", "['*']"))
    (tmp_path / "b.yml").write_text(GOOD.replace("[g]", "[h, i]").replace("container: a", "container: b"))
    load_folders.cache_clear()
    first, second = load_components(tmp_path)
    assert first.groups == second.groups == ("h", "i")
    load_folders.cache_clear()


def test_unknown_component_is_refused():
    with pytest.raises(UnknownNameError) as refused:
        load_component("database")
    assert refused.value.problem.parameters == {
        "key": "component_service_name",
        "value": "'database'",
        "names": [
            *("alert_forwarder", "alertmanager", "completion_check", "dcgm_exporter", "engine", "firewall", "gateway"),
            *("node_exporter", "prometheus", "ray", "supervisor", "usage", "virtual_address", "webui"),
        ],
    }
