"""Serve model folders: `python -m lab.hub --root DIR --host ADDRESS --port PORT`."""

import argparse
import logging
import re
import sys
from pathlib import Path

import uvicorn

from lab.hub.app import create_app
from lab.hub.repository import NAME

ID = re.compile(f"{NAME.pattern}/{NAME.pattern}")
SHUTDOWN = 1  # seconds; clients of a stalled transfer would block the shutdown


def id_pair(text: str) -> tuple[str, str]:
    """Parse `owner/name=owner/name`. Raises ArgumentTypeError if invalid."""
    here, _, there = text.partition("=")
    if not (ID.fullmatch(here) and ID.fullmatch(there)):
        raise argparse.ArgumentTypeError(f"{text} is not owner/name=owner/name")
    return here, there


parser = argparse.ArgumentParser(prog="python -m lab.hub", description="Serve DIR/<owner>/<name> like model hubs.")
parser.add_argument("--root", type=Path, required=True, help="folder that holds <owner>/<name>/ folders")
parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
parser.add_argument("--port", type=int, default=8090, help="port to listen on (default: 8090)")
parser.add_argument("--rate", type=float, metavar="BYTES_PER_S", help="bandwidth shared by all clients")
parser.add_argument(
    "--fail-after", type=int, metavar="BYTES", help="cut the first transfer of each file to each client after BYTES"
)
parser.add_argument(
    "--corrupt",
    action="append",
    default=[],
    metavar="PATH",
    help="send the file owner/name/path with one inverted byte",
)
parser.add_argument(
    "--modelscope-id",
    action="append",
    default=[],
    type=id_pair,
    metavar="ID=OTHER",
    help="serve the repository ID as OTHER over the ModelScope API",
)
arguments = parser.parse_args()

if not arguments.root.is_dir():
    sys.exit(f"error: --root {arguments.root} is not a folder")
if arguments.rate is not None and arguments.rate <= 0:
    sys.exit(f"error: --rate {arguments.rate} must be above 0")
logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
try:
    app = create_app(
        arguments.root,
        rate=arguments.rate,
        fail_after=arguments.fail_after,
        corrupt=arguments.corrupt,
        modelscope_ids=dict(arguments.modelscope_id),
    )
except (OSError, ValueError) as problem:
    sys.exit(f"error: --corrupt: {problem}")
uvicorn.run(
    app,
    host=arguments.host,
    port=arguments.port,
    access_log=False,
    log_config=None,
    timeout_graceful_shutdown=SHUTDOWN,
)
