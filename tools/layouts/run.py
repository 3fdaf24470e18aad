"""Run the cases on the accelerators of this machine: `python -m tools.layouts.run FOLDER [SECONDS [PATTERN]]`.

It needs vLLM and nothing else. Cases run side by side if the machine has accelerators for several. Each writes
`results/<case>.json` and the logs of its servers. No case starts after SECONDS, and those that still run are ended.
"""

import fnmatch
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from tools.layouts.logs import read_log

_READY_SECONDS = 900  # the first server of a machine builds kernels
_USED_SHARE = 0.95  # of an accelerator's memory, for servers side by side
_CLIENT = """
import argparse, json, pathlib, sys
from vllm.benchmarks.serve import add_cli_args, main
for line in sys.stdin:
    parser = argparse.ArgumentParser()
    add_cli_args(parser)
    arguments = json.loads(line)
    main(parser.parse_args(arguments))
    pathlib.Path(arguments[-1]).with_suffix(".done").touch()
"""
"""`vllm bench serve`, without loading it again for every measurement."""


class CaseError(Exception):
    """A case that could not be measured."""


def run(folder: Path, seconds: float, pattern: str = "*") -> None:
    """Run the cases whose name matches and that have no result yet."""
    end = time.monotonic() + seconds
    described = json.loads((folder / "cases.json").read_text("utf-8"))
    results = folder / "results"
    results.mkdir(exist_ok=True)
    cases = [
        case
        for case in described["cases"]
        if fnmatch.fnmatch(case["name"], pattern) and not _measured(result_file(results, case))
    ]
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    memory = subprocess.run(query, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    for needed in sorted({case["accelerators"] for case in cases}, reverse=True):
        waiting: queue.SimpleQueue[list[dict[str, Any]]] = queue.SimpleQueue()
        alike = [case for case in cases if case["accelerators"] == needed]
        for group in groups(alike, _USED_SHARE * int(memory[0]) / 1024):
            waiting.put(group)
        slots = [
            threading.Thread(target=_work, args=(folder, waiting, range(first, first + needed), end))
            for first in range(0, len(memory) - needed + 1, needed)
        ]
        for slot in slots:
            slot.start()
        for slot in slots:
            slot.join()


def _measured(file: Path) -> bool:
    """Return whether a case has measurements, or failed: what was cut off before is started again."""
    if not file.exists():
        return False
    outcome = json.loads(file.read_text("utf-8"))
    return bool(outcome["measured"] or "error" in outcome or not outcome["case"]["workloads"])


def groups(cases: list[dict[str, Any]], gib: float) -> list[list[dict[str, Any]]]:
    """Return the cases in groups whose servers fit side by side into `gib` of each accelerator.

    A case without `gib` has the accelerators for itself, and so have those of one `label`.
    """
    grouped: list[list[dict[str, Any]]] = []
    free = 0.0
    for case in cases:
        needed = case.get("gib") or gib
        if not grouped or needed > free or case.get("label") != grouped[-1][-1].get("label"):
            grouped.append([])
            free = gib
        grouped[-1].append(case)
        free -= needed
    return grouped


def result_file(results: Path, case: dict[str, Any]) -> Path:
    """Return the file of a case's result."""
    name: str = case["name"]
    return results / f"{name.replace('/', '--')}.json"


def _work(
    folder: Path,
    waiting: "queue.SimpleQueue[list[dict[str, Any]]]",
    devices: range,
    end: float,
) -> None:
    while time.monotonic() < end:
        try:
            cases = waiting.get_nowait()
        except queue.Empty:
            return
        for outcome in measure(folder, cases, devices, end):
            print(f"{outcome['case']['name']}: {outcome.get('error') or outcome['measured']}", flush=True)


def measure(folder: Path, cases: list[dict[str, Any]], devices: range, end: float) -> list[dict[str, Any]]:
    """Start the servers of cases on the same devices, measure one case after the other, and write and return results.

    While one case is measured, the servers of the others are idle.
    """
    started = time.monotonic()
    outcomes: list[dict[str, Any]] = []
    servers: list[list[Replica]] = []
    try:
        for case in cases:
            outcomes.append({"case": case, "devices": list(devices), "others": len(cases) - 1, "measured": {}})
            servers.append(_start(folder, case, devices, 8000 + 100 * devices[0] + 10 * len(servers)))
        for step in (partial(_wait, started=started, end=end), partial(_bench_all, end=end)):
            for outcome, replicas in zip(outcomes, servers, strict=True):
                if "error" not in outcome:
                    _attempt(step, outcome, replicas)
                    _write(folder, outcome)
    finally:
        _stop([replica for replicas in servers for replica in replicas])
        _wait_until_free(devices)
    return outcomes


def _start(folder: Path, case: dict[str, Any], devices: Sequence[int], port: int) -> "list[Replica]":
    share = len(devices) // case["replicas"]
    return [
        Replica(folder, case, number, devices[number * share : (number + 1) * share], port + number)
        for number in range(case["replicas"])
    ]


def _attempt(step: Callable[..., None], outcome: dict[str, Any], replicas: "list[Replica]") -> None:
    """Do a step of a case; if it fails, record the error and end the case's servers."""
    try:
        step(outcome, replicas)
    except CaseError as error:
        outcome["error"] = str(error)
        _stop(replicas)
    outcome["logged"] = [read_log(replica.log.read_text("utf-8", "replace")) for replica in replicas]


def _wait(outcome: dict[str, Any], replicas: "list[Replica]", started: float, end: float) -> None:
    outcome["ready_seconds"] = []
    for replica in replicas:
        replica.wait_until_ready(min(end, started + _READY_SECONDS))
        outcome["ready_seconds"].append(round(time.monotonic() - started, 1))


def _bench_all(outcome: dict[str, Any], replicas: "list[Replica]", end: float) -> None:
    passes = outcome["case"]["passes"]  # the last one counts; those before only build kernels
    for attempt, (name, workload) in product(range(passes), outcome["case"]["workloads"].items()):
        rounds = workload["rounds"] if attempt + 1 == passes else 1
        for concurrency in workload["concurrency"]:
            measured = _bench(replicas, {**workload, "rounds": rounds}, concurrency, attempt, end)
            outcome["measured"][f"{name}-{concurrency}"] = measured


def _write(folder: Path, outcome: dict[str, Any]) -> None:
    result_file(folder / "results", outcome["case"]).write_text(json.dumps(outcome, indent=1), "utf-8")


def _stop(replicas: "list[Replica]") -> None:
    stops = [threading.Thread(target=replica.stop) for replica in replicas]
    for stop in stops:
        stop.start()
    for stop in stops:
        stop.join()


class Replica:
    """One vLLM server with the client that measures it."""

    def __init__(self, folder: Path, case: dict[str, Any], number: int, devices: Sequence[int], port: int) -> None:
        self.number, self.folder, self.port = number, folder, port
        stem = result_file(folder / "results", case).with_suffix("").name
        self.log = folder / "results" / f"{stem}-{number}.log"
        self.bench = folder / "results" / f"{stem}-{number}.bench"
        shutil.rmtree(self.bench, ignore_errors=True)
        self.bench.mkdir(parents=True)
        argv = case["argv"][1:]
        argv[argv.index("--port") + 1] = str(self.port)
        self.tokenizer, self.served = f"{argv[1]}/tokenizer", argv[argv.index("--served-model-name") + 1]
        visible = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, devices))}
        server = [sys.executable, "-m", "vllm.entrypoints.cli.main", *argv]
        server += ["--load-format", "dummy", "--tokenizer", self.tokenizer, *case["options"]]
        with self.log.open("wb") as log, self.bench.with_suffix(".client.log").open("wb") as client_log:
            self.server = subprocess.Popen(
                server,
                cwd=folder,
                env={**os.environ, **case["env"], **visible},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.client = subprocess.Popen(
                [sys.executable, "-c", _CLIENT],
                cwd=folder,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
                stdin=subprocess.PIPE,
                stdout=client_log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def wait_until_ready(self, end: float) -> None:
        """Return when the server answers."""
        while not self._answers():
            if self.server.poll() is not None:
                raise CaseError(f"the server of replica {self.number} ended with {self.server.returncode}")
            if time.monotonic() > end:
                raise CaseError(f"the server of replica {self.number} was not ready in time")
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def start_bench(self, workload: dict[str, Any], concurrency: int, attempt: int) -> Path:
        """Start a measurement; return the file of its result."""
        result = self.bench / f"{attempt}-{concurrency}.json"
        seed = 1000 * (2 * attempt + self.number) + concurrency  # never the same prompts: their prefixes are cached
        arguments = [
            *("--backend", "openai", "--base-url", f"http://127.0.0.1:{self.port}"),
            *("--model", self.served, "--tokenizer", self.tokenizer, "--dataset-name", "random"),
            *("--random-input-len", workload["input_tokens"], "--random-output-len", workload["output_tokens"]),
            *("--num-prompts", workload["rounds"] * concurrency, "--max-concurrency", concurrency),
            *(
                "--num-warmups",
                min(concurrency, 4),
                "--seed",
                seed,
            ),
            *("--temperature", 0, "--disable-tqdm", "--save-result"),
            *("--result-dir", self.bench, "--result-filename", result),
        ]
        assert self.client.stdin
        self.client.stdin.write(json.dumps([str(word) for word in arguments]) + "\n")
        self.client.stdin.flush()
        return result

    def wait_for(self, result: Path, end: float) -> dict[str, Any]:
        """Return the result of a measurement."""
        while not result.with_suffix(".done").exists():
            if self.client.poll() is not None or self.server.poll() is not None:
                raise CaseError(f"the client or the server of replica {self.number} ended")
            if time.monotonic() > end:
                raise CaseError(f"the measurement of replica {self.number} did not end in time")
            time.sleep(0.1)
        answer: dict[str, Any] = json.loads(result.read_text("utf-8"))
        if answer["completed"] < answer["num_prompts"]:
            raise CaseError(f"{answer['completed']} of {answer['num_prompts']} requests were answered")
        return answer

    def stop(self) -> None:
        """End server and client, with everything that they started."""
        for process in (self.client, self.server):
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(10)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


def _bench(
    replicas: list[Replica], workload: dict[str, Any], concurrency: int, attempt: int, end: float
) -> dict[str, Any]:
    """Measure a number of concurrent requests, divided among the replicas."""
    share = max(1, concurrency // len(replicas))
    used = replicas[: concurrency // share]
    files = [replica.start_bench(workload, share, attempt) for replica in used]
    return combine([replica.wait_for(file, end) for replica, file in zip(used, files, strict=True)])


def combine(answers: list[dict[str, Any]]) -> dict[str, float]:
    """Return the rates of several clients together, and the means of their times."""
    duration = max(answer["duration"] for answer in answers)
    tokens, requests = (sum(answer[key] for answer in answers) for key in ("total_output_tokens", "completed"))
    means = {
        key: round(sum(answer[key] for answer in answers) / len(answers), 3)
        for key in ("mean_ttft_ms", "mean_tpot_ms", "median_ttft_ms", "median_tpot_ms")
    }
    request_ms = means["mean_ttft_ms"] + means["mean_tpot_ms"] * (tokens / requests - 1)
    return {"output_tokens_per_second": round(tokens / duration, 1), "request_ms": round(request_ms, 1), **means}


def _wait_until_free(devices: range) -> None:
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    for _ in range(60):
        used = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        if all(int(used[device]) < 1024 for device in devices):
            return
        time.sleep(0.5)


if __name__ == "__main__":
    run(Path(sys.argv[1]).resolve(), float(sys.argv[2]) if len(sys.argv) > 2 else 3600, *sys.argv[3:4])
