"""`inferfleet logs`: the logs of all nodes in one sequence."""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.text import Text

from inferfleet.cli.commands.plan import ExtraVars, Inventory
from inferfleet.cli.durations import seconds_of, wrong_span
from inferfleet.cli.node_sessions import Nodes
from inferfleet.cli.options import RUN_PANEL, AccessOptions, takes_run_options
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.log_lines import LogLines
from inferfleet.cli.output.plan import print_problems
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.cli.supervision import ReplicaOption
from inferfleet.components import load_component, load_components
from inferfleet.doctor.evidence import ENGINE, plain
from inferfleet.engines.logs import log_names
from inferfleet.messages import N_, Problem
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome
from inferfleet.sessions import Ended, Entry, Line, Ordered, Session, Streams

_SINCE = "1h"
_PAST_LINES, _FOLLOWED_LINES = 1000, 20  # of each log, without --tail
_HOLD = 1.0  # seconds in which lines of other nodes arrive
_LOOK = 0.3  # seconds between two outputs
_RECONNECT = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class _Selection:
    """What the options select, and how much of it."""

    components: Sequence[str]
    replica: str
    since: int
    tail: int
    follow: bool


@takes_run_options
def logs(
    options: AccessOptions,
    inventory: Inventory,
    service: Annotated[
        str,
        typer.Option(
            "--service",
            metavar="NAME",
            show_default=False,
            rich_help_panel=RUN_PANEL,
            help=N_("Only the nodes of this service (group service_NAME)."),
        ),
    ] = "",
    replica: ReplicaOption = "",
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="HOST", rich_help_panel=RUN_PANEL, help=N_("Only this node. Repeatable.")),
    ] = None,
    component: Annotated[
        list[str] | None,
        typer.Option(
            "--component",
            "-c",
            metavar="NAME",
            rich_help_panel=RUN_PANEL,
            help=N_("Only this component, e.g. engine or gateway. Repeatable."),
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", rich_help_panel=RUN_PANEL, help=N_("Time span of the lines: 30m, 1h.")),
    ] = _SINCE,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail",
            min=0,
            metavar="N",
            show_default=False,
            rich_help_panel=RUN_PANEL,
            help=N_("Last lines of each log, 0: all; default: 1000, with --follow 20."),
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-F", metavar="", help=N_("Also show new lines, until Ctrl-C."))
    ] = False,
    extra_vars: ExtraVars = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help=N_("Print one JSON object a line."))] = False,
) -> None:
    """Print the logs that the options select."""
    seconds = seconds_of(since)
    try:
        if seconds is None:
            problem = wrong_span(since)
            raise UsageError(problem.code, problem.template, problem.remedy_template, **problem.parameters)
        components = _components(component or [])
        nodes = Nodes(options, inventory, extra_vars)
        hosts = nodes.chosen(node or [], service)
        lines = (_FOLLOWED_LINES if follow else _PAST_LINES) if tail is None else tail
        selection = _Selection(components, replica, seconds, lines, follow)
        raise typer.Exit(_Run(nodes, hosts, selection, as_json=as_json).run())
    except UsageError as error:
        print_problems(make_console(stderr=True), [error.problem])
        raise typer.Exit(Outcome.BAD_INPUT.exit_code) from None


def _components(given: Sequence[str]) -> list[str]:
    known = [component.name for component in load_components()]
    for name in given:
        if name not in known:
            raise UsageError(
                "unknown-name",
                N_("There is no component {name}."),
                N_("Choose from {names}."),
                name=name,
                names=known,
            )
    return list(given) or known


def container_pattern(components: Sequence[str]) -> str:
    """Return a regular expression for the containers of components, also for replaced ones (NAME-before)."""
    names = [load_component(name).container for name in components]
    patterns = [rf"{re.escape(name)}(-before)?" for name in names if name]
    patterns += [f"({log_names().pattern})(-before)?"] if ENGINE in components else []
    return f"^({'|'.join(patterns)})$" if patterns else ""


def component_of(source: str) -> str:
    """Return the component of a container or unit."""
    name = source.removesuffix("-before")
    own = {item.container or item.unit: item.name for item in load_components()}
    return own.get(name, ENGINE)


