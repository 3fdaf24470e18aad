"""The symptom catalog: complete, readable, and each pattern matches a log."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from tests.unit.contributing import example

from inferfleet import components, engines
from inferfleet.doctor import Evidence, Log, Severity, Symptom, diagnose, load_symptoms, read_evidence
from inferfleet.doctor.expressions import check, render
from inferfleet.doctor.symptom import FOLDER
from inferfleet.engines import engine_folders

LOGS = Path(__file__).parents[2] / "fixtures/doctor"
EXPECTED = yaml.safe_load((LOGS / "expected.yml").read_text())
CASES = [(kind, name, ids) for kind, cases in EXPECTED.items() for name, ids in cases.items()]
SYMPTOMS = {symptom.id: symptom for symptom in load_symptoms()}
COMMON_FAILURES = {  # failures reported by users, each of which needs a symptom
    *("placement-group-pending", "gloo-connect-full-mesh", "nccl-wrong-interface", "nccl-on-tcp", "shm-too-small"),
    *("ray-version-mismatch", "port-in-use", "fp8-unsupported", "bf16-unsupported", "no-kernel-image"),
    *("kv-cache-too-small", "slow-network-file-system", "nccl-watchdog-timeout", "download-stalled", "cuda-802"),
    *("cuda-803", "cuda-804", "gpus-lost-in-container", "partial-restart", "engine-unresponsive"),
    *("webui-no-models", "wrong-api-key"),
}


def log(kind: str, name: str) -> Path:
    return LOGS / kind / f"{name}.log"


@pytest.mark.parametrize(("kind", "name", "ids"), CASES, ids=lambda value: str(value))
def test_log_matches_exactly_its_symptoms(kind: str, name: str, ids: list[str]) -> None:
    found = diagnose(read_evidence(log(kind, name)), SYMPTOMS.values())
    assert {finding.symptom.id for finding in found.findings if finding.now} == set(ids)
    assert all(finding.traces[-1].text for finding in found.findings)


def test_every_log_is_listed_and_states_its_origin() -> None:
    there = {(path.parent.name, path.stem) for path in LOGS.glob("*/*.log")}
    assert there == {(kind, name) for kind, name, _ in CASES}
    origin = re.compile(
        r"# (recorded (by tests/doctor/record(_gpu)?\.py|on the test cluster): |quoted |text of |form of |the )"
    )
    assert [place for place in there if not origin.match(log(*place).read_text())] == []


def test_every_pattern_matches_a_log() -> None:
    text = "\n".join(path.read_text() for path in LOGS.glob("*/*.log"))
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    patterns = [(symptom.id, pattern) for symptom in SYMPTOMS.values() for pattern in symptom.patterns]
    assert [(name, pattern) for name, pattern in patterns if not re.search(pattern, text)] == []


def test_patterns_match_single_lines() -> None:
    risky = re.compile(r"\\s(?!\w)|\[\^[^\]\\]*\][*+](?!\S)|\(\?s")
    assert [(s.id, p) for s in SYMPTOMS.values() for p in s.patterns if risky.search(p)] == []


def test_catalog_covers_common_failures() -> None:
    assert SYMPTOMS.keys() >= COMMON_FAILURES


@pytest.mark.parametrize("symptom", SYMPTOMS.values(), ids=lambda symptom: symptom.id)
def test_symptom_texts_are_complete(symptom: Symptom) -> None:
    for text in (symptom.cause, symptom.check, symptom.remedy):
        assert text == " ".join(text.split())
        assert text.endswith((".", "`", "?"))
    assert all(source.startswith("https://") for source in symptom.sources)
    assert symptom.title[0].isupper() or symptom.title[0] == "/"
    assert not symptom.title.endswith(".")
    for expression in filter(None, (symptom.state, symptom.when, symptom.unless)):
        check(expression)
    for sentence in symptom.evidence:
        for expression in filter(None, (sentence.when, sentence.each, *sentence.parameters.values())):
            check(expression)
    assert str(render(symptom.evidence, {}))  # facts that lack everything break no sentence


def test_invalid_catalog_is_refused() -> None:
    good = {
        "id": "a-b",
        "title": "Something is wrong",
        "severity": "error",
        "patterns": ["x"],
        "sources": ["https://x"],
        "layer": "ray",
    }
    good |= dict.fromkeys(("cause", "check", "remedy"), "Ten characters at least.")
    assert Symptom(**good).severity is Severity.ERROR
    mistakes = {"patterns": ["("], "state": "1", "severity": "bad", "colour": "red", "sources": [], "id": "A B"}
    for change in [{"patterns": []}, *({key: value} for key, value in mistakes.items())]:
        with pytest.raises(ValueError, match=r"validation error"):
            Symptom(**(good | change))


def add_symptom(folder: Path, logs: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = example("Add a symptom").replace("logs: [ray]", f"logs: [{logs}]")
    (folder / "example-failure.yml").write_text(text)


def shown(log: Log) -> list[str]:
    """Return the ids of the symptoms that a log shows now."""
    return [finding.symptom.id for finding in diagnose(Evidence(logs=(log,)), load_symptoms()).findings if finding.now]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a made-up engine, with vLLM's facts and no log patterns."""
    folder = tmp_path / "made_up"
    folder.mkdir()
    facts = yaml.safe_load((engine_folders()["vllm"] / "engine.yml").read_text())
    facts |= {"preference": 0, "log_patterns": {}}
    (folder / "engine.yml").write_text(yaml.safe_dump(facts))
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    return folder


