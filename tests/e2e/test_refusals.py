"""Deployments that the node facts rule out are refused before anything is changed."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lab_cluster import INVENTORY, ROOT, TOOLS, Controller, Finished

pytestmark = pytest.mark.lab

PORT = 18000
STATE = (
    "find /etc/hosts /etc/inferfleet /etc/docker /etc/sysctl.d /opt/inferfleet /var/lib/inferfleet /data/models"
    " -printf '%p %s %T@\\n' 2>/dev/null | sort;"
    " docker ps --all --no-trunc --format '{{.ID}} {{.State}}' 2>/dev/null | sort"
)


def on(node: str, command: str) -> str:
    argv = ["ssh", "-F", ROOT / ".lab/ssh_config", node, command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module", autouse=True)
def nodes(request: pytest.FixtureRequest, controller: Controller) -> None:
    """The existing test cluster, or a new one."""
    ping = controller.run([TOOLS / "ansible", "all", "-i", INVENTORY, "-m", "ansible.builtin.ping"])
    if ping.rc != 0:
        request.getfixturevalue("lab")


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Assert that the nodes did not change."""
    before = [on(node, STATE) for node in ("node1", "node2")]
    yield
    assert [on(node, STATE) for node in ("node1", "node2")] == before


@pytest.fixture
def port_in_use() -> Iterator[None]:
    """Another program on a port of node1."""
    pid = on("node1", f"python3 -m http.server {PORT} >/dev/null 2>&1 </dev/null & echo $!").strip()
    address = yaml.safe_load((ROOT / INVENTORY / "hosts.yml").read_text())
    address = address["all"]["children"]["ray_head"]["hosts"]["node1"]["ansible_host"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection((address, PORT), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield
    on("node1", f"kill {pid}")


def refusals(done: Finished) -> list[str]:
    return [f"{problem['message']} {problem['remedy']}" for problem in done.document["problems"]]


def test_port_in_use(controller: Controller, unchanged: None, port_in_use: None) -> None:
    done = controller.inferfleet("up", "-e", f"engine_port={PORT}")
    assert refusals(done) == [
        f"Port {PORT} of engine_port is in use on node1 by python3."
        " Stop that program, or set engine_port to a free port."
    ], done
    assert (done.rc, done.document["outcome"], done.document["changed_tasks"]) == (3, "requirements_not_met", []), done


def test_disk_too_small(controller: Controller, unchanged: None) -> None:
    done = controller.inferfleet("up", "-e", "model=deepseek-r1")  # in BF16: a CPU computes no FP8
    for node in ("node1", "node2"):
        line = re.compile(
            rf"Host {node} has [\d.]+ GiB free, but needs ([\d.]+ GiB for images in /data/docker and )?1275\.0 GiB"
            r" for the weights in /data/models\. Free [\d.]+ GiB there, or point model_root or container_data_root to a"
            r" larger disk\."
        )
        assert any(line.fullmatch(refusal) for refusal in refusals(done)), done
    assert (done.rc, done.document["outcome"], done.document["changed_tasks"]) == (3, "requirements_not_met", []), done


def test_unreachable_node(controller: Controller, unchanged: None, tmp_path: Path) -> None:
    inventory = yaml.safe_load((ROOT / INVENTORY / "hosts.yml").read_text())
    inventory["all"]["vars"]["x_lab_state"] = str(ROOT / ".lab")
    node = inventory["all"]["children"]["ray_worker"]["hosts"]["node2"]
    node["ansible_host"] = wrong = f"{node['ansible_host'].rpartition('.')[0]}.250"
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "group_vars").symlink_to(ROOT / INVENTORY / "group_vars")
    done = controller.inferfleet("up", "-i", str(tmp_path))
    (refusal,) = refusals(done)
    assert re.fullmatch(
        rf"Host node2 is unreachable at {wrong}:22 as root: connect to host {wrong} port 22: [\w ]+\."
        r" Check ansible_host, ansible_user and the SSH key in hosts\.yml; `ssh -p 22 -i \S+/ssh/id_ed25519"
        rf" -o 'UserKnownHostsFile=\"[^\"]+\"' root@{wrong}` must work\.",
        refusal,
    ), done
    assert (done.rc, done.document["outcome"], done.document["changed_tasks"]) == (4, "unreachable", []), done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["group_vars", "hosts.yml"]
