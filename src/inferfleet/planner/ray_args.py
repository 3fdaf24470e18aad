"""Ray's command line, with every port fixed for firewall rules."""

from inferfleet.components import load_component
from inferfleet.settings import Settings

_PORTS = load_component("ray").ports
WORKER_PORTS = next((int(port.number), port.last) for port in _PORTS if port.last and port.number)
"""First and last port of Ray's worker processes."""


def node_ports(ray_port: int) -> dict[str, int]:
    """Return the port by option that every Ray node listens on: those directly after `ray_port`."""
    return {port.purpose: ray_port + port.offset for port in _PORTS if port.offset}


def ray_argv(settings: Settings, role: str, address: str, head: str, accelerators: int) -> list[str]:
    """Return `ray start …` for one node, which stays in the foreground (`--block`)."""
    port = settings.ray_port
    argv = ["ray", "start", "--block", "--disable-usage-stats", f"--node-ip-address={address}"]
    if role == "head":
        argv += ["--head", f"--port={port}", "--include-dashboard=true", "--dashboard-host=127.0.0.1"]
        argv += [f"--dashboard-port={settings.ray_dashboard_port}"]
    else:
        argv += [f"--address={head}:{port}"]
    argv += [f"{option}={number}" for option, number in node_ports(port).items()]
    argv += [f"--min-worker-port={WORKER_PORTS[0]}", f"--max-worker-port={WORKER_PORTS[1]}"]
    return [*argv, f"--num-gpus={accelerators}"]
