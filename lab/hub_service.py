"""The service of the local hub: `python -m lab.hub`, on the cluster network only."""

import sys

from lab.checkpoint import hub_root
from lab.config import CONTROLLER, HUB_PORT, LabConfig
from lab.services import Service


def service(config: LabConfig) -> Service:
    """Return the service of the hub from which nodes download weights."""
    root, host, port = str(hub_root(config.cache)), str(CONTROLLER), str(HUB_PORT)
    argv = [sys.executable, "-m", "lab.hub", "--root", root, "--host", host, "--port", port]
    return Service("hub", argv, host, HUB_PORT)
