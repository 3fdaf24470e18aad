"""The quick reader of inventories says what Ansible says."""

from pathlib import Path

import pytest
import yaml

from inferfleet.cli import read_inventory as module
from inferfleet.cli.read_inventory import read_inventory
from inferfleet.runner.errors import UsageError

ROOT = Path(__file__).parents[3]


def written(folder, hosts, **group_vars):
    (folder / "group_vars").mkdir()
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    for name, values in group_vars.items():
        (folder / "group_vars" / f"{name}.yml").write_text(yaml.safe_dump(values))
    return str(folder)


def agree(path):
    plain, real = module._read_plainly(Path(path)), module._read_with_ansible(path)
    assert plain.variables == real.variables
    for group in ("ray_head", "ray_worker", "webui"):
        assert plain.groups.get(group, []) == real.groups.get(group, [])
    return plain


@pytest.mark.parametrize("name", ["v100", "a800", "h800", "h20", "h200", "va16"])
def test_our_inventories(name):
    assert agree(str(ROOT / "inventories" / name)).variables


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
    read = agree(path)
    assert read.variables["n1"]["max_num_seqs"] == 9
    assert read.groups["ray_worker"][0] == "n02"
    assert len(read.groups["ray_worker"]) == 10


def test_expressions_are_left_to_ansible(tmp_path):
    hosts = {"all": {"children": {"ray_head": {"hosts": {"n1": {"x_size": 4096}}}}}}
    path = written(tmp_path, hosts, all={"max_model_len": "{{ x_size * 2 }}", "model": "{{ 'tiny' }}-r1"})
    read = read_inventory(path)
    assert read.variables["n1"]["max_model_len"] == 8192
    assert read.variables["n1"]["model"] == "tiny-r1"


def test_ini_inventories_are_left_to_ansible(tmp_path):
    (tmp_path / "hosts.ini").write_text("[ray_head]\nn1 ansible_host=10.0.0.1 model=deepseek-r1\n")
    read = read_inventory(str(tmp_path / "hosts.ini"))
    assert read.variables["n1"] == {"ansible_host": "10.0.0.1", "model": "deepseek-r1"}


def test_vaulted_values_are_not_needed(tmp_path):
    path = written(tmp_path, {"all": {"children": {"ray_head": {"hosts": {"n1": None}}}}})
    (tmp_path / "group_vars" / "all.yml").write_text("engine_api_key: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n")
    assert read_inventory(path).groups["ray_head"] == ["n1"]


@pytest.mark.parametrize("text", ["all: [1, 2]", "", "[ray_head\nn1"])
def test_what_is_no_inventory(tmp_path, text):
    (tmp_path / "hosts.yml").write_text(text)
    with pytest.raises(UsageError, match="Correct it"):
        read_inventory(str(tmp_path))
