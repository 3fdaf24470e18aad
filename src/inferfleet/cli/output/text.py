"""Texts in the language of the process, and human-readable numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.filesize import decimal

from inferfleet.messages import N_, Message, Problem, current_language, gettext
from inferfleet.runner.result import Progress

_UNITS = (N_("answers"), N_("checks"), N_("requests"))
"""Units of progress that playbooks report."""


def tr(template: str, /, **parameters: Any) -> str:
    """Return `template` in the language of the process, with its parameters filled in."""
    return Message("", template, **parameters).render()


def shown(value: Any) -> str:
    """Return the text of a message, its JSON form or a string, translated if a translation exists."""
    if isinstance(value, Message):
        return value.render()
    if isinstance(value, Mapping) and ("template" in value or "message" in value):
        return str((Problem if "remedy" in value else Message).from_dict(value))
    return "" if value is None else tr(str(value))


def labelled(label: str, text: str) -> str:
    """Return a text after its label."""
    return tr(N_("{label}: {text}"), label=label, text=text)


def task_name(name: str) -> str:
    """Return the name of a task, translated if a translation exists.

    A template with `{value}` translates the name of a task that ends with a value. Ansible itself names the task that
    checks the variables of a role.
    """
    if name.startswith("Validating arguments against arg spec"):
        return tr(N_("Check the variables of the role"))
    words, language = name.split(" "), current_language()
    if (text := gettext(name, language)) != name:
        return text
    for kept in range(len(words) - 1, 0, -1):
        template = " ".join([*words[:kept], "{value}"])
        if (text := gettext(template, language)) != template:
            return text.format(value=" ".join(words[kept:]))
    return name


def count(number: int, one: str, many: str) -> str:
    """Return `one` or `many`, templates with `{count}`, such as `1 task` or `3 tasks`."""
    return tr(one if number == 1 else many, count=number)


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """Return the text padded with spaces to a width in cells, left- or (`right`) right-aligned."""
    spaces = " " * (cells - cell_len(text))
    return spaces + text if right else text + spaces


def aligned(table: Sequence[Sequence[str]], *, last_free: bool = False) -> list[str]:
    """Return the lines of a table of two or more columns, right-aligned; with `last_free` the last one is not padded.

    A line with text in its first cell only does not affect the column widths.
    """
    full = [line for line in table if any(line[1:])]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*full, strict=True)]
    if last_free:
        widths[-1] = 0
    return [
        "  ".join(pad(cell, width, right=True) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]


def duration(seconds: float) -> str:
    """Return e.g. `0.4s`, `12s`, `3m 05s`, `2h 01m`."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded}s"
    if rounded < 3600:
        return f"{rounded // 60}m {rounded % 60:02d}s"
    return f"{rounded // 3600}h {rounded % 3600 // 60:02d}m"


def size(number: float) -> str:
    """Return a human-readable number of bytes, such as `10.4 GB`."""
    return decimal(int(number)) if number >= 1000 else count(int(number), N_("{count} byte"), N_("{count} bytes"))


def amount(progress: Progress) -> str:
    """Return e.g. `2.1 of 10.4 GB`, `3 of 60 checks`, `412 MB`; empty if unknown."""
    done, total = progress.done, progress.total
    if done is None:
        return ""
    if progress.unit == "bytes":
        return tr(N_("{done} of {total}"), done=size(done), total=size(total)) if total else size(done)
    unit = f" {tr(progress.unit)}" if progress.unit else ""
    return (tr(N_("{done} of {total}"), done=f"{done:g}", total=f"{total:g}") if total else f"{done:g}") + unit


def progress_parts(progress: Progress) -> list[str]:
    """Return the known parts of the progress, most important first."""
    percent = f"{min(progress.done / progress.total, 1):.0%}" if progress.done and progress.total else ""
    speed = ""
    if progress.unit == "bytes" and progress.rate and progress.rate > 0:
        speed = f"{size(progress.rate)}/s"
    left = progress.seconds_left
    remaining = tr(N_("{time} left"), time=duration(left)) if left is not None and progress.unit == "bytes" else ""
    attempt = tr(N_("try {number}"), number=progress.attempt)
    parts = [str(progress.text), percent, amount(progress), speed, remaining]
    parts += [attempt] if progress.attempt and not percent and not str(progress.text) else []
    return [part for part in parts if part]
