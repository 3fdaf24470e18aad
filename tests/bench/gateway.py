"""Measure what the gateway adds to a stub engine, on the loopback interface, side by side in one run.

    python -m tests.bench.gateway                                   # about 40 s
    python -m tests.bench.gateway --requests 100000                 # memory over 100,000 requests
    python -m tests.bench.gateway --without-usage                   # compare it without the filter that reads tokens
    python -m tests.bench.gateway --vllm-router /tmp/venv/bin/vllm-router   # compare it, without the gateway

Two replicas, TLS, keys, limits and prefix affinity as in a deployment. "answers at once": clients, engine and gateway
compete for the processors, so that these are the limits of the chain, not what a client sees. "ten events": an engine
that streams ten events in half a second, to clients whose requests are spread over this time, or sent all at once.
"""

import argparse
import asyncio
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.bench.streams import Result, Target, load
from tests.bench.stub_engine import EVENTS
from tests.gateway.conftest import free_port, plan

from inferfleet.gateway import Limits, Paths, gateway_files, issue_authority, issue_server

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-bench"
EVENT_SECONDS = 0.05
HOLD_SECONDS = 1.0
FILTER = "filter lua.tokens"


@contextmanager
def process(command: list[str], log: Path) -> Iterator[int]:
    """Run a command and yield its process id."""
    with log.open("ab") as output:
        started = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait(30)


@contextmanager
def engine(seconds: float, log: Path) -> Iterator[int]:
    """Run a stub engine and yield its port."""
    port = free_port()
    with process([sys.executable, "-m", "tests.bench.stub_engine", str(port), str(seconds)], log):
        yield port


@contextmanager
def gateway(
    folder: Path, engines: list[int], threads: int = Limits.threads, *, usage: bool = True
) -> Iterator[tuple[Target, int]]:
    """Run HAProxy in front of the engines; yield where it listens and its process id."""
    folder.mkdir()
    port, authority = free_port(), issue_authority("bench")
    plans = [plan("m", f"n{number}", port, max_num_seqs=4096) for number, port in enumerate(engines)]
    limits = Limits(4 * 2**20, free_port(), address="127.0.0.1", queue_length=4096, threads=threads)
    paths = Paths(str(folder), str(folder / "admin.sock"))
    certificate = issue_server(authority, ["127.0.0.1"])
    keys = {"bench": KEY}
    files = gateway_files(plans, [{"name": "bench"}], certificate, certificate, keys, port, limits, paths, "engine-key")
    for path, content in files.items():
        Path(path).write_text(content if usage else content.replace(FILTER, ""))
    with process(["haproxy", "-db", "-f", paths.of("config")], folder / "haproxy.log") as pid:
        yield Target(port, KEY, ssl.create_default_context(cadata=authority.certificate)), pid


@contextmanager
def vllm_router(program: str, engines: list[int], log: Path) -> Iterator[tuple[Target, int]]:
    """Run vllm-router in front of the engines; yield where it listens and its process id."""
    port, urls = free_port(), [f"http://127.0.0.1:{engine}" for engine in engines]
    command = [program, "--port", str(port), "--prometheus-port", str(free_port()), "--log-level", "warning"]
    with process([*command, "--worker-startup-check-interval", "1", "--worker-urls", *urls], log) as pid:
        yield Target(port, KEY), pid


