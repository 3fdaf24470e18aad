"""Two services on the nodes of one: each with its own settings, and a shared web UI."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from lab_cluster import API, INVENTORY, ROOT, SECRETS, WEBUI, Controller, Lab, answers, secrets, trusted

pytestmark = [pytest.mark.lab, pytest.mark.thorough]

OTHER = {"served_model_name": "other-r1", "executor": "mp", "engine_port": 8100}
OTHER_API = "http://198.18.5.12:8100"


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test cluster's inventory, with a service on each node."""
    folder = tmp_path_factory.mktemp("two_models")
    lab = ROOT / INVENTORY
    (folder / "group_vars/all").mkdir(parents=True)
    for file in (lab / "group_vars/all").iterdir():
        (folder / "group_vars/all" / file.name).symlink_to(file.resolve())
    (folder / ".secrets").symlink_to(SECRETS)
    hosts = yaml.safe_load((lab / "hosts.yml").read_text())
    groups = hosts["all"]["children"]
    hosts["all"]["vars"]["x_lab_state"] = str(ROOT / ".lab")
    groups["ray_head"]["hosts"] |= groups.pop("ray_worker")["hosts"]
    groups |= {"service_one": {"hosts": {"node1": {}}}, "service_two": {"hosts": {"node2": {}}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts, sort_keys=False))
    (folder / "group_vars/service_two.yml").write_text(yaml.safe_dump(OTHER))
    return folder


def test_both_services_are_deployed_and_verified(
    deployed: dict[str, Any], inventory: Path, lab: Lab, controller: Controller
) -> None:
    up = controller.inferfleet("up", inventory=inventory)
    assert up.rc == 0, up
    services = up.document["result"]["services"]
    assert {name: (own["model"], own["endpoints"][0]["url"]) for name, own in services.items()} == {
        "one": ("tiny-r1", f"{API}/v1"),
        "two": ("other-r1", f"{OTHER_API}/v1"),
    }
    assert [item for own in services.values() for item in own["verification"] if not item["ok"]] == []
    assert [lab.containers(node) for node in lab.names] == [
        ["inferfleet-engine", "inferfleet-ray", "inferfleet-webui"],
        ["inferfleet-engine"],
    ]


def test_both_services_answer(deployed: dict[str, Any], inventory: Path) -> None:
    assert answers()
    assert answers(api=OTHER_API, model="other-r1")


def test_web_ui_lists_both_models(deployed: dict[str, Any], inventory: Path) -> None:
    account = {"email": "admin@example.com", "password": secrets()["webui_admin_password"]}
    token = httpx.post(f"{WEBUI}/api/v1/auths/signin", json=account, timeout=30, verify=trusted()).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    models = httpx.get(f"{WEBUI}/api/models", headers=bearer, timeout=30, verify=trusted()).json()["data"]
    assert {model["id"] for model in models} == {"tiny-r1", "other-r1"}


def test_second_run_changes_nothing(deployed: dict[str, Any], inventory: Path, controller: Controller) -> None:
    again = controller.inferfleet("up", "--assert-no-change", inventory=inventory)
    assert again.rc == 0, again


def test_status_reports_the_broken_service(
    deployed: dict[str, Any], inventory: Path, lab: Lab, controller: Controller
) -> None:
    lab.ssh("node2", "docker stop inferfleet-engine")
    status = controller.inferfleet("status", inventory=inventory)
    assert status.rc == 2, status
    checks = {name: own["verification"] for name, own in status.document["result"]["services"].items()}
    assert [item for item in checks["one"] if not item["ok"]] == []
    assert "engine" in [item["name"]["code"] for item in checks["two"] if not item["ok"]]


def test_doctor_reports_the_service_of_a_finding(
    deployed: dict[str, Any], inventory: Path, controller: Controller
) -> None:
    found = controller.inferfleet("doctor", inventory=inventory).document["result"]["doctor"]["findings"]
    errors = {(item["id"], item["service"]) for item in found if item["now"] and item["severity"] == "error"}
    assert ("engine-not-running", "two") in errors
    assert {service for _, service in errors} == {"two"}


def test_one_service_is_repaired_without_changing_the_other(
    deployed: dict[str, Any], inventory: Path, lab: Lab, controller: Controller
) -> None:
    started = lab.ssh("node1", "docker inspect -f '{{.State.StartedAt}}' inferfleet-engine")
    up = controller.inferfleet("up", "--limit", "service_two", inventory=inventory)
    assert up.rc == 0, up
    assert set(up.document["result"]["services"]) == {"two"}
    assert {item["host"] for item in up.document["changed_tasks"]} == {"node2"}
    assert lab.ssh("node1", "docker inspect -f '{{.State.StartedAt}}' inferfleet-engine") == started
    assert answers(api=OTHER_API, model="other-r1")
