"""Ray's command line: every port fixed, so that a firewall can name them."""

from inferfleet.settings import Settings

# Ray picks these at random unless told; we count up from ray_port (Ray docs, "Configuring Ray", ports).
_FOLLOWING = (
    "node-manager-port",
    "object-manager-port",
    "runtime-env-agent-port",
    "dashboard-agent-grpc-port",
    "dashboard-agent-listen-port",
    "metrics-export-port",
)
WORKER_PORTS = (20000, 20999)
"""First and last port of Ray's worker processes: below Linux's ephemeral range, which starts at 32768."""


def node_ports(ray_port: int) -> dict[str, int]:
    """Return option name -> port of what every Ray node listens on: the ports right after `ray_port`."""
    return {name: ray_port + 1 + i for i, name in enumerate(_FOLLOWING)}


def ray_argv(settings: Settings, role: str, address: str, head: str, accelerators: int) -> list[str]:
    """Return `ray start …` for one node, which stays in the foreground (`--block`)."""
    port = settings.ray_port
    argv = ["ray", "start", "--block", "--disable-usage-stats", f"--node-ip-address={address}"]
    if role == "head":
        argv += ["--head", f"--port={port}", "--include-dashboard=true", "--dashboard-host=127.0.0.1"]
        argv += [f"--dashboard-port={settings.ray_dashboard_port}"]
    else:
        argv += [f"--address={head}:{port}"]
    argv += [f"--{name}={number}" for name, number in node_ports(port).items()]
    argv += [f"--min-worker-port={WORKER_PORTS[0]}", f"--max-worker-port={WORKER_PORTS[1]}"]
    return [*argv, f"--num-gpus={accelerators}"]
