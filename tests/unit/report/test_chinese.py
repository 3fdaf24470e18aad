"""How English sentences become Chinese ones, and that each template is whole."""

import re

import pytest
import yaml

from inferfleet.report.chinese import FOLDER, PARTS, in_chinese, read_template, templates

FILES = sorted(file.stem for file in FOLDER.glob("*.yml"))
ALL = [(file, template) for file in FILES for template in templates(file)]
EXAMPLES = {
    "": "x-7.a",
    "number": "17.5",
    "word": "n1",
    "phrase": "About an hour",
    "list": "n1, n2",
    "sentence": "Accelerator 3 is divided by MIG.",
}
# Words of Latin letters that Chinese says in Chinese.
ENGLISH = {"GPU", "CUDA's"}


def ids(value):
    return value.english[:60] if hasattr(value, "english") else value


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("n1: Accelerator 3 is divided by MIG.", "n1：加速卡 3 已启用 MIG 切分。"),
        ("3 of 8: vllm::Worker_TP0, vllm::Worker_TP1", "3 / 8：vllm::Worker_TP0、vllm::Worker_TP1"),
    ],
)
def test_sentences(english, chinese):
    assert in_chinese(english) == chinese


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ray",
        "vLLM 0.32.0",
        "The weather is fine.",
        "Service r1: the weather is fine.",
        "two of 16 accelerators stay idle.",
        "Something broke on n1",
        "max_model_len is 1 instead of 2: nobody knows. More accelerators make it longer.",
        "2 of 16 accelerators stay idle. And more.",
        "a, " * 2000,  # would take for ever if every comma were tried with every other
        "a: " * 2000,
    ],
)
def test_what_is_not_known_stays_english(text):
    assert in_chinese(text) is None


def test_a_field_that_comes_twice_is_one():
    template = read_template("{n} is {n}.", "{n} 是自身。")
    assert template.say("a is a.") == "a 是自身。"
    assert template.say("a is b.") is None


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError):
        read_template("{n:nothing}", "{n}")


def test_no_english_text_is_there_twice():
    for files in ([f for f in FILES if f not in PARTS], *([part] for part in PARTS)):
        texts = [e["en"] for f in files for e in yaml.safe_load((FOLDER / f"{f}.yml").read_text("utf-8"))]
        assert len(texts) == len(set(texts))


@pytest.mark.parametrize(("file", "template"), ALL, ids=ids)
def test_a_template_keeps_every_value(file, template):
    assert sorted(set(re.findall(r"{(\w+)}", template.chinese))) == sorted(template.kinds)
    fixed = re.sub(r"{(\w+):\w+}", r"{\1}", template.english)
    words = set(re.findall(r"`[^`]+`|\b[A-Z]{2,}\w*|\b\w*[0-9_]\w*(?:\.\d+)?|\bNCCL\w*|\bGiB\b|\bGbit/s", fixed))
    assert {word for word in words - ENGLISH if word not in template.chinese} == set()


@pytest.mark.parametrize(("file", "template"), ALL, ids=ids)
def test_a_template_is_written_as_chinese_is(file, template):
    text = template.chinese
    assert re.search(r"[\u4e00-\u9fff]", text) or not re.search(r"[a-z]{2}", re.sub(r"{\w+}|KV cache", "", text))
    around = r"[\u4e00-\u9fff]"
    assert not re.search(rf"{around}[,;:!?()]|[,;:!?(] ?{around}|{around}\.", text)
    # Between Chinese letters and what is in Latin ones stands a space, except where a phrase may be Chinese.
    plain = "|".join(name for name, kind in template.kinds.items() if kind in ("", "number", "word"))
    if plain:
        assert not re.search(rf"{around}{{(?:{plain})}}|{{(?:{plain})}}{around}", text)
    assert not re.search(rf"{around}[A-Za-z0-9`]|[A-Za-z0-9`]{around}", re.sub(r"{\w+}", "·", text))


@pytest.mark.parametrize(
    ("file", "template"), [found for found in ALL if found[0] not in PARTS and found[1].kinds], ids=ids
)
def test_no_other_template_takes_its_sentence(file, template):
    sentence = re.sub(r"{(\w+)(?::\w+)?}", lambda found: EXAMPLES[template.kinds[found[1]]], template.english)
    assert in_chinese(sentence) == template.say(sentence) is not None
