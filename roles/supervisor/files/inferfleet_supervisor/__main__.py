"""Command line of the supervisor of a node. Exits with code 1 if the supervisor does not answer or refuses."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inferfleet_supervisor import control
from inferfleet_supervisor.daemon import Daemon
from inferfleet_supervisor.journal import Journal
from inferfleet_supervisor.settings import CONTROL_SOCKET, SETTINGS, STATE_FOLDER, load

_EPILOG = """examples:
  inferfleet-supervisor status
  inferfleet-supervisor events --since 3600
  inferfleet-supervisor stop        # the replica on all its nodes, until `start`
"""
_COMMANDS = {
    "run": "supervise the containers of this node (systemd runs this)",
    "status": "print the state of the replica",
    "events": "print what happened on this node",
    "stop": "stop the replica on all its nodes until it is started",
    "start": "start the replica",
    "restart": "restart the replica",
    "hold": "only observe for some time, while containers are changed",
    "release": "act again",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "run":
        asyncio.run(_run(options))
    if options.command == "events":
        return _events(options)
    try:
        status = control.send(options.socket, _request(options))
    except (OSError, ValueError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    if options.command == "status" and not options.json:
        for name, value in status.items():
            print(f"{name}: {value if isinstance(value, (str, int)) else json.dumps(value)}")
    elif options.command == "status":
        print(json.dumps(status))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "inferfleet-supervisor",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--settings", default=SETTINGS, help="file of the settings (%(default)s)")
    parser.add_argument("--folder", default=STATE_FOLDER, help="folder of state and journal (%(default)s)")
    parser.add_argument("--socket", default=CONTROL_SOCKET, help="control socket (%(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name in ("status", "events"):
            command.add_argument("--json", action="store_true", help="print JSON, one object a line")
        if name == "events":
            command.add_argument("--since", type=float, default=0.0, help="only those of the last SINCE seconds")
        if name == "hold":
            command.add_argument("--seconds", type=float, required=True, help="time after which it acts again")
            command.add_argument("--reason", required=True, help="shown in status and events")
    return parser


async def _run(options: argparse.Namespace) -> None:
    daemon = Daemon(load(options.settings), Path(options.folder))
    await control.serve(daemon, options.socket)
    await daemon.run()


def _request(options: argparse.Namespace) -> dict[str, Any]:
    request: dict[str, Any] = {"command": options.command}
    if options.command == "hold":
        request.update({"seconds": options.seconds, "reason": options.reason})
    return request


def _events(options: argparse.Namespace) -> int:
    since = control.start_of(options.since) if options.since else ""
    for event in Journal(Path(options.folder) / "events.jsonl", "", "").read(since):
        if options.json:
            print(json.dumps(event, ensure_ascii=False))
        else:
            print(event["time"], event["replica"], event["generation"], event["event"], json.dumps(event["parameters"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
