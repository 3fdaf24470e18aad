"""An inventory for `inferfleet clients`, whose gateway is the HAProxy of the tests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from tests.gateway.conftest import KEYS, Gateway

ROOT = Path(__file__).parents[2]


class Inventory:
    """An inventory whose gateway is the running HAProxy, with the keys of its clients."""

    def __init__(self, folder: Path, gateway: Gateway) -> None:
        self.folder, self.secrets = folder, folder / ".secrets"
        self.variables = {
            "__gateway_component": {"files": {"folder": str(gateway.folder)}},
            "__gateway_master_socket": str(gateway.master),
        }
        keys = self.secrets / "api_clients"
        keys.mkdir(parents=True)
        for name in ("alice", "bob"):
            (keys / name).write_text(f"{KEYS[name]}\n")
        (folder / "group_vars/all").mkdir(parents=True)
        settings = {
            "api_clients": [{"name": "alice"}, {"name": "bob"}, {"name": "own", "key": "sk-key-of-the-site"}],
            "served_model_name": "small",
        }
        (folder / "group_vars/all/10_cluster.yml").write_text(yaml.safe_dump(settings))
        self.write_hosts("gw1")

    def write_hosts(self, *gateways: str) -> None:
        """Write hosts.yml; gw2 is unreachable."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        addresses: dict[str, dict[str, Any]] = {
            "gw1": {**local, "ansible_host": "127.0.0.1"},
            "gw2": {"ansible_host": "127.0.0.1"},
        }
        addresses["gw2"]["ansible_port"] = 1
        groups: dict[str, Any] = {"ray_head": {"hosts": {"n1": {"ansible_host": "10.0.0.1"}}}}
        if gateways:
            groups["gateway"] = {"hosts": {name: addresses[name] for name in gateways}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))

    def clients(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Run `inferfleet clients` and return its exit code, the JSON document and stderr."""
        variables = ["-e", json.dumps(self.variables)]
        done = subprocess.run(
            [sys.executable, "-m", "inferfleet", "clients", *arguments, "-i", self.folder, *variables, "--json"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "INFERFLEET_LANG": "en"},
        )
        return done.returncode, json.loads(done.stdout), done.stderr

    def key(self, name: str) -> str:
        """Return the generated key of a client."""
        return (self.secrets / "api_clients" / name).read_text().strip()