def test_engine_symptom_is_read_from_its_folder(engine: Path) -> None:
    add_symptom(engine / "symptoms/engine", "engine")
    assert {symptom.id for symptom in load_symptoms()} - SYMPTOMS.keys() == {"example-failure"}
    assert shown(Log("n1", "made_up-0.log", "example failure 7")) == ["example-failure"]
    assert shown(Log("n1", "inferfleet-webui.log", "example failure 7")) == []


def test_engine_adds_patterns_to_a_symptom(engine: Path) -> None:
    facts = yaml.safe_load((engine / "engine.yml").read_text())
    (engine / "engine.yml").write_text(
        yaml.safe_dump(facts | {"log_patterns": {"gpu-out-of-memory": ["no room on the device"]}})
    )
    assert shown(Log("n1", "made_up.log", "no room on the device")) == ["gpu-out-of-memory"]
    assert len(load_symptoms()) == len(SYMPTOMS)


def test_patterns_of_an_unknown_symptom_are_refused(engine: Path) -> None:
    facts = yaml.safe_load((engine / "engine.yml").read_text())
    (engine / "engine.yml").write_text(yaml.safe_dump(facts | {"log_patterns": {"gpu-out-of-memori": ["x"]}}))
    with pytest.raises(ValueError, match="key log_patterns names symptom gpu-out-of-memori, which has no file"):
        load_symptoms()


def test_duplicate_symptom_ids_are_refused(engine: Path) -> None:
    (engine / "symptoms/ray").mkdir(parents=True)
    shutil.copy(FOLDER / "ray/ray-wrong-token.yml", engine / "symptoms/ray")
    with pytest.raises(ValueError, match=r"Files .*, .*ray-wrong-token\.yml define the same symptom"):
        load_symptoms()


def test_symptom_is_found_in_the_log_of_a_custom_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "title: Exporter\ngroups: [webui]\nimage: e:1\ncontainer: made-up-exporter\n"
        "ports: [{number: 9100, reached_by: [nodes]}]\nhealth: {path: /}\nlogs: textfile\n"
    )
    (tmp_path / "exporter.yml").write_text(text)
    shutil.copytree(FOLDER, tmp_path / "symptoms")
    add_symptom(tmp_path / "symptoms/node", "exporter")
    monkeypatch.setattr("inferfleet.doctor.symptom.FOLDER", tmp_path / "symptoms")
    with pytest.raises(ValueError, match=r"key logs\.0: it is not one of .*ray, .*engine, .*webui, .*docker"):
        load_symptoms()
    monkeypatch.setattr(components, "__path__", [*components.__path__, str(tmp_path)])
    for name in ("made-up-exporter.log", "textfile.log"):
        assert shown(Log("n1", name, "example failure 7")) == ["example-failure"]
    assert shown(Log("n1", "inferfleet-engine.log", "example failure 7")) == []