def memory(pid: int) -> int:
    """Return the resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, proc(5)


class Bench:
    """The measurements and their table."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given, self.folder = given, folder
        columns = (
            "engine",
            "through",
            "streams",
            "requests",
            "failed",
            "TTFT p50",
            "TTFT p99",
            "requests/s",
            "CPU",
            "memory",
        )
        title = "Gateway on the loopback interface; TTFT and processor time of a request in ms, memory in MiB"
        self.table = Table(*columns, title=title)

    def gateway(
        self, folder: Path, engines: list[int], *, usage: bool = True
    ) -> AbstractContextManager[tuple[Target, int]]:
        """Return a gateway with the given threads in front of the engines."""
        return gateway(folder, engines[: self.given.replicas], self.given.threads, usage=usage)

    def measure(
        self, kind: str, name: str, target: Target, pid: int, streams: int, count: int, spread: float
    ) -> Result:
        """Send requests and add a row."""
        peak = [0]

        def opened() -> None:
            peak[0] = memory(pid) if pid else 0

        before = processor_seconds(pid) if pid else 0
        result = asyncio.run(load(target, streams, count, self.given.prompt_bytes, opened, spread))
        used = f"{(processor_seconds(pid) - before) / count * 1000:.2f}" if pid else ""
        size = str(max(memory(pid), peak[0])) if pid else ""
        p50, p99 = (f"{result.percentile(percent):.1f}" for percent in (50, 99))
        sent = (kind, name, str(streams), str(len(result.ttft)), str(result.failed))
        self.table.add_row(*sent, p50, p99, f"{result.rate:.0f}", used, size)
        return result

    def through(self, stack: ExitStack, engines: list[int], kind: str) -> dict[str, tuple[Target, int]]:
        """Start what the requests go through."""
        folder = self.folder / kind.replace(" ", "-").replace(",", "")
        folder.mkdir()
        chains = {"direct": (Target(engines[0], KEY), 0)}
        chains["gateway"] = stack.enter_context(self.gateway(folder / "gateway", engines))
        if self.given.without_usage:
            other = self.gateway(folder / "without", engines, usage=False)
            chains["gateway, tokens not read"] = stack.enter_context(other)
        if self.given.vllm_router:
            chains["vllm-router"] = stack.enter_context(
                vllm_router(self.given.vllm_router, engines, folder / "router.log")
            )
        time.sleep(4)  # until the replicas are healthy
        return chains

    def compare(self, kind: str, seconds: float, streams: int, count: int, spread: float = 0) -> None:
        """Measure an engine directly and through each chain, after a first request of each stream."""
        with ExitStack() as stack:
            engines = [stack.enter_context(engine(seconds, self.folder / "engine.log")) for _ in range(2)]
            chains = self.through(stack, engines, kind)
            for target, _ in chains.values():
                asyncio.run(load(target, streams, streams, self.given.prompt_bytes))
            for name, (target, pid) in chains.items():
                self.measure(kind, name, target, pid, streams, count, spread)

    def grow(self, requests: int) -> list[int]:
        """Return the gateway's memory in MiB after each tenth of the requests."""
        sizes = []
        with ExitStack() as stack:
            engines = [stack.enter_context(engine(0, self.folder / "engine.log")) for _ in range(2)]
            target, pid = stack.enter_context(self.gateway(self.folder / "memory", engines))
            time.sleep(4)
            for _ in range(10):
                asyncio.run(load(target, 64, requests // 10, self.given.prompt_bytes))
                sizes.append(memory(pid))
        return sizes


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000, help="requests of the memory measurement (5000)")
    parser.add_argument("--streams", type=int, default=64, help="concurrent streams of the comparison (64)")
    parser.add_argument("--held", type=int, default=1000, help="streams held at once (1000)")
    parser.add_argument("--prompt-bytes", type=int, default=4000, help="size of a prompt (4000)")
    parser.add_argument("--threads", type=int, default=Limits.threads, help=f"threads of HAProxy ({Limits.threads})")
    parser.add_argument("--replicas", type=int, choices=(1, 2), default=2, help="replicas behind the gateway (2)")
    parser.add_argument("--without-usage", action="store_true", help="also measure it without the filter for tokens")
    parser.add_argument("--vllm-router", default="", metavar="PROGRAM", help="also measure this vllm-router")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given, Path(folder))
        bench.compare("ten events", EVENT_SECONDS, given.streams, given.streams * 10, EVENT_SECONDS * EVENTS)
        bench.compare("ten events, all at once", EVENT_SECONDS, given.streams, given.streams * 10)
        bench.compare("answers at once", 0, given.streams, 3000)
        bench.compare("held", HOLD_SECONDS, given.held, given.held)
        sizes = bench.grow(given.requests)
    console = Console()
    console.print(bench.table)
    console.print(f"Gateway's memory after each tenth of {given.requests} requests: {' '.join(map(str, sizes))} MiB")


if __name__ == "__main__":
    main()
