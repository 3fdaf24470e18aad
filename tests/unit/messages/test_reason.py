"""Reasons why a value is invalid are translated."""

import errno
import os
import sys
from typing import Annotated, Literal
from urllib.error import URLError

import pytest
from ansible.module_utils.http import reason as http_reason
from ansible.module_utils.messages import Message
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inferfleet import __main__, cli, messages
from inferfleet.catalog import CatalogError
from inferfleet.catalog.schema import Pattern
from inferfleet.messages import os_reason, reason_of, use_language
from inferfleet.messages.reason import SYSTEM_TEXTS


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=1, lt=9)] = 1
    share: Annotated[float, Field(gt=0, le=1)] = 1
    switch: bool = False
    text: Annotated[str, Field(min_length=2)] = "ab"
    items: Annotated[tuple[str, ...], Field(min_length=1)] = ("a",)
    choice: Literal["a", "b", "c"] = "a"
    version: Annotated[str, Field(pattern=r"^\d$")] = "1"
    pattern: Pattern = ""
    part: "Form | None" = None


@pytest.mark.parametrize(
    ("values", "english", "chinese"),
    [
        ({"number": 0}, "it is less than 1", "小于 1"),
        ({"number": 9}, "it is not less than 9", "必须小于 9"),
        ({"number": "x"}, "it is not an integer", "不是整数"),
        ({"share": 0}, "it is not greater than 0.0", "必须大于 0.0"),
        ({"share": 2}, "it is more than 1.0", "大于 1.0"),
        ({"share": "x"}, "it is not a number", "不是数字"),
        ({"switch": "x"}, "it is neither true nor false", "不是 true 或 false"),
        ({"text": 1}, "it is not text", "不是文本"),
        ({"text": "a"}, "it has fewer than 2 characters", "少于 2 个字符"),
        ({"items": "a"}, "it is not a list", "不是列表"),
        ({"items": []}, "it has fewer than 1 items", "少于 1 项"),
        ({"choice": "d"}, "it is not one of a, b, c", "可选值为 a、b、c"),
        ({"version": "x"}, r"it does not match the pattern ^\d$", r"不符合格式 ^\d$"),
        ({"pattern": "("}, "'(' is not a regular expression (position 0)", "'(' 不是有效的正则表达式（位置 0）"),
        ({"part": 1}, "it is not a mapping", "不是键值映射"),
        ({"other": 1}, "there is no such key", "没有这个键"),
    ],
)
def test_reasons_of_invalid_values(values: dict[str, object], english: str, chinese: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Form.model_validate(values)
    reason = reason_of(refused.value.errors()[0])
    assert not isinstance(reason, str)
    assert (reason.render("en"), reason.render("zh")) == (english, chinese)


def test_reasons_of_the_system() -> None:
    reason = os_reason(OSError(errno.ENOSPC, "No space left on device"))
    assert (reason.render("en"), reason.render("zh")) == ("No space left on device", "磁盘空间不足")


@pytest.mark.parametrize(
    ("error", "chinese"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), "连接被拒绝"),
        (URLError(OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))), "没有到主机的路由"),
        (TimeoutError("timed out"), "超时"),
        (OSError("an uncommon reason"), "an uncommon reason"),
    ],
)
def test_reasons_from_nodes(error: OSError, chinese: str) -> None:
    problem = Message("no-answer", "{reason}", reason=http_reason(error)).as_dict()
    assert messages.Message.from_dict(problem).render("zh") == chinese


def test_translated_reasons_are_texts_of_the_system() -> None:
    resolver = {"Name or service not known", "Temporary failure in name resolution"}  # gai_strerror(3)
    known = {os.strerror(number) for number in errno.errorcode} | resolver | {str(TimeoutError("timed out"))}
    assert set(SYSTEM_TEXTS) <= known


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "inferfleet: File a.yml: key groups: it is missing. Correct that file.\n"),
        (["plan", "--lang", "zh"], "inferfleet: 文件 a.yml 的键 groups：缺少该项。请更正该文件。\n"),
    ],
)
def test_broken_data_file_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    def broken() -> None:
        reason = reason_of({"type": "missing"})
        raise CatalogError("File {file}: key {key}: {reason}.", file="a.yml", key="groups", reason=reason)

    monkeypatch.setattr(cli, "app", broken)
    monkeypatch.setattr(sys, "argv", ["inferfleet", *arguments])
    monkeypatch.delenv("INFERFLEET_LANG", raising=False)
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    use_language("en")
    assert (ended.value.code, capsys.readouterr().err) == (1, text)