class _Run:
    """Shows the logs of one command."""

    def __init__(self, nodes: Nodes, hosts: Sequence[str], selection: _Selection, *, as_json: bool) -> None:
        self._selection = selection
        self._sessions: dict[str, Session] = {}
        settings = {
            "containers": container_pattern(selection.components),
            "units": [unit for name in selection.components if (unit := load_component(name).unit)],
            "replica": selection.replica,
            "since": selection.since,
            "tail": selection.tail,
            "follow": selection.follow,
        }
        self._open: Callable[[str, int], Session] = lambda host, age: nodes.sessions(
            [host], "logs", {**settings, "since": age}
        )[0]
        self._sessions = {host: self._open(host, selection.since) for host in hosts}
        self._hide = nodes.hider()
        self._replicas: dict[str, str] = {}
        self._ordered = Ordered(_HOLD)
        self._console = make_console()
        self._errors = make_console(stderr=True)
        self._lines = LogLines(self._console, hosts, self._replicas, as_json=as_json)
        self._failed: dict[str, float] = {}

    def run(self) -> int:
        try:
            with Streams(list(self._sessions.values())) as streams:
                while streams.running or (self._selection.follow and self._failed):
                    for item in streams.items(_LOOK):
                        self._take(item)
                    if self._selection.follow:
                        if not streams.running:
                            time.sleep(_LOOK)  # all are lost: until the next connection
                        self._show(self._ordered.ready(time.monotonic()))
                        self._reconnect(streams)
            self._show(self._ordered.rest())
        except KeyboardInterrupt:
            return Outcome.INTERRUPTED.exit_code
        return self._finish()

    def _take(self, item: Line | Ended) -> None:
        if isinstance(item, Ended):
            if item.reason or (self._selection.follow and self._mine(item.host)):
                self._lost(item)
            return
        try:
            content = json.loads(item.text)
            if isinstance(content, dict):
                self._replicas[item.host] = str(content["replica"])
                self._failed.pop(item.host, None)
                return
            moment, source, text = map(str, content)
        except (ValueError, TypeError, KeyError):
            return  # the login banner of a shell
        self._ordered.add(Entry(moment, item.host, source, text), time.monotonic())

    def _mine(self, host: str) -> bool:
        wanted = self._selection.replica
        return not wanted or wanted in (host, self._replicas.get(host))

    def _lost(self, item: Ended) -> None:
        if item.host not in self._failed:
            reason = item.reason or tr(N_("the connection ended"))
            message = tr(N_("{host}: no logs: {reason}"), host=item.host, reason=reason)
            self._errors.print(Text(message, style="red"), soft_wrap=True)
        self._failed[item.host] = time.monotonic()

    def _reconnect(self, streams: Streams) -> None:
        for host, at in self._failed.items():
            if time.monotonic() - at >= _RECONNECT:
                self._failed[host] = float("inf")
                streams.restart(self._open(host, int(_RECONNECT) + 1))

    def _show(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._lines.show(
                Entry(entry.time, entry.node, entry.source, self._hide(plain(entry.text))), component_of(entry.source)
            )

    def _finish(self) -> int:
        wanted, names = self._selection.replica, sorted(set(self._replicas.values()) - {""})
        if wanted and wanted not in (*names, *self._sessions):
            message, remedy = N_("There is no replica {replica}."), N_("Choose from {names}.")
            problem = Problem("unknown-replica", message, remedy if names else N_("Run `inferfleet up` first."),
                              replica=wanted, names=names)  # fmt: skip
            print_problems(self._errors, [problem])
            return Outcome.BAD_INPUT.exit_code
        if not self._failed:
            return Outcome.OK.exit_code
        next_step = N_("Next: `inferfleet check` reports how to reach {hosts}.")
        self._errors.print(Text(tr(next_step, hosts=list(self._failed))), soft_wrap=True)
        return Outcome.UNREACHABLE.exit_code


COMMAND = Command(
    name="logs",
    run=logs,
    position=130,
    help=(
        N_("Show the logs of containers and units of all nodes in the order of their times, with secrets masked."),
        N_("Exits with code 4 when a node is unreachable; the lines of the others are shown."),
    ),
    examples=(
        ("inferfleet logs -i inventories/a800 --since 30m", ""),
        ("inferfleet logs -i inventories/a800 --component engine --follow", ""),
        ("inferfleet logs -i inventories/a800 --replica a800-01 --json | jq -r .text", ""),
    ),
)
