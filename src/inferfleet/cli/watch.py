"""`inferfleet status --watch`: the state of all nodes, until Ctrl-C."""

import json
import time
from contextlib import nullcontext
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from inferfleet.cli.node_sessions import Nodes
from inferfleet.cli.options import RunOptions
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.text import tr
from inferfleet.cli.output.watch import gpu_rows, heading, picture, plain_lines, replica_rows, silent
from inferfleet.engines import load_engines
from inferfleet.messages import N_
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome
from inferfleet.sessions import Ended, Session, Streams

SECONDS = 2.0
"""Time between two reports of a node."""
_RECONNECT = 5.0  # seconds


def metric_names() -> dict[str, list[str]]:
    """Return the names of each metric in all engines and versions."""
    metrics = [engine.metrics for engine in load_engines().values() if engine.metrics]
    return {
        "running": list(dict.fromkeys(each.running for each in metrics)),
        "waiting": list(dict.fromkeys(each.waiting for each in metrics)),
        "generated": list(dict.fromkeys(each.generated for each in metrics if each.generated)),
        "kv_cache": list(dict.fromkeys(name for each in metrics for name in each.kv_cache)),
    }


def watch(options: RunOptions) -> int:
    """Show the state until Ctrl-C and return the exit code.

    Raises:
        UsageError: the inventory or a connection cannot be used.
    """
    if options.json:
        raise UsageError(
            "usage",
            N_("--watch and --json exclude each other."),
            N_("Omit --watch: one run with --json prints one document."),
        )
    nodes = Nodes(options, options.inventory, options.extra_vars)
    hosts = nodes.chosen(options.limit.split(",") if options.limit else [])
    sessions = nodes.sessions(hosts, "state", {"metrics": metric_names(), "seconds": SECONDS})
    console = make_console()
    view = _View(options.inventory, {session.host: session for session in sessions}, console)
    try:
        return view.run()
    except KeyboardInterrupt:
        return Outcome.INTERRUPTED.exit_code


class _View:
    def __init__(self, inventory: str, sessions: dict[str, Session], console: Console) -> None:
        self._inventory, self._sessions, self._console = inventory, sessions, console
        self._now: dict[str, dict[str, Any]] = {}
        self._before: dict[str, dict[str, Any]] = {}
        self._lost: dict[str, str] = {}
        self._restart_at: dict[str, float] = {}

    def run(self) -> int:
        waiting = Text(tr(N_("Connecting to {count} nodes …"), count=len(self._sessions)))
        live = Live(waiting, console=self._console, auto_refresh=False, vertical_overflow="crop")
        terminal = self._console.is_terminal
        with Streams(list(self._sessions.values())) as streams, live if terminal else nullcontext():
            while True:
                until = time.monotonic() + SECONDS
                while (left := until - time.monotonic()) > 0:
                    for item in streams.items(left):
                        self._take(item)
                    if not streams.running:
                        time.sleep(min(left, SECONDS))
                self._reconnect(streams)
                now = {host: self._now[host] for host in self._sessions if host in self._now}
                shown = replica_rows(now, self._before), gpu_rows(now), silent(now, self._lost, time.monotonic())
                moment = time.strftime("%H:%M:%S")
                if terminal:
                    live.update(Group(heading(self._inventory, moment), picture(*shown)), refresh=True)
                else:
                    for line in plain_lines(*shown):
                        print(f"{moment} {line}", flush=True)

    def _take(self, item: Any) -> None:
        if isinstance(item, Ended):
            self._lost[item.host] = item.reason or tr(N_("the connection ended"))
            self._restart_at[item.host] = time.monotonic() + _RECONNECT
            return
        try:
            state = json.loads(item.text)
            state["received"] = time.monotonic()
        except (ValueError, TypeError):
            return  # the login banner of a shell
        if item.host in self._now:
            self._before[item.host] = self._now[item.host]
        self._now[item.host] = state
        self._lost.pop(item.host, None)

    def _reconnect(self, streams: Streams) -> None:
        for host, at in list(self._restart_at.items()):
            if time.monotonic() >= at:
                del self._restart_at[host]
                streams.restart(self._sessions[host])
