"""`inferfleet clients revoke` while 64 streams and constant requests run through the gateway."""

import time

from tests.gateway.client_inventory import Inventory
from tests.gateway.client_load import load


def test_revoked_client_is_refused_and_no_stream_breaks(gateway, tmp_path):
    inventory, worker = Inventory(tmp_path, gateway), gateway.worker()
    with load(gateway, streams=64, senders=4, clients=("alice", "bob")) as running:
        assert running.statuses("bob") == {200}
        code, document, _ = inventory.clients("revoke", "bob")
        revoked = time.monotonic()
        assert code == 0, document["problems"] + document["failures"]
        gateway.until(lambda: running.statuses("bob", revoked) and running.statuses("alice", revoked), 60)
        gateway.until(running.all_streams_received(), 60)  # also those of the revoked client: they end normally
    assert running.statuses("bob", revoked) == {401}
    assert running.statuses("alice") == {200}
    assert gateway.worker() == worker
