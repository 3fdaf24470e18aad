"""node_facts on this machine."""

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
)
# A process that writes a title of its own over its environment, as Ray's agents do.
RETITLED = (
    "import os, subprocess, sys;"
    f"sys.exit(subprocess.run([sys.executable, '-c', {LISTEN!r}], env={{'PATH': os.environ['PATH']}}).returncode)"
)


@pytest.fixture(scope="module")
def node_facts(load):
    return load("node_facts")


@pytest.fixture
def listener():
    processes = []

    def start(code=LISTEN, **env):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **env},
        )
        processes.append(process)
        return process.stdout.readline().strip().decode()

    yield start
    for process in processes:
        process.communicate(b"\n")


def test_port_of_another_program(node_facts, listener):
    port = listener()
    assert node_facts.listening()[port].startswith("python")


def test_port_of_inferfleet(node_facts, listener):
    port = listener(INFERFLEET_COMPONENT="ray_cluster")
    assert node_facts.listening()[port] == "inferfleet"


def test_port_of_a_child_process(node_facts, listener):
    port = listener(RETITLED, INFERFLEET_COMPONENT="ray_cluster")
    assert node_facts.listening()[port] == "inferfleet"


def test_unused_port_is_not_listed(node_facts):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    assert port not in node_facts.listening()


def test_ipv6_port_is_listed(node_facts):
    if not Path("/proc/net/tcp6").exists():
        pytest.skip("this machine has no IPv6")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert str(server.getsockname()[1]) in node_facts.listening()


def test_sockets_of_a_process_that_ended(node_facts):
    process = subprocess.Popen(["true"])
    process.wait()
    with pytest.raises(OSError, match=str(process.pid)):
        node_facts.sockets(str(process.pid))


def test_disk_of_a_missing_path_is_its_parents(node_facts, tmp_path):
    there, missing = node_facts.disk(str(tmp_path)), node_facts.disk(str(tmp_path / "a" / "b"))
    assert missing["device"] == there["device"] == tmp_path.stat().st_dev
    assert 0 < there["free_bytes"] < there["total_bytes"]


def test_present_sums_every_repository(node_facts, tmp_path):
    for name, size in {"org/one/a": 3, "org/one/sub/b": 4, "org/two/c": 5, "stray": 9, "org/file": 9}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    assert node_facts.present(str(tmp_path)) == {"org/one": 7, "org/two": 5}


def test_present_includes_staged_files(node_facts, tmp_path):
    complete, staged = tmp_path / "org/one", tmp_path / "org/.one.inferfleet-staging"
    for folder in (complete, staged):
        folder.mkdir(parents=True)
    (complete / "a").write_bytes(b"x" * 3)
    (staged / "a").hardlink_to(complete / "a")
    with (staged / "b").open("wb") as file:
        file.write(b"x" * 8192)
        file.truncate(10**9)
    assert 8192 <= node_facts.present(str(tmp_path))["org/one"] < 100_000


@pytest.mark.parametrize("tree", [None, "/nonexistent"])
def test_present_without_a_tree(node_facts, tree):
    assert node_facts.present(tree) == {}


def test_distribution_of_this_machine(node_facts):
    script = '. /etc/os-release; echo "$ID|$ID_LIKE|$VERSION_ID"'
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    found = node_facts.distribution()
    assert f"{found['id']}|{found['id_like']}|{found['version_id']}" == output.strip().lower()


def test_memory_of_this_machine(node_facts):
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    assert abs(node_facts.memory_bytes() - int(line.split()[1]) * 1024) < 2**20


def test_all_facts(run_module, tmp_path):
    result = run_module("node_facts", paths=[str(tmp_path)], tree=str(tmp_path))
    facts = result["ansible_facts"]["inferfleet_node"]
    assert result["changed"] is False
    assert facts["disk"].keys() == {str(tmp_path)}
    assert facts["cpu_count"] == os.cpu_count()
    assert all(set(link) == {"name", "mtu", "up", "addresses", "prefixes"} for link in facts["interfaces"])
    assert "lo" not in [link["name"] for link in facts["interfaces"]]
    assert facts["runnable"] == dict.fromkeys(("apt", "pip", "docker"), True)
    assert facts["shm_bytes"] > 0
    assert facts["python"] == {"version": platform.python_version(), "executable": sys.executable}


def test_modules_run_in_check_mode_if_their_requirements_are_installed(node_facts, monkeypatch):
    monkeypatch.setattr(node_facts.importlib.util, "find_spec", lambda name: name == "apt" or None)
    assert node_facts.runnable(check_mode=True) == {"apt": True, "pip": False, "docker": False}
    assert node_facts.runnable(check_mode=False) == {"apt": True, "pip": True, "docker": True}


def test_missing_ip_is_reported_with_its_package(run_module, tmp_path):
    (tmp_path / "ip").write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 1\n")
    (tmp_path / "ip").chmod(0o755)
    result = run_module("node_facts", env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert result["msg"] == "`ip -json address show` failed: no such thing. Install iproute2 on the node."


def test_clock_is_read_and_not_set(node_facts):
    assert node_facts.clock_synchronized() in (True, False)


def test_packages_of_environments(node_facts, tmp_path):
    (tmp_path / "weights/bin").mkdir(parents=True)
    (tmp_path / "weights/bin/python").touch()
    (tmp_path / "weights/lib/python3.11/site-packages/huggingface_hub-2.4.0.dist-info").mkdir(parents=True)
    (tmp_path / "broken/bin").mkdir(parents=True)
    (tmp_path / "broken/bin/python").symlink_to(tmp_path / "missing")
    assert node_facts.environments(str(tmp_path)) == {f"{tmp_path}/weights": ["huggingface-hub==2.4.0"]}


def test_port_that_the_kernel_assigns_is_ephemeral(node_facts):
    first, last = node_facts.ephemeral_ports()
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert first <= server.getsockname()[1] <= last
