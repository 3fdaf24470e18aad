"""Serve model folders: `python -m lab.hub --root DIR --host ADDRESS --port PORT`."""

import argparse
import logging
import sys
from pathlib import Path

import uvicorn

from lab.hub.app import create_app

parser = argparse.ArgumentParser(prog="python -m lab.hub", description="Serve DIR/<owner>/<name> like a hub mirror.")
parser.add_argument("--root", type=Path, required=True, help="folder that holds <owner>/<name>/ folders")
parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
parser.add_argument("--port", type=int, default=8090, help="port to listen on (default: 8090)")
parser.add_argument("--rate", type=float, metavar="BYTES_PER_S", help="share this much bandwidth among all clients")
parser.add_argument(
    "--fail-after", type=int, metavar="BYTES", help="cut each client's first transfer of each file there"
)
parser.add_argument(
    "--corrupt", action="append", default=[], metavar="PATH", help="send the file owner/name/path with a flipped byte"
)
arguments = parser.parse_args()

if not arguments.root.is_dir():
    sys.exit(f"error: --root {arguments.root} is no folder")
if arguments.rate is not None and arguments.rate <= 0:
    sys.exit(f"error: --rate {arguments.rate} must be above 0")
logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
try:
    app = create_app(arguments.root, rate=arguments.rate, fail_after=arguments.fail_after, corrupt=arguments.corrupt)
except OSError as problem:
    sys.exit(f"error: --corrupt: {problem}")
uvicorn.run(app, host=arguments.host, port=arguments.port, access_log=False, log_config=None)
