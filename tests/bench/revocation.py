"""Measure how soon a revoked key is refused while streams and constant requests run through the gateway.

    python -m tests.bench.revocation                # 64 streams, five times

HAProxy on the loopback interface with stub engines, and `inferfleet clients revoke` as a user runs it. The stub engine
and the clients are threads of one Python process, on the processor cores that Ansible and HAProxy use as well.
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.gateway.client_inventory import Inventory
from tests.gateway.client_load import Load, load
from tests.gateway.conftest import Gateway, run_gateway


def revoke(gateway: Gateway, inventory: Inventory, running: Load) -> dict[str, float]:
    """Return seconds: of the command, and to the last admitted request from its start and from the new map of keys."""
    begin, clock = time.monotonic(), time.time() - time.monotonic()
    code, document, _ = inventory.clients("revoke", "bob")
    end = time.monotonic()
    if code:
        raise SystemExit(str(document["problems"] + document["failures"]))
    gateway.until(lambda: running.statuses("bob", end) == {401}, 60)
    last = max(request.begin for request in [*running.sent] if request.client == "bob" and request.status == 200)
    written = Path(gateway.paths.of("keys")).stat().st_mtime - clock
    return {"command": end - begin, "admitted": last - begin, "after_map": last - written}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=64, help="open streams (64)")
    parser.add_argument("--times", type=int, default=5, help="measurements (5)")
    given = parser.parse_args()
    for _ in range(given.times):
        with tempfile.TemporaryDirectory() as folder:
            files, site = Path(folder, "gateway"), Path(folder, "inventory")
            files.mkdir()
            with (
                run_gateway(files, checked=False) as gateway,
                load(gateway, given.streams, 4, ("alice", "bob")) as running,
            ):
                seconds = revoke(gateway, Inventory(site, gateway), running)
                gateway.until(running.all_streams_received(), 60)
            requests = sum(request.client == "alice" for request in running.sent)
            failed = sum(request.client == "alice" and request.status != 200 for request in running.sent)
        print(
            "last admitted request: {admitted:.2f} s after the start of the command, {after_map:.2f} s after the map of"
            " keys was written; command: {command:.2f} s;".format_map(seconds),
            f"other client: {requests} requests, {failed} failed; {given.streams} streams, none broken",
        )


if __name__ == "__main__":
    main()
