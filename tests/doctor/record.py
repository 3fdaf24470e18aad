"""Record logs of failures, in containers of the engine image on a separate network.

    python -m tests.doctor.record [NAME …] [--other-ray FOLDER]

These cases need no complete cluster: real vLLM, Ray and Gloo on the local Docker, in addition to the lab.
Needs the image inferfleet-lab/engine and the tiny R1 (`make lab`). Writes tests/fixtures/doctor/recorded/NAME.log: the
relevant lines with their context. FOLDER contains a Ray of another version (`uv pip install --no-deps --target FOLDER
ray==2.55.1`); without it the case that needs it is skipped.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.models.containers import Container

FIXTURES = Path(__file__).parents[1] / "fixtures/doctor/recorded"
MODELS = Path.home() / ".cache/inferfleet-lab/hub"
MODEL = "/models/inferfleet/tiny-r1"
PREFIX = "inferfleet-doctor-record"
SERVE = ["vllm", "serve", MODEL, "--dtype", "bfloat16", "--max-model-len", "2048", "--enforce-eager"]
RANKS = [
    "--nnodes",
    "2",
    "--tensor-parallel-size",
    "2",
    "--master-addr",
    f"{PREFIX}-a",
    "--distributed-executor-backend",
    "mp",
]
HEAD = "ray start --head --port 6379 --num-gpus 1 --block --disable-usage-stats"
JOIN = f"sleep 8; ray start --address {PREFIX}-a:6379 --num-gpus 1 --block --disable-usage-stats"
TOKEN = {"RAY_AUTH_MODE": "token"}
BEFORE, AFTER = 6, 3  # context lines
SECONDS = 150


@dataclass(frozen=True)
class Case:
    """Containers by name, each with argv, environment and docker-py options; `pattern` must match the log."""

    how: str
    pattern: str
    containers: dict[str, dict[str, object]]
    of: str = "a"
    state: bool = False
    needs: tuple[str, ...] = field(default=())


def cases(other_ray: str) -> dict[str, Case]:
    """Return all cases by the name of their fixture."""
    mounted = {other_ray: {"bind": "/usr/local/lib/python3.11/dist-packages/ray", "mode": "ro"}}
    lo = {"GLOO_SOCKET_IFNAME": "lo"}
    return {
        "kv_cache_too_small": Case(
            "vLLM 0.32.0 with --max-model-len 163840 --dtype float32 and a KV cache of 1 GiB",
            r"To serve at least one request",
            {"a": {"command": [*SERVE[:4], "float32", "--max-model-len", "163840", "--enforce-eager"]}},
        ),
        "gloo_wrong_interface": Case(
            "vLLM 0.32.0 on two hosts (mp), GLOO_SOCKET_IFNAME=lo on the second",
            r"connectFullMesh|Unable to find",
            {
                "a": {"command": [*SERVE, *RANKS, "--node-rank", "0"], "environment": {"GLOO_SOCKET_IFNAME": "eth0"}},
                "b": {"command": [*SERVE, *RANKS, "--node-rank", "1", "--headless"], "environment": lo},
            },
        ),
        "gloo_unknown_interface": Case(
            "vLLM 0.32.0 on two hosts (mp), GLOO_SOCKET_IFNAME names an interface that is not there",
            r"connectFullMesh|Unable to find",
            {
                "a": {"command": [*SERVE, *RANKS, "--node-rank", "0"], "environment": {"GLOO_SOCKET_IFNAME": "bond7"}},
                "b": {"command": [*SERVE, *RANKS, "--node-rank", "1", "--headless"]},
            },
        ),
        "ray_version_mismatch": Case(
            "Ray 2.60 as head, another version as worker",
            r"Version mismatch",
            {"a": {"command": ["sh", "-c", HEAD]}, "b": {"command": ["sh", "-c", JOIN], "volumes": mounted}},
            of="b",
            needs=(other_ray,),
        ),
        "ray_wrong_token": Case(
            "Ray 2.60 with token authentication, the worker with another token",
            r"(?i)token|unauthenticated",
            {
                "a": {"command": ["sh", "-c", HEAD], "environment": TOKEN | {"RAY_AUTH_TOKEN": "a" * 32}},
                "b": {"command": ["sh", "-c", JOIN], "environment": TOKEN | {"RAY_AUTH_TOKEN": "b" * 32}},
            },
            of="b",
        ),
        "ray_port_taken": Case(
            "ray start --head where another program listens on 6379",
            r"already in use|occupied|bind",
            {"a": {"command": ["sh", "-c", f"python3 -m http.server 6379 & sleep 2; {HEAD}"]}},
        ),
    }


@contextmanager
def running(case: Case) -> Iterator[dict[str, Container]]:
    """Run a case's containers on their own network, and remove both."""
    client = docker.from_env()
    image = client.images.list("inferfleet-lab/engine")[0].id
    network = client.networks.create(PREFIX)
    containers: dict[str, Container] = {}
    try:
        for name, options in case.containers.items():
            volumes = {str(MODELS): {"bind": "/models", "mode": "ro"}} | dict(options.get("volumes", {}))  # type: ignore[call-overload]
            command = list(options["command"])  # type: ignore[call-overload]
            containers[name] = client.containers.run(
                image,
                command[1:],
                entrypoint=command[:1],
                name=f"{PREFIX}-{name}",
                hostname=f"{PREFIX}-{name}",
                network=PREFIX,
                volumes=volumes,
                environment=options.get("environment", {}),
                shm_size="1g",
                detach=True,
            )
        yield containers
    finally:
        for container in containers.values():
            container.remove(force=True)
        network.remove()


def matching_lines(text: str, pattern: str) -> str:
    """Return the matching lines with their context."""
    lines = text.splitlines()
    found = [number for number, line in enumerate(lines) if re.search(pattern, line)]
    numbers = sorted(
        {near for number in found for near in range(number - BEFORE, number + AFTER + 1) if 0 <= near < len(lines)}
    )
    return "\n".join(lines[number] for number in numbers)


def record(name: str, case: Case) -> bool:
    """Record one case; return whether the log matches."""
    with running(case) as containers:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            text = containers[case.of].logs(timestamps=True).decode(errors="replace")
            containers[case.of].reload()
            if re.search(case.pattern, text) and (
                containers[case.of].status == "exited" or time.monotonic() > end - SECONDS / 2
            ):
                break
            if containers[case.of].status == "exited":
                break
            time.sleep(3)
        if not (found := matching_lines(text, case.pattern)):
            print(f"{name}: no match for {case.pattern!r}:\n{text[-3000:]}", file=sys.stderr)
            return False
        FIXTURES.mkdir(parents=True, exist_ok=True)
        (FIXTURES / f"{name}.log").write_text(f"# recorded by tests/doctor/record.py: {case.how}\n{found}\n")
        return True


def main() -> int:
    """Record the given cases, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--other-ray", default="", help="folder with a Ray of another version")
    options = parser.parse_args()
    every = cases(str(Path(options.other_ray, "ray").resolve()) if options.other_ray else "")
    wanted = {
        name: case
        for name, case in every.items()
        if (not options.names or name in options.names) and all(case.needs or (" ",))
    }
    results = {name: record(name, case) for name, case in wanted.items()}
    print(results)
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
