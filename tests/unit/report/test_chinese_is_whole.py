"""Whatever the report shows a sentence of has a Chinese form, with all of its values."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from ansible.module_utils.accelerators.device import health
from jinja2 import Environment
from tests.unit.modules.hardware import load_module

from inferfleet.components import rank_results
from inferfleet.report.chinese import FOLDER, in_chinese, templates

ROOT = Path(__file__).parents[3]
TEMPLATES = [template for file in sorted(FOLDER.glob("*.yml")) for template in templates(file.stem)]
HAN = re.compile(r"[\u4e00-\u9fff]")


def literals(text):
    """Return a template's text with a mark in place of each field."""
    return "".join(said + ("\0" if name is not None else "") for said, name, _, _ in Formatter().parse(text))


KNOWN = "\n".join(literals(template.english) for template in TEMPLATES)


def values(text):
    """Return the words of a text that no language changes: with digits, underscores or slashes, and in backquotes."""
    return re.findall(r"`[^`]+`|[A-Za-z0-9_./:+-]*[0-9_/][A-Za-z0-9_/]*", text)


def told(sentences):
    """Return the sentences, each of which must have a Chinese form with all values."""
    for sentence in sentences:
        chinese = in_chinese(sentence)
        assert chinese is not None, sentence
        assert [value for value in values(sentence) if value not in chinese] == [], (sentence, chinese)
        assert not re.search(r"[\u4e00-\u9fff][,;:]|[,;:.] ?[\u4e00-\u9fff]", chinese), chinese
    return sentences


def test_every_name_and_detail_of_the_proof():
    text = (ROOT / "roles/verify/vars/main.yml").read_text()
    proof = text[text.index("__verify_proof_of_ranks") : text.index("__verify_report:")]
    words = {ast.literal_eval(word) for _, kind, word in Environment().lex(proof) if kind == "string"}
    said = {word.strip() for word in words if " " in word.strip()}
    assert len(said) >= 8
    assert {piece for piece in said if piece not in KNOWN} == set()


def test_every_result_of_ranks():
    answers = ({"ranks": ["vllm::Worker_TP0", "vllm::Worker_TP1"]}, {"ranks": []}, {"unreachable": True})
    results = rank_results({f"n{number}": answer for number, answer in enumerate(answers)}, 8)
    assert len(told([result[key] for result in results for key in ("name", "detail")])) == 6


def test_tools_that_fail(tmp_path):
    module = load_module("accelerator_facts")
    said = []
    for number, script in enumerate(("exit 3", "echo broken; exit 4", "kill -9 $$", "echo '<a/>'", "echo '<'")):
        tool = tmp_path / f"tool{number}"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        said += module.read_accelerators({"nvidia": str(tool)}.get, 20)["problems"]
    for vendor, answer in (("amd", "[]"), ("amd", "{"), ("amd", "{}"), ("ascend", "?"), ("vastai", "?")):
        tool.write_text(f"#!/bin/sh\necho '{answer}'\n")
        said += module.read_accelerators({vendor: str(tool)}.get, 20)["problems"]
    said += module.read_accelerators({"nvidia": str(tmp_path / "none")}.get, 20)["problems"]
    said += module.read_accelerators({}.get, 20)["problems"]
    ill = {"index": 3, "mig": "Enabled", "ecc_uncorrectable": 2, "persistence": "Disabled"}
    said += health([ill])
    assert len(told([f"n1: {problem['message']}" for problem in said])) > 14


def test_ray_that_is_not_whole():
    verdict = load_module("ray_cluster_facts").verdict
    found = [{"address": "10.0.0.1", "accelerators": 8}, {"address": "10.0.0.9", "accelerators": 4}]
    wanted = (["10.0.0.1", "10.0.0.9"], ["10.0.0.1"], ["10.0.0.1", "10.0.0.9", "10.0.0.3"], ["10.0.0.1", "10.0.0.2"])
    assert len(told([verdict(found, list(addresses), 16)[1] for addresses in wanted])) == 4


@pytest.mark.parametrize(
    ("status", "chinese"),
    [
        ("Up 3 hours (healthy)", "已运行 3 小时（健康）"),
        ("Up Less than a second", "已运行不到 1 秒"),
        ("Exited (137) About a minute ago", "已退出（137），约 1 分钟前"),
        ("Restarting (1) 5 seconds ago", "正在重启（1），5 秒前"),
    ],
)
def test_dockers_words(status, chinese):
    assert in_chinese(status) == chinese
