"""Inventories of every kind are read as Ansible reads them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.unit.inventory.parameters import codes

from inferfleet.inventory.read import read_inventory, read_variables
from inferfleet.runner.errors import UsageError

ROOT = Path(__file__).parents[3]
DEFAULTS = yaml.safe_load((ROOT / "group_vars/all/main.yml").read_text())
ONE = {"all": {"children": {"ray_head": {"hosts": {"n1": None}}}}}


def written(folder, hosts, **group_vars):
    (folder / "group_vars").mkdir()
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    for name, values in group_vars.items():
        (folder / "group_vars" / f"{name}.yml").write_text(yaml.safe_dump(values))
    return str(folder)


def test_precedence(tmp_path):
    hosts = {
        "all": {
            "vars": {"model": "a", "dtype": "half", "executor": "ray"},
            "children": {
                "gpu": {
                    "vars": {"model": "b", "max_model_len": 1},
                    "children": {
                        "ray_head": {"hosts": {"n1": {"max_num_seqs": 3}}, "vars": {"max_model_len": 2}},
                        "ray_worker": {"hosts": {"n[02:11]": None}},
                    },
                }
            },
        }
    }
    path = written(
        tmp_path, hosts, all={"model": "c", "dtype": "bfloat16"}, gpu={"dtype": "auto"}, ray_head={"engine": "x"}
    )
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "n1.yml").write_text("max_num_seqs: 9\n")
    read = read_inventory(path, {"executor": "mp"})
    expected = {"model": "b", "dtype": "auto", "executor": "mp", "max_model_len": 2, "max_num_seqs": 9, "engine": "x"}
    found = read.variables["n1"]
    assert {name: found[name] for name in expected} == expected
    assert {name: value for name, value in found.items() if name not in expected} == {
        name: value for name, value in DEFAULTS.items() if name not in expected
    }
    assert read.groups["ray_worker"] == [f"n{number:02}" for number in range(2, 12)]


@pytest.mark.parametrize("name", ["report.html", "README.md", "hosts.yml.orig", "hosts.yml~"])
def test_file_without_hosts_in_the_folder_is_ignored(tmp_path, name):
    path = written(tmp_path, ONE)
    (tmp_path / name).write_text("html[lang=en] { color: red }\n")
    read = read_inventory(path, {})
    assert (list(read.hosts), read.sources.problems) == (["n1"], ())
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-inventory"), "-i", path, "--list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["ray_head"]["hosts"] == ["n1"]
    assert "WARNING" not in done.stderr


def test_defaults_of_a_later_source_do_not_override_an_earlier_one(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = written(tmp_path / "first", ONE, all={"accelerator": "cpu", "ray_port": 1})
    second = written(tmp_path / "second", {"gateway": {"hosts": {"n1": None}}}, all={"ray_port": 2})
    argv = [Path(sys.executable).parent / "ansible-inventory", f"-i{first}", f"-i{second}", "--host", "n1"]
    shown = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=True)
    found = json.loads(shown.stdout)
    expected = {**DEFAULTS, "accelerator": "cpu", "ray_port": 2}
    assert {name: found[name] for name in DEFAULTS} == expected


def test_file_for_all_overrides_the_inventory_file_and_both_override_defaults(tmp_path):
    hosts = {"all": {"vars": {"ray_port": 1, "webui_port": 2}, "children": {"ray_head": {"hosts": {"n1": None}}}}}
    found = read_inventory(written(tmp_path, hosts, all={"ray_port": 3})).variables["n1"]
    assert (found["ray_port"], found["webui_port"]) == (3, 2)


def test_expressions(tmp_path):
    hosts = {"all": {"children": {"ray_head": {"hosts": {"n1": {"x_size": 4096}}}}}}
    path = written(tmp_path, hosts, all={"max_model_len": "{{ x_size * 2 }}", "model": "{{ x_none }}"})
    read = read_inventory(path, {"max_num_seqs": "{{ x_size // 64 }}"})
    assert (read.variables["n1"]["max_model_len"], read.variables["n1"]["max_num_seqs"]) == (8192, 64)
    assert "x_none" in read.unresolved["n1"]["model"]


def test_ini(tmp_path):
    (tmp_path / "hosts.ini").write_text("[ray_head]\nn1 ansible_host=10.0.0.1 model=deepseek-r1\n")
    read = read_inventory(str(tmp_path / "hosts.ini"))
    assert read.variables["n1"] == {**DEFAULTS, "ansible_host": "10.0.0.1", "model": "deepseek-r1"}


def test_a_constructed_plugin(tmp_path):
    path = written(tmp_path, {"all": {"hosts": {"gpu01": {"x_place": "rack1"}, "gpu02": None}}})
    (tmp_path / "zz.constructed.yml").write_text(
        yaml.safe_dump(
            {
                "plugin": "ansible.builtin.constructed",
                "groups": {"ray_head": "inventory_hostname == 'gpu01'", "ray_worker": "x_place is not defined"},
                "compose": {"cluster_address": "'10.0.0.1'"},
            }
        )
    )
    read = read_inventory(path)
    assert (read.groups["ray_head"], read.groups["ray_worker"]) == (["gpu01"], ["gpu02"])
    assert read.variables["gpu01"]["cluster_address"] == "10.0.0.1"


def test_a_script(tmp_path):
    script = tmp_path / "hosts.sh"
    script.write_text(
        "#!/bin/sh\n"
        """echo '{"ray_head": {"hosts": ["n1"]}, "_meta": {"hostvars": {"n1": {"model": "tiny-r1"}}}}'\n"""
    )
    script.chmod(0o755)
    read = read_inventory(str(script))
    assert read.variables["n1"]["model"] == "tiny-r1"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("zz.sh", "#!/bin/sh\necho 'no route to the CMDB' >&2\nexit 1\n", "no route to the CMDB"),
        ("zz.yml", "plugin: ansible.builtin.constructed\nstrict: true\ncompose: {x_a: x_none.b}\n", "x_none"),
        ("zz.yml", "plugin: not.a.plugin\n", "not.a.plugin"),
    ],
)
def test_a_script_or_plugin_that_fails(tmp_path, name, content, reason):
    path = written(tmp_path, ONE)
    program = tmp_path / name
    program.write_text(content)
    program.chmod(0o755 if name.endswith(".sh") else 0o644)
    with pytest.raises(UsageError) as caught:
        read_inventory(path)
    assert caught.value.problem.code == "inventory-program-failed"
    assert reason in caught.value.problem.parameters["reason"]


def test_an_expression_of_unlimited_length(tmp_path):
    path = written(tmp_path, ONE, all={"model": "{{ 'a' * 100000000 }}", "x_list": "{{ ['a' * 999] * 9999 }}"})
    read = read_inventory(path)
    assert {"model", "x_list"} <= {*read.unresolved["n1"]}
    assert not {"model", "x_list"} & {*read.variables["n1"]}


@pytest.fixture
def vaulted(tmp_path):
    """Return an inventory whose group_vars are a vaulted file, and the file with its password."""
    path, password = written(tmp_path, ONE, all={"model": "tiny-r1"}), tmp_path / ".password"
    password.write_text("pass\n")
    tool = Path(sys.executable).parent / "ansible-vault"
    argv = [tool, "encrypt", "--vault-password-file", password, tmp_path / "group_vars/all.yml"]
    subprocess.run(argv, check=True, capture_output=True)
    return path, password


def test_a_vaulted_file(vaulted, monkeypatch):
    path, password = vaulted
    monkeypatch.setattr("ansible.constants.DEFAULT_VAULT_PASSWORD_FILE", str(password))
    assert read_inventory(path).variables["n1"]["model"] == "tiny-r1"


def test_a_vaulted_file_with_a_given_password(vaulted):
    path, password = vaulted
    assert read_inventory(path, vault_password="pass").variables["n1"]["model"] == "tiny-r1"
    assert read_inventory(path, vault_password_file=password).variables["n1"]["model"] == "tiny-r1"


def test_a_vaulted_file_without_its_password(vaulted):
    with pytest.raises(UsageError) as caught:
        read_inventory(vaulted[0])
    assert caught.value.problem.code == "vault-locked"


@pytest.mark.parametrize(("name", "locked"), [("engine_api_key", False), ("x_mine", False), ("model", True)])
def test_a_vaulted_value_without_its_password(tmp_path, name, locked):
    path = written(tmp_path, ONE)
    (tmp_path / "group_vars" / "all.yml").write_text(f"{name}: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n")
    read = read_inventory(path)
    assert (name in read.unresolved["n1"], name in read.variables["n1"]) == (locked, not locked)


def test_variables_next_to_the_working_directory_are_not_read(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    written(tmp_path / "elsewhere", ONE, all={"model": "other"})
    (tmp_path / "mine").mkdir()
    path = written(tmp_path / "mine", ONE)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read_inventory(path, root=ROOT).variables["n1"] == DEFAULTS


@pytest.mark.parametrize(("text", "code"), [("", "inventory-broken"), ("[ray_head\nn1", "yaml-syntax")])
def test_invalid_inventory(tmp_path, text, code):
    (tmp_path / "hosts.yml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_inventory(str(tmp_path))
    assert caught.value.problem.code == code


@pytest.mark.parametrize(("everywhere", "expected"), [("x_room: 7\n", []), ("room: 7\n", ["unknown-key"])])
def test_only_variables_of_files_must_be_known_in_a_script_inventory(tmp_path, everywhere, expected):
    script = tmp_path / "hosts.sh"
    script.write_text(
        "#!/bin/sh\n"
        """echo '{"ray_head": {"hosts": ["n1"]}, "storage": {"hosts": ["n2"]},"""
        """ "_meta": {"hostvars": {"n1": {"rack": "r1"}}}}'\n"""
    )
    script.chmod(0o755)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(f"cluster_network: 10.0.0.0/24\n{everywhere}")
    assert codes(read_inventory(str(tmp_path), root=ROOT)) == expected


def test_variables_of_a_file(tmp_path):
    (tmp_path / "vars.yml").write_text("model: tiny-r1\nengine_api_key: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n")
    assert read_variables(tmp_path / "vars.yml")["model"] == "tiny-r1"


def test_vaulted_variables_of_a_file(vaulted, monkeypatch):
    path, password = vaulted
    file = Path(path) / "group_vars/all.yml"
    with pytest.raises(UsageError) as caught:
        read_variables(file)
    assert caught.value.problem.code == "vault-locked"
    monkeypatch.setattr("ansible.constants.DEFAULT_VAULT_PASSWORD_FILE", str(password))
    assert read_variables(file) == {"model": "tiny-r1"}
