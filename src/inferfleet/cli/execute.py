"""Run the playbook of a command: validate the options, show progress, print the summary."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from inferfleet.cli.access import access_of
from inferfleet.cli.confirm import confirm
from inferfleet.cli.options import ProgressForm, RunOptions
from inferfleet.cli.output.document import document, to_text, usage_document
from inferfleet.cli.output.junit import check_writable, report
from inferfleet.cli.output.live import LiveView
from inferfleet.cli.output.objects import ProgressView
from inferfleet.cli.output.plain import AnsibleView, PlainView
from inferfleet.cli.output.print_summary import print_summary
from inferfleet.cli.output.summary import summarize
from inferfleet.cli.output.view import Header, View
from inferfleet.cli.registry import Command, Result
from inferfleet.inventory.sources import read_sources
from inferfleet.messages import N_, Problem, os_reason
from inferfleet.runner.checkout import find_checkout, find_inventory
from inferfleet.runner.command import Request, access_arguments, shown_command
from inferfleet.runner.errors import UsageError
from inferfleet.runner.events import Fold
from inferfleet.runner.extra_vars import parse_extra_vars, shown_extra_vars
from inferfleet.runner.lock import locked
from inferfleet.runner.outcome import Outcome, outcome
from inferfleet.runner.run import run
from inferfleet.runner.stages import planned_roles, split_tags, tags_of


def execute(
    command: Command,
    options: RunOptions,
    *,
    extra_vars: Sequence[str] = (),
    assert_no_change: bool = False,
    confirmed: bool = False,
    removed: Sequence[str] = (),
    check: Callable[[Request], None] = lambda request: None,
    complete: Callable[[Result], Result] = lambda result: result,
    summary: bool = True,
) -> int:
    """Run the playbook of a command and return the exit code; `extra_vars` are set by the command itself.

    `removed` are the nodes that the run takes out of the inventory, `check` raises UsageError if the run is
    not possible. `complete` adds to the result what the playbook must not report, because it is logged. Without
    `summary`, stdout is left to the command: progress and summary go to stderr.
    """
    console = Console(stderr=options.json or not summary, highlight=False, emoji=False, markup=False)
    cwd = Path.cwd()
    try:
        if options.junit:
            check_writable(options.junit)
        root = find_checkout(cwd, os.environ)
        request = replace(build_request(command, options, extra_vars, cwd, root), removed=removed)
        check(request)
        if command.question and not confirmed and not options.check:
            confirm(command.question, options)
        return _run(command, options, request, console, cwd, assert_no_change, complete)
    except UsageError as error:
        refuse(error.problem, command.name, options)
    except OSError as error:
        refuse(log_not_writable(error), command.name, options)
    return Outcome.BAD_INPUT.exit_code


def log_not_writable(error: OSError) -> Problem:
    """Return the problem of a run whose log cannot be written."""
    return Problem(
        "not-writable",
        N_("The run log cannot be written: {file}: {reason}."),
        N_("Make that folder writable, and free disk space there."),
        file=str(error.filename or ".cache"),
        reason=os_reason(error),
    )


def build_request(command: Command, options: RunOptions, extra_vars: Sequence[str], cwd: Path, root: Path) -> Request:
    """Return the run that the options describe; prompts for passwords where requested.

    Raises:
        UsageError: a path, a tag or a variable is wrong, or a file of the inventory cannot be read.
    """
    inventory = find_inventory(options.inventory, cwd, root)
    _check_tags(root / command.playbook, options)
    read_sources([inventory])  # Ansible reports neither file nor line of most errors
    return Request(
        root=root,
        playbook=command.playbook,
        inventory=inventory,
        extra_vars=parse_extra_vars([*(options.extra_vars or []), *extra_vars], cwd),
        limit=options.limit,
        tags=options.tags,
        skip_tags=options.skip_tags,
        check=options.check,
        diff=options.diff,
        forks=options.forks,
        verbosity=options.verbose,
        access=access_of(options, cwd),
    )


_ANY_TAGS = {"all", "always", "never", "tagged", "untagged"}  # special tags of Ansible
_REQUIRED_TAGS = {"preflight"}  # every other part needs its plan


def _check_tags(playbook: Path, options: RunOptions) -> None:
    """Refuse a tag that the playbook does not have: it would select nothing, and the run would succeed.

    For a playbook without tags, Ansible's special ones select everything or, next to preflight, nothing.
    """
    known = tags_of(playbook)
    selectable_tags = known | _ANY_TAGS if known else set()
    selectable = {"--tags": selectable_tags, "--skip-tags": selectable_tags - _REQUIRED_TAGS}
    for option, given in (("--tags", options.tags), ("--skip-tags", options.skip_tags)):
        for tag in split_tags(given or ""):
            if tag not in selectable[option]:
                template = N_("Option {option} has {tag}, which is not a tag of {playbook}.")
                names = sorted(selectable[option] - _ANY_TAGS)
                remedy = N_("Choose from {tags}.") if names else N_("Omit the option.")
                raise UsageError(
                    "unknown-tag", template, remedy, option=option, tag=tag, playbook=playbook.name, tags=names
                )


def refuse(problem: Problem, command: str, options: RunOptions) -> None:
    """Print one line on stderr, and the JSON document with --json."""
    Console(stderr=True, highlight=False, emoji=False).print(Text(f"inferfleet: {problem}"), soft_wrap=True)
    if options.json:
        typer.echo(to_text(usage_document(command, options.inventory, problem)))


def _run(
    command: Command,
    options: RunOptions,
    request: Request,
    console: Console,
    cwd: Path,
    assert_no_change: bool,
    complete: Callable[[Result], Result],
) -> int:
    playbook = request.root / request.playbook
    planned = planned_roles(playbook)
    fold = Fold({} if request.partial else planned)
    header = Header(command.name, _short(request.inventory, cwd), shown_command(request, cwd))
    color = options.verbose > 0 and console.is_terminal and not console.no_color
    lock = locked(request.root, request.inventory) if command.changes_nodes and not options.check else nullcontext()
    with lock, _view(console, header, fold, options) as view:
        result = run(request, fold, view.on_event, view.on_interrupt, color=color)
    result = replace(result, result=complete(result.result))
    final = command.outcome(outcome(result, assert_no_change=assert_no_change), result.result)
    log = _short(result.log, cwd)
    again = _again(command, options, request, cwd)
    if not (options.json and options.progress is ProgressForm.JSON):  # otherwise both outputs are for programs
        summary = summarize(
            command,
            result,
            final,
            again=again,
            inventory=options.inventory,
            check=options.check,
            log=log,
            cwd=cwd,
            tags=tags_of(playbook),
        )
        print_summary(console, summary)
    if options.junit:
        options.junit.write_text(report(command.name, result, final), "utf-8")
    if options.json:
        typer.echo(to_text(document(header, result, final, result.log)))
    return final.exit_code


def _view(console: Console, header: Header, fold: Fold, options: RunOptions) -> View:
    if options.progress is ProgressForm.JSON:
        return ProgressView(sys.stderr, header, fold)
    if options.verbose:
        return AnsibleView(console, header, fold)
    if options.progress is ProgressForm.AUTO and console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, header, fold)
    return PlainView(console, header, fold)


def _again(command: Command, options: RunOptions, request: Request, cwd: Path) -> str:
    """Return the command to repeat, without tags and with secrets masked."""
    words = ["inferfleet", *command.name.split(), *request.removed, "-i", options.inventory]
    words += access_arguments(request.access, cwd)
    words += ["--limit", options.limit] if options.limit else []
    words += [part for item in request.extra_vars for part in shown_extra_vars(item, request.root)]
    return shlex.join(words)


def _short(path: str, cwd: Path) -> str:
    """Return `path` relative to the current folder if it is inside it."""
    return str(Path(path).relative_to(cwd)) if Path(path).is_relative_to(cwd) else path
