"""The ports that a node of given roles listens on, and whether they fit together."""

from collections import defaultdict
from collections.abc import Iterable

from inferfleet.catalog import load_engine
from inferfleet.inventory.model import HOSTS, Inventory, settings_values
from inferfleet.messages import Problem
from inferfleet.planner.ray_args import WORKER_PORTS, node_ports
from inferfleet.settings.model import Settings

_LAST = 65535


def ports_of(settings: Settings, *, head: bool, serves: bool, webui: bool) -> dict[str, int]:
    """Return the ports that a node of these roles will listen on, by the variable that sets them."""
    ports: dict[str, int] = {}
    if head:
        ports["engine_port"] = settings.engine_port or _own_port(settings.engine)
    if serves and settings.executor == "ray":
        if head:
            ports |= {name: getattr(settings, name) for name in ("ray_port", "ray_dashboard_port")}
        ports |= {f"ray_port (for --{name})": port for name, port in node_ports(settings.ray_port).items()}
    if webui:
        ports["webui_port"] = settings.webui_port
    return ports


def _own_port(engine: str) -> int:
    """Return the port that an engine listens on by itself; vLLM's for one that the planner is to choose."""
    return load_engine("vllm" if engine == "auto" else engine).port


def check_ports(inventory: Inventory) -> list[Problem]:
    """The services of one host listen on different ports, all of them real ones; every value is a good one."""
    return inventory.once((host, problem) for host in inventory.hosts for problem in _problems(inventory, host))


def variable(name: str) -> str:
    """Return the variable to change, given a key of `ports_of`."""
    return name.split(" ")[0]


def _problems(inventory: Inventory, host: str) -> Iterable[Problem]:
    settings = Settings.model_validate(settings_values(inventory.variables[host]))
    head = inventory.has("ray_head", host)
    serves = head or inventory.has("ray_worker", host)
    ports = ports_of(settings, head=head, serves=serves, webui=inventory.has("webui", host))
    over_ray = serves and settings.executor == "ray"
    by_port: dict[int, list[str]] = defaultdict(list)
    for name, port in ports.items():
        by_port[port].append(name)
    for port, names in by_port.items():
        if len(names) > 1:
            change = next((n for n in reversed(names) if variable(n) != "ray_port"), names[-1])
            yield Problem(
                "port-clash",
                f"Port {port} is given to {' and to '.join(names)} ({HOSTS}).",
                f"Set {variable(change)} to another port.",
            )
        if over_ray and WORKER_PORTS[0] <= port <= WORKER_PORTS[1]:
            yield Problem(
                "port-clash",
                f"Port {port} of {names[0]} ({HOSTS}) is among {WORKER_PORTS[0]} to {WORKER_PORTS[1]},"
                " which Ray's workers use.",
                f"Set {variable(names[0])} to a port outside that range.",
            )
    last = max(ports.values(), default=0)
    if last > _LAST:
        following = last - settings.ray_port
        yield Problem(
            "bad-value",
            f"Variable ray_port ({HOSTS}) is {settings.ray_port}, but Ray takes the {following} ports after it too.",
            f"Set ray_port to at most {_LAST - following}.",
        )
