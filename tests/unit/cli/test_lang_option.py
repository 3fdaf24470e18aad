"""The command in Chinese: help, usage errors, progress, summary; and language-independent output."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from done import Done
from rich.cells import cell_len
from rich.console import Console
from typer.main import get_command

from inferfleet.cli import app
from inferfleet.cli.commands import up
from inferfleet.cli.language import extract_language
from inferfleet.cli.output.live import Picture
from inferfleet.cli.output.print_summary import print_summary
from inferfleet.cli.output.summary import summarize
from inferfleet.cli.output.text import task_name
from inferfleet.cli.output.view import Header
from inferfleet.messages import gettext, use_language
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.stages import planned_roles, titles

Command = Callable[..., Done]
CHINESE = re.compile("[\u4e00-\u9fff]")
SENTENCE = re.compile(r"[A-Z][a-z]+(?: [a-z]+){2,}")
"""A capital word and two more: what an English sentence begins with."""


@pytest.fixture
def chinese() -> Iterator[None]:
    use_language("zh")
    yield
    use_language("en")


def lists(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, item in getattr(command, "commands", {}).items():
        yield from lists(item, (*path, name))


COMMANDS = dict(lists(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_all_help_texts_are_translated(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    texts = [*command.help.split("\n\n"), *(comment for _, comment in getattr(command, "examples", ()))]
    texts += [command.epilog or ""]
    for option in command.params:
        texts += [(option.help or "").split("\n")[0], option.rich_help_panel, getattr(option, "show_default", None)]
    wanted = [text for text in texts if isinstance(text, str) and re.search("[a-z]{3} [a-z]|[A-Z][a-z]+", text)]
    assert [text for text in wanted if gettext(text, "zh") == text and text != "CI"] == []


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_printed_in_chinese(
    inferfleet: Command, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = inferfleet(*path, "--help", "--lang", "zh")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert max(map(cell_len, lines)) <= int(columns)
    assert any("用法：" in line for line in lines)
    assert [line for line in lines if SENTENCE.search(line)] == []
    assert [line for line in lines if re.search("… +│", line) and "INFERFLEET" not in line] == []  # nothing is cut


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["up", "--lang", "zh"], "缺少选项 '-i' / '--inventory'"),
        (["--lang=zh", "up", "--frobnicate"], "没有选项 --frobnicate"),
        (["up", "--limi", "x", "--lang", "zh"], "没有选项 --limi（相近的选项：--limit）"),
        (["frobnicate", "--lang", "zh"], "没有命令 'frobnicate'"),
        (["weights", "--lang", "zh", "push"], "没有命令 'push'"),
        (["up", "-i", "x", "--forks", "none", "--lang", "zh_CN.UTF-8"], "'none' 不是整数"),
        (["up", "-i", "x", "--forks", "0", "--lang", "zh"], "'0' 小于 1"),
        (["up", "-i", "x", "--progress", "loud", "--lang", "zh"], "'loud' 不在 --help 列出的取值之中"),
        (["up", "-i", "--lang", "zh"], "选项 '-i' 需要一个值"),
        (["bench", "--compare", "a", "--lang", "zh"], "选项 '--compare' 需要 2 个值"),
        (["up", "--json=3", "--lang", "zh"], "选项 '--json' 不接受取值"),
        (["up", "-i", "x", "y", "--lang", "zh"], "多余的参数：y"),
        (["up", "-i", "inventories/dmeo", "--lang", "zh"], "没有清单 'inventories/dmeo'"),
        (["up", "-i", "inventories/demo", "-e", "model", "--lang", "zh"], "-e model：不是 key=value 的形式。"),
        (["up", "-i", "x", "--junit", "/no/such/file", "--lang", "zh"], "目录 /no/such 不存在"),
        (["doctor", "--logs", "/nowhere", "--lang", "zh"], "文件或目录 /nowhere 不存在。"),
    ],
)
def test_wrong_usage_is_refused_in_chinese(inferfleet: Command, arguments: list[str], text: str) -> None:
    done = inferfleet(*arguments)
    assert done.exit_code == 1
    assert text in done.stderr
    assert not SENTENCE.search(done.stderr)


@pytest.mark.parametrize("language", ["fr", "", "english"])
def test_unsupported_language_is_refused(inferfleet: Command, language: str) -> None:
    done = inferfleet("status", "--lang", language, "-i", "x")
    if not language:
        return
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"inferfleet: Option --lang is '{language}'. Give one of en, zh.\n"


def test_language_option_is_accepted_anywhere_and_overrides_the_environment() -> None:
    zh = {"INFERFLEET_LANG": "zh"}
    assert extract_language(["--lang", "zh", "up"], {})[:2] == ("zh", ["up"])
    assert extract_language(["up", "--lang=en", "-v"], zh)[:2] == ("en", ["up", "-v"])
    assert extract_language(["up"], zh)[:2] == ("zh", ["up"])
    assert extract_language(["up"], {"LANG": "zh_CN.UTF-8"})[0] == "zh"
    assert extract_language(["up", "--", "--lang", "zh"], {})[:2] == ("en", ["up", "--", "--lang", "zh"])


def test_every_stage_has_a_chinese_title() -> None:
    assert [title for title in titles().values() if gettext(title, "zh") == title] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Install Docker", "安装 Docker"),
        ("Pull the image vllm/vllm-openai:v0.24.0", "拉取镜像 vllm/vllm-openai:v0.24.0"),
        ("Wait for the health check of Open WebUI", "等待健康检查通过：Open WebUI"),
        ("Download image 2/7, a {b}", "下载镜像 2/7, a {b}"),
        ("A task of the user", "A task of the user"),
    ],
)
def test_task_names(chinese: None, name: str, text: str) -> None:
    assert task_name(name) == text
    use_language("en")
    assert task_name(name) == name


@pytest.mark.parametrize("width", [80, 200])
def test_progress_and_summary_are_printed_in_chinese(
    chinese: None, demo: Path, failed_events: list[Event], width: int
) -> None:
    fold = Fold(planned_roles(demo / "site.yml"))
    picture = Picture(Header("up", "inventories/demo", "ansible-playbook site.yml"), fold)
    console = Console(file=io.StringIO(), width=width, height=40, force_terminal=True, no_color=True)
    for event in failed_events:
        fold.add(event)
        if event["event"] == "runner_retry":
            console.print(picture)
    run = fold.result(rc=2)
    picture.finish()
    console.print(picture)
    about = {
        "again": "inferfleet up -i inventories/demo",
        "inventory": "inventories/demo",
        "check": False,
        "log": "log",
        "tags": ["inference_engine"],
    }
    print_summary(console, summarize(up.COMMAND, run, Outcome.FAILED, cwd=demo, **about))
    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())
    assert max(map(cell_len, text.splitlines())) <= width
    assert re.search("模型权重 +进行中", text)
    for part in ("344.3 GB（共 688.6 GB）", "未运行", "✘ 推理引擎 ", "推理引擎失败", "任务", "下一步", "只重跑该阶段"):
        assert part in text
    for task in ("下载缺少的权重文件", "推理引擎：等待引擎响应"):
        assert task in text
    named = {str(event.get("event_data", {}).get(key, "")) for event in failed_events for key in ("task", "play")}
    for name in sorted({*named, *(failure.message.render("en") for failure in run.failures)}, key=len, reverse=True):
        # Ansible's own names, and what a task of the demo prints, which may be wrapped
        text = re.sub(r"\s+".join(map(re.escape, name.split())), "", text) if name else text
    assert [line for line in text.splitlines() if SENTENCE.search(line) and "Completion" not in line] == []


def test_documents_are_english_in_every_language(inferfleet: Command) -> None:
    english, chinese = (inferfleet("status", "-i", "nowhere", "--json", "--lang", lang) for lang in ("en", "zh"))
    assert json.loads(chinese.stdout) == json.loads(english.stdout)
    assert chinese.stderr != english.stderr
