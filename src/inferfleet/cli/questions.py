"""The questions of `inferfleet init`: answers given as options are not requested again."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import typer
from rich.text import Text

from inferfleet.catalog import UnknownNameError, accelerator_name, load_model
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.text import tr
from inferfleet.inventory.answers import Answers, parse_hosts, webui_host
from inferfleet.messages import N_, Problem
from inferfleet.runner.errors import UsageError

Given = Mapping[str, str | int | bool | None]
"""Answers by name; None: not given."""


def _device_count(text: str) -> None:
    if not text.isdecimal() or not 0 < int(text) < 1000:
        raise UsageError("bad-count", N_("{value} is not a number of accelerators."), N_("Write e.g. 8."), value=text)


def _accelerator(text: str) -> None:
    accelerator_name(text)


def _model(text: str) -> None:
    if not text.startswith("/"):  # a folder is stored on the nodes
        load_model(text)


@dataclass(frozen=True, slots=True)
class _Question:
    """A question; `default` is the text to accept with Enter, `check` refuses an answer."""

    name: str
    text: str
    default: str = ""
    required: bool = False
    check: Callable[[str], object] = lambda answer: None


_QUESTIONS = (
    _Question(
        "hosts",
        N_("Nodes, the head node first (10.0.0.11,10.0.0.12 or gpu[1:4] or gpu[1:4]=10.0.0.[11:14])"),
        required=True,
        check=parse_hosts,
    ),
    _Question("user", N_("SSH user"), "root"),
    _Question("sudo", N_("Does this user become root through sudo?")),
    _Question("jump_host", N_("Jump host, e.g. ops@bastion.example.com (empty: none)")),
    _Question("accelerator", N_("Accelerator, e.g. H200-141G"), required=True, check=_accelerator),
    _Question("accelerators_per_node", N_("Accelerators per node"), "8", required=True, check=_device_count),
    _Question("model", N_("Model, or the path of a folder with weights on the nodes"), "deepseek-r1", True, _model),
    _Question("cluster_network", N_("Network for Ray and NCCL, e.g. 10.0.0.0/24 (empty: that of the addresses above)")),
    _Question("webui", N_("Host of Open WebUI (empty: the head node, `none`: without it)")),
)
REQUIRED = tuple(question.name for question in _QUESTIONS if question.required)
"""Answers without which no inventory is written; without a terminal they must be options."""


def has_terminal() -> bool:
    """Return whether there is a terminal to prompt on."""
    return sys.stdin.isatty()


def missing(given: Given) -> list[str]:
    """Return the options of required answers that are not given."""
    return [f"--{name.replace('_', '-')}" for name in REQUIRED if given.get(name) is None]


def collect(given: Given) -> dict[str, str | int | bool | None]:
    """Return the answers, after prompting for those that are not given.

    Raises:
        UsageError: a required answer is missing, and there is no terminal to prompt on.
    """
    options = missing(given)
    if options and not has_terminal():
        raise UsageError(
            "answers-missing",
            N_("Without a terminal, {options} must be given."),
            N_("Add them, or start from an example: --like NAME (--list shows the examples)."),
            options=options,
        )
    return prompt_for(given) if options else dict(given)


def prompt_for(given: Given, earlier: Given | None = None) -> dict[str, str | int | bool | None]:
    """Prompt for each answer that is not given; `earlier` are the defaults of a second round."""
    answers = dict(given)
    for question in _QUESTIONS:
        if given.get(question.name) is not None:
            continue
        before = (earlier or {}).get(question.name)
        if question.name == "sudo":
            if answers.get("user") != "root":
                default = True if before is None else bool(before)
                answers["sudo"] = typer.confirm(tr(question.text), default=default, err=True)
            continue
        answers[question.name] = _prompt(question, question.default if before is None else str(before))
    return answers


def _prompt(question: _Question, default: str) -> str:
    while True:
        answer = str(typer.prompt(tr(question.text), default=default, show_default=bool(default), err=True)).strip()
        try:
            if answer or question.required:
                question.check(answer)
            return answer
        except (UsageError, UnknownNameError) as error:
            _show(error.problem)


def _show(problem: Problem) -> None:
    make_console(stderr=True).print(Text(f"  {problem}", style="red"), soft_wrap=True)


def answers_of(given: Given) -> Answers:
    """Return the complete answers.

    Raises:
        UsageError: an answer cannot be used.
    """
    text = {name: str(value or "").strip() for name, value in given.items()}
    hosts = parse_hosts(text["hosts"])
    _device_count(text["accelerators_per_node"])
    try:
        accelerator = accelerator_name(text["accelerator"])
        _model(text["model"])
    except UnknownNameError as error:
        problem = error.problem
        raise UsageError(problem.code, problem.template, problem.remedy_template, **problem.parameters) from None
    return Answers(
        hosts=hosts,
        accelerator=accelerator,
        accelerators_per_node=int(text["accelerators_per_node"]),
        model=text["model"],
        user=text.get("user") or "root",
        port=int(text.get("ssh_port") or 0),
        sudo=bool(given.get("sudo")),
        jump_host=text.get("jump_host", ""),
        cluster_network=text.get("cluster_network", ""),
        webui=webui_host(text.get("webui", ""), hosts),
    )
