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
    "phrase": "the KV cache holds 4096 tokens",
    "layout": "TP 8 within a node over NVLink, PP 2 across nodes: layers 31 + 30",
    "list": "n1, n2",
    "groups": "1500 bytes on eth0 of n1, eth1 of n2; 9000 bytes on eth0 of n3",
    "sentence": "2 of 16 accelerators stay idle.",
}
# Words of Latin letters that Chinese says in Chinese.
ENGLISH = {"GPU", "CUDA's"}


def ids(value):
    return value.english[:60] if hasattr(value, "english") else value


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("2 of 16 accelerators stay idle.", "16 张加速卡中有 2 张闲置。"),
        ("Service r1: 2 of 16 accelerators stay idle.", "服务 r1：16 张加速卡中有 2 张闲置。"),
        ("n1: Accelerator 3 is divided by MIG.", "n1：加速卡 3 已启用 MIG 切分。"),
        (
            "TP 8 within a node over NVLink, PP 2 across nodes: layers 31 + 30; 40.0 GiB weights and 20.5 GiB KV cache"
            " a GPU",
            "TP 8 在节点内，经 NVLink 互联，PP 2 跨节点：各 stage 层数 31 + 30；每卡权重 40.0 GiB、KV cache 20.5 GiB",
        ),
        (
            "TP 32, PP 1: the vendor's mode, in its own count of ranks; 4.0 GiB weights and 2.0 GiB KV cache a GPU",
            "TP 32、PP 1：厂商模式，rank 数按厂商口径；每卡权重 4.0 GiB、KV cache 2.0 GiB",
        ),
        (
            "The nodes differ in their driver: 550.54 on n1, 570.1 on n2. NCCL and the image then behave differently.",
            "各节点的驱动版本不一致：n1 为 550.54、n2 为 570.1。NCCL 和镜像的行为会因此不同。",
        ),
        (
            "Variable data_parallel_size is 2, but the model has no experts, and replicas of a dense model are separate"
            " services.",
            "变量 data_parallel_size 为 2，但该模型没有专家层，稠密模型的多副本应作为独立服务部署。",
        ),
        (
            "Host n1 reaches 10.0.0.2 through eth1, not through eth0, which holds its address on the cluster network."
            " Correct its routes (`ip route get 10.0.0.2`), or set cluster_address of n1 to the address of eth1.",
            "主机 n1 经 eth1 访问 10.0.0.2，而不是经集群网络地址所在的 eth0。请修正路由（`ip route get 10.0.0.2`），"
            "或将 n1 的 cluster_address 设为 eth1 的地址。",
        ),
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
