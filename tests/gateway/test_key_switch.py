"""One reload changes the replicas that the gateway uses, as for a new key of the engines."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RUN_MODULE = Path(__file__).parents[1] / "run_module.py"


def servers_module(gateway, **changes) -> dict[str, Any]:
    arguments = {"socket": str(gateway.master), "record": gateway.paths.of("state"), **changes}
    done = subprocess.run(
        [sys.executable, RUN_MODULE, "haproxy_servers"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments | {"_ansible_remote_tmp": "/tmp"}}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def used(gateway) -> set[str]:
    """Return the engines that answer."""
    return {gateway.chat("deepseek/r1").json()["server"] for _ in range(6)}


def test_replicas_change_with_the_reload(gateway):
    names = [row["server"] for row in servers_module(gateway)["servers"]]
    one = next(name for name in names if name.rpartition("/")[2].startswith("n1"))
    other = next(name for name in names if name.rpartition("/")[2].startswith("n2"))
    servers_module(gateway, server=one, state="drain")
    assert used(gateway) == {"n2"}

    next_state = {"next_ready": [one.rpartition("/")[2]], "next_drained": [other.rpartition("/")[2]]}
    assert servers_module(gateway, **next_state)["changed"]
    assert used(gateway) == {"n2"}  # until the reload

    gateway.reload_and_wait()
    assert used(gateway) == {"n1"}
    drained = {row["server"] for row in servers_module(gateway)["servers"] if row["drained"]}
    assert drained == {other}
