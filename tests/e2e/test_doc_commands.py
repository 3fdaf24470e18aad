"""The commands of the pages that change nothing, run on the test cluster."""

from typing import Any

import pytest
from lab_cluster import INVENTORY, TOOLS, Controller
from tests.doc_commands import PAGES, commands

pytestmark = pytest.mark.lab

HARMLESS = ("plan", "estimate", "check", "status", "events", "drain", "clients", "weights", "rollback")
"""Verbs that change nothing, some of them only with one of `READING`."""
READING = {"drain": "--list", "clients": "list", "weights": "list", "rollback": "--list"}
ANSWERS = {0, 3}  # 3: the planner refuses what the page shows for other accelerators


def harmless(words: tuple[str, ...]) -> bool:
    program, verb = words[0], words[1]
    endless = "--watch" in words
    return program == "inferfleet" and verb in HARMLESS and READING.get(verb, verb) in words and not endless


def on_the_lab(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command with the inventory of the test cluster, without options for another inventory or terminal."""
    shown, result = list(words[1:]), []
    while shown:
        word = shown.pop(0)
        if word in ("-i", "--inventory"):
            result += [word, INVENTORY]
            shown.pop(0)
        elif word == "--config":
            shown.pop(0)
            result += ["--model", "deepseek-r1"]  # instead of a file that the test cluster does not have
        elif word in ("-e", "-u", "--facts", "--replica", "--kv-bytes-per-token"):
            shown.pop(0)  # a model, a user or a file that the test cluster does not have
        elif word not in ("-K", "-b", "-J", "-k"):
            result.append(word)
    return tuple(result)


SHOWN = sorted({on_the_lab(c.words) for page in PAGES for c in commands(page) if c.block and harmless(c.words)})


def test_pages_show_harmless_commands():
    assert {"plan", "estimate", "check", "status", "events"} <= {words[0] for words in SHOWN}


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_a_command_of_the_pages_runs_on_the_test_cluster(
    deployed: dict[str, Any], controller: Controller, words: tuple[str, ...]
):
    done = controller.run([TOOLS / "inferfleet", *words])
    assert done.rc in ANSWERS, done
