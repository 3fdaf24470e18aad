"""Confirmation of a command that stops serving nodes."""

import sys

import typer

from inferfleet.cli.options import RunOptions
from inferfleet.cli.output.text import tr
from inferfleet.messages import N_, Message
from inferfleet.runner.errors import UsageError


def confirm(question: str, options: RunOptions) -> None:
    """Return if the user answers the template `question` with yes.

    Raises:
        UsageError: the answer is no, or there is no terminal.
    """
    scope = {"inventory": options.inventory, "hosts": options.limit or Message("", N_("all hosts"))}
    if not sys.stdin.isatty():
        raise UsageError(
            "not-confirmed",
            N_("This command stops the services of {inventory} ({hosts}), and there is no terminal to confirm it."),
            N_("Add --yes to confirm it, or --check to see what would be removed."),
            **scope,
        )
    if not typer.confirm(tr(question, **scope), err=True):
        raise UsageError("not-confirmed", N_("Not confirmed: nothing was changed."), "")
