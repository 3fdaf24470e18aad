"""The package, installed into a fresh virtual environment, works in an empty folder."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Return the function that runs a command of the installed package in an empty folder."""
    folder = tmp_path_factory.mktemp("installed")
    python = folder / "venv" / "bin" / "python"
    wheels = folder / "wheels"
    for argv in (
        [UV, "venv", folder / "venv", "--python", sys.executable],
        [UV, "build", "--out-dir", wheels, ROOT],  # the source distribution, and the wheel from it
    ):
        subprocess.run(argv, check=True, capture_output=True, cwd=folder)
    [wheel] = wheels.glob("*.whl")
    constraints = ["--constraint", ROOT / "requirements" / "dev.lock"]
    subprocess.run([UV, "pip", "install", "--python", python, *constraints, wheel], check=True, capture_output=True)
    (folder / "empty").mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "INFERFLEET_"))}
    env |= {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}

    def call(*arguments, code=0):
        argv = [python.parent / arguments[0] if arguments[0] != "env" else "env", *arguments[1:]]
        done = subprocess.run(argv, cwd=folder / "empty", env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    call.folder = folder
    return call


def test_an_example_is_planned(command):
    assert "hosts.yml" in command("inferfleet", "init", "a800", "--like", "a800")
    plan = json.loads(command("inferfleet", "plan", "-i", "a800", "--json"))
    assert (plan["tensor_parallel_size"], plan["pipeline_parallel_size"]) == (8, 4)
    assert "规划可行" in command("inferfleet", "--lang", "zh", "plan", "-i", "a800")


def test_memory_is_estimated(command):
    assert "The model fits." in command(
        "inferfleet", "estimate", "--model", "deepseek-r1", "--accelerator", "H200-141G"
    )


def test_a_node_is_checked(command):
    folder = command.folder / "empty" / "here"
    command("inferfleet", "init", "here", "--like", "h20")
    here = {"ansible_connection": "local", "ansible_host": "127.0.0.1", "ansible_python_interpreter": sys.executable}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"ray_head": {"hosts": {"n1": here}}}))
    (folder / "group_vars" / "all" / "10_cluster.yml").write_text("model: tiny-r1\naccelerator: cpu\nexecutor: mp\n")
    found = json.loads(command("inferfleet", "check", "-i", "here", "--json", code=3))
    assert found["facts"]["n1"]["inferfleet_node"]["python"]["executable"] == sys.executable
    assert [problem["code"] for problem in found["problems"]] == ["interface-missing"]  # loopback is not reported
    assert (command.folder / "home/.local/state/inferfleet/runs").is_dir()


def test_the_package_contains_every_plugin_and_role(command):
    [wheel] = (command.folder / "wheels").glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = [
        path for tree in ("plugins", "roles", "playbooks") for path in (ROOT / tree).rglob("*.*") if path.is_file()
    ]
    names = {path.relative_to(ROOT) for path in files}
    omitted = {name for name in names if any(part in ("stubs", "__pycache__") or part[0] == "." for part in name.parts)}
    assert {f"inferfleet/deployment/{name}" for name in names - omitted} - packed == set()


def test_the_playbooks_are_valid(command):
    code = "from inferfleet.runner.checkout import PACKAGED; print(PACKAGED)"
    root = Path(command("python", "-c", code).strip())
    assert root.is_relative_to(command.folder)
    for book in ("site.yml", "playbooks/bundle.yml", "playbooks/reset.yml"):
        command("env", f"ANSIBLE_CONFIG={root}/ansible.cfg", "ansible-playbook", "--syntax-check", root / book)


def test_a_bundle_contains_a_wheel_of_the_installed_package(command, tmp_path):
    code = (
        "import sys; from pathlib import Path; from inferfleet.bundle.source import source_tree;"
        "from inferfleet.runner.checkout import PACKAGED; print(source_tree(PACKAGED, Path(sys.argv[1])))"
    )
    source = command("python", "-c", code, str(tmp_path / "source")).strip()
    subprocess.run([UV, "build", "--wheel", "--out-dir", tmp_path, source], check=True, capture_output=True)
    [again] = tmp_path.glob("*.whl")
    [original] = (command.folder / "wheels").glob("*.whl")
    assert _files(again) == _files(original)


def _files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())
