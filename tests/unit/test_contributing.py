"""CONTRIBUTING.md: every example works as it is printed, in a temporary copy of the folder that it belongs to."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.unit.contributing import ROOT, example, examples, sections
from typer.testing import CliRunner

from inferfleet import engines
from inferfleet.catalog import load_accelerators, load_models, loader
from inferfleet.catalog.family import Family
from inferfleet.cli import commands
from inferfleet.cli.app import make_app
from inferfleet.components import GROUPS, load_components, load_groups
from inferfleet.components.loader import FOLDER as COMPONENTS
from inferfleet.doctor import Evidence, Log, diagnose, load_symptoms
from inferfleet.doctor.symptom import FOLDER as SYMPTOMS
from inferfleet.engines import engine_folders, load_engine, load_engines
from inferfleet.nodes import system_of
from inferfleet.planner import fleet, make_plan
from inferfleet.planner.fleet import match_accelerator
from inferfleet.planner.plan import Plan
from inferfleet.settings import Settings

pytestmark = pytest.mark.slow  # runs ansible-playbook

NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}


def write(heading: str, source: str, target: Path) -> None:
    """Write the examples of a section below `target`, which stands for the folder `source` of the repository."""
    for path, text in examples(heading).items():
        file = target / path.relative_to(source)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize("heading", sections())
def test_a_section_names_a_folder_and_a_test(heading: str) -> None:
    text = sections()[heading]
    (test,) = re.findall(r"Test:\s+`(tests/[^`]+)`", text)
    assert (ROOT / test).is_file()
    assert re.match(r"(File|Folder): `(src/inferfleet/\w+)/", text)
    assert all((ROOT / path).parents[1].is_dir() for path in examples(heading))


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "catalog"
    shutil.copytree(loader.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    write("Add a model", "src/inferfleet/catalog", folder)
    write("Add an accelerator", "src/inferfleet/catalog", folder)
    accelerators, models = load_accelerators(folder), load_models(folder)
    for module in (loader, fleet):
        monkeypatch.setattr(module, "load_accelerators", lambda: accelerators)
    monkeypatch.setattr(loader, "load_models", lambda: models)


@pytest.mark.usefixtures("catalog")
def test_model_and_accelerator_are_planned() -> None:
    assert match_accelerator("NVIDIA EX900", 81559) == "EX900-80G"
    plan = make_plan(Settings(model="example-32b"), {"n1": NODES["n0"] | {"accelerator": "ex900"}}, hypothetical=True)
    assert (plan.accelerator, plan.model, plan.problems) == ("EX900-80G", "example-32b", [])


def test_family_is_read() -> None:
    family = Family.model_validate(yaml.safe_load(example("Add a family of models")))
    config = {"num_hidden_layers": 4, "sliding_window": 128, "num_experts": 8}
    complete = family.complete(family.parameters(config))
    assert complete["layer_types"] == ("sliding_attention", "full_attention") * 2
    assert (complete["n_routed_experts"], complete["qk_norm"]) == (8, True)


def plan_of(engine: str) -> Plan:
    settings = {"model": "deepseek-r1", "engine": engine, "executor": "mp", "accelerator": "H200-141G"}
    return make_plan(Settings(**settings), NODES)


def test_an_engine_version_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(engine_folders()["vllm"], tmp_path / "vllm")
    file = tmp_path / "vllm/engine.yml"
    file.write_text(file.read_text().replace("\nversions:\n", f"\nversions:\n{example('Add an engine version')}"))
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    plan = plan_of("vllm")
    assert (plan.problems, plan.engine_version, plan.image) == ([], "9.0.0", "vllm/vllm-openai:v9.0.0")


def test_an_engine_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("Add an engine", "src/inferfleet/engines", tmp_path)
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    plan = plan_of("example")
    assert (plan.problems, plan.engine_version, plan.port, plan.role) == ([], "1.0", 7777, "inference_engine")
    assert plan.image == "registry.example.com/example:1.0"
    words = [f"/data/models/deepseek-ai/DeepSeek-R1 --size 16 --rank {rank} --reasoning example_r1" for rank in (0, 1)]
    assert [" ".join(node.argv) for node in plan.nodes.values()] == [f"example {text}" for text in words]
    assert [node.env["EXAMPLE_ADDRESS"] for node in plan.nodes.values()] == ["10.0.0.1", "10.0.0.2"]
    assert list(load_engines())[-2:] == ["example", "deepseek-infer"]  # the last that `auto` tries
    assert load_engine("example").ready_log


@pytest.fixture
def command_folders(tmp_path: Path) -> Iterator[list[str]]:
    write("Add a command", "src/inferfleet/cli/commands", tmp_path)
    yield [*commands.__path__, str(tmp_path)]
    sys.modules.pop(f"{commands.__name__}.greet", None)


def test_a_command_is_listed_and_runs(command_folders: list[str], demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    app = make_app(command_folders)
    listed = CliRunner().invoke(app, ["--help"]).stdout
    assert listed.index("status ") < listed.index("greet ") < listed.index("Greet the nodes.") < listed.index("events ")
    shown = CliRunner().invoke(app, ["greet", "--help"]).stdout
    assert "inferfleet greet -i inventories/lab" in shown
    assert "--inventory" in shown
    done = CliRunner().invoke(app, ["greet", "-i", "inventories/demo"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].startswith("$ ansible-playbook playbooks/status.yml -i inventories/demo")
    assert "OK: Greeted" in done.stdout


def test_a_symptom_is_found_in_logs_of_its_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {symptom.id for symptom in load_symptoms()}
    shutil.copytree(SYMPTOMS, tmp_path / "symptoms")
    write("Add a symptom", "src/inferfleet/doctor/symptoms", tmp_path / "symptoms")
    monkeypatch.setattr("inferfleet.doctor.symptom.FOLDER", tmp_path / "symptoms")
    symptoms = {symptom.id: symptom for symptom in load_symptoms()}
    assert symptoms.keys() - before == {"example-failure"}
    assert symptoms["example-failure"].layer == "ray"
    for name, shown in (("inferfleet-ray.log", ["example-failure"]), ("inferfleet-engine.log", [])):
        evidence = Evidence(logs=(Log("n1", name, "example failure 7"),))
        assert [finding.symptom.id for finding in diagnose(evidence, symptoms.values()).findings] == shown


def test_nodes_of_an_operating_system_are_supported(tmp_path: Path) -> None:
    write("Add an operating system", "src/inferfleet/catalog", tmp_path)
    node = {"id": "example", "id_like": "", "version_id": "9.1", "version_codename": ""}
    system = system_of(node, tmp_path)
    assert system
    assert (system.title, system.python) == ("Example Linux", "dnf install python3")
    assert system_of({**node, "id": "derived", "id_like": "example"}, tmp_path) == system
    assert system_of(node) is None


def test_a_component_is_loaded_in_order(tmp_path: Path) -> None:
    for file in COMPONENTS.glob("*.yml"):
        shutil.copy(file, tmp_path)
    write("Add a component", "src/inferfleet/components", tmp_path)
    names = [component.name for component in load_components(tmp_path)]
    assert names.index("engine") < names.index("exporter")
    assert load_groups(tmp_path) == (*GROUPS[:2], "probes", *GROUPS[2:])
