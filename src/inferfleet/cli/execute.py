"""Run one playbook for a command: check what was typed, show the run, say what it came to."""

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from inferfleet.cli.options import ProgressForm, RunOptions
from inferfleet.cli.render_json import document, to_text, usage_document
from inferfleet.cli.render_junit import check_writable, report
from inferfleet.cli.render_live import LiveView
from inferfleet.cli.render_plain import AnsibleView, PlainView
from inferfleet.cli.render_progress import ProgressView
from inferfleet.cli.render_summary import print_summary
from inferfleet.cli.summary import judge, summarize
from inferfleet.cli.verbs import Verb
from inferfleet.cli.view import Header, View
from inferfleet.messages import Problem
from inferfleet.runner.checkout import find_checkout, find_inventory
from inferfleet.runner.command import Request, shown_command
from inferfleet.runner.errors import UsageError
from inferfleet.runner.events import Fold
from inferfleet.runner.extra_vars import parse_extra_vars, shown_extra_vars
from inferfleet.runner.lock import locked
from inferfleet.runner.outcome import Outcome, outcome
from inferfleet.runner.run import run
from inferfleet.runner.stages import planned_roles


def execute(verb: Verb, options: RunOptions, *, extra_vars: Sequence[str] = (), assert_no_change: bool = False) -> int:
    """Run the playbook of `verb` and return the exit code; `extra_vars` are the command's own."""
    console = Console(stderr=options.json, highlight=False, emoji=False, markup=False)
    cwd = Path.cwd()
    try:
        if options.junit:
            check_writable(options.junit)
        root = find_checkout(cwd, os.environ)
        request = build_request(verb, options, extra_vars, cwd, root)
        return _run(verb, options, request, console, cwd, assert_no_change)
    except UsageError as error:
        refuse(error.problem, verb.name, options)
    except OSError as error:
        path = f" {error.filename}" if error.filename else ""
        reason = f"The run cannot be recorded:{path}: {error.strerror or error}."
        remedy = "Make the checkout's folder .cache writable, with room left on its disk."
        refuse(Problem("not-writable", reason, remedy), verb.name, options)
    return Outcome.BAD_INPUT.exit_code


def build_request(verb: Verb, options: RunOptions, extra_vars: Sequence[str], cwd: Path, root: Path) -> Request:
    """Return the run that the options ask for; asks for the vault password where told to.

    Raises:
        UsageError: a path or a variable is wrong.
    """
    inventory = find_inventory(options.inventory, cwd, root)
    variables = parse_extra_vars([*(options.extra_vars or []), *extra_vars], cwd)
    vault_file = options.vault_password_file and (cwd / options.vault_password_file.expanduser()).resolve()
    if vault_file and not vault_file.is_file():
        raise UsageError(
            "no-vault-password-file",
            f"--vault-password-file: there is no file {vault_file}.",
            "Name the file that holds the vault password.",
        )
    return Request(
        root=root,
        playbook=verb.playbook,
        inventory=inventory,
        extra_vars=variables,
        limit=options.limit,
        tags=options.tags,
        skip_tags=options.skip_tags,
        check=options.check,
        diff=options.diff,
        forks=options.forks,
        verbosity=options.verbose,
        vault_password_file=vault_file,
        vault_password=_ask_vault_password() if options.ask_vault_pass else None,
    )


def refuse(problem: Problem, command: str, options: RunOptions) -> None:
    """Print one line on stderr, and the JSON document where it was asked for."""
    Console(stderr=True, highlight=False, emoji=False).print(Text(f"inferfleet: {problem}"), soft_wrap=True)
    if options.json:
        typer.echo(to_text(usage_document(command, options.inventory, problem)))


def _run(verb: Verb, options: RunOptions, request: Request, console: Console, cwd: Path, assert_no_change: bool) -> int:
    planned = planned_roles(request.root / request.playbook)
    fold = Fold({} if request.partial else planned)
    header = Header(verb.name, _short(request.inventory, cwd), shown_command(request, cwd))
    color = options.verbose > 0 and console.is_terminal and not console.no_color
    alone = locked(request.root, request.inventory) if verb.changes and not options.check else nullcontext()
    with alone, _view(console, header, fold, options) as view:
        result = run(request, fold, view.on_event, view.on_interrupt, color=color)
    judged = judge(verb, outcome(result, assert_no_change=assert_no_change), result.result)
    log = _short(result.log, cwd)
    again = _again(verb, options, request)
    if not (options.json and options.progress is ProgressForm.JSON):  # else both outputs are for programs
        print_summary(console, summarize(verb, result, judged, again=again, check=options.check, log=log, cwd=cwd))
    if options.junit:
        options.junit.write_text(report(verb.name, result, judged), "utf-8")
    if options.json:
        typer.echo(to_text(document(header, result, judged, result.log)))
    return judged.exit_code


def _view(console: Console, header: Header, fold: Fold, options: RunOptions) -> View:
    if options.progress is ProgressForm.JSON:
        return ProgressView(sys.stderr, header, fold)
    if options.verbose:
        return AnsibleView(console, header, fold)
    if options.progress is ProgressForm.AUTO and console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, header, fold)
    return PlainView(console, header, fold)


def _again(verb: Verb, options: RunOptions, request: Request) -> str:
    """Return the command to type again, without tags and with secrets masked."""
    words = ["inferfleet", verb.name, "-i", options.inventory]
    words += ["--limit", options.limit] if options.limit else []
    words += [part for item in request.extra_vars for part in shown_extra_vars(item, request.root)]
    return shlex.join(words)


def _ask_vault_password() -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "no-terminal",
            "--ask-vault-pass needs a terminal to ask on.",
            "Use --vault-password-file or ANSIBLE_VAULT_PASSWORD_FILE.",
        )
    return str(typer.prompt("Vault password", hide_input=True, err=True))


def _short(path: str, cwd: Path) -> str:
    """Return `path` relative to the present folder where it lies below it."""
    return str(Path(path).relative_to(cwd)) if Path(path).is_relative_to(cwd) else path
