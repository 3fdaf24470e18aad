"""Fatal log lines that no symptom explains."""

from pathlib import Path

import pytest
import yaml
from state import changed, evidence, healthy

from inferfleet.doctor import Hider, Log, diagnose, load_symptoms, read_evidence
from inferfleet.doctor.match import LISTED
from inferfleet.doctor.unexplained import fatal_lines

LOGS = Path(__file__).parents[2] / "fixtures/doctor"
EXPECTED = yaml.safe_load((LOGS / "expected.yml").read_text())
EXPLAINED = [LOGS / kind / f"{name}.log" for kind, cases in EXPECTED.items() for name, ids in cases.items() if ids]
ROOT = "RuntimeError: the expert map has 7 entries, expected 8"
CONSEQUENCE = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
READY = "INFO:     Application startup complete."
# The form of vLLM 0.32: a rank fails, the engine core reports it, then the API server.
VLLM = f"""\
(Worker_TP1 pid=41) ERROR 11-27 05:55:01 [multiproc_executor.py:822] WorkerProc failed to start.
(Worker_TP1 pid=41) ERROR 11-27 05:55:01 [multiproc_executor.py:822] Traceback (most recent call last):
(Worker_TP1 pid=41) ERROR 11-27 05:55:01 [multiproc_executor.py:822]   File "/x/worker.py", line 1, in init
(Worker_TP1 pid=41) ERROR 11-27 05:55:01 [multiproc_executor.py:822]     raise RuntimeError(text)
(Worker_TP1 pid=41) ERROR 11-27 05:55:01 [multiproc_executor.py:822] {ROOT}
(EngineCore pid=22) ERROR 11-27 05:55:02 [core.py:1510] EngineCore failed to start.
(EngineCore pid=22) ERROR 11-27 05:55:02 [core.py:1510] Traceback (most recent call last):
(EngineCore pid=22) ERROR 11-27 05:55:02 [core.py:1510]   File "/x/core.py", line 2, in run
(EngineCore pid=22) ERROR 11-27 05:55:02 [core.py:1510] Exception: WorkerProc initialization failed due to an exception.
(APIServer pid=1) Traceback (most recent call last):
(APIServer pid=1)   File "/x/api_server.py", line 3, in main
(APIServer pid=1) {CONSEQUENCE}
"""
CHAIN = """\
Traceback (most recent call last):
  File "/x/a.py", line 1, in load
FileNotFoundError: [Errno 2] No such file or directory: '/data/models/r1/tokenizer.json'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/x/b.py", line 2, in main
OSError: the tokenizer cannot be loaded
"""


def engine(text: str, name: str = "inferfleet-engine.log") -> Log:
    return Log("n1", name, text)


def lines(*logs: Log) -> list[tuple[int, str, int]]:
    """Return number, text and count of the unexplained lines of logs without state."""
    found = diagnose(evidence({"plans": ()}, logs=logs), load_symptoms()).unexplained
    return [(line.trace.line, str(line.trace.text), line.count) for line in found]


def messages(text: str) -> list[str]:
    return [line.message for line in fatal_lines(text.splitlines())]


def test_root_cause_is_listed_not_its_consequences() -> None:
    ((number, text, count),) = lines(engine(VLLM))
    assert (number, count) == (5, 1)
    assert text.endswith(ROOT)


def test_consequences_are_listed_if_nothing_else_is_known() -> None:
    assert lines(engine(f"{CONSEQUENCE}\n")) == [(1, CONSEQUENCE, 1)]
    assert lines(engine(f"{CONSEQUENCE}\nMemory cgroup out of memory: Killed process 7\n", name="kernel.log")) == []


def test_chained_exceptions_are_listed_as_their_first() -> None:
    assert messages(CHAIN) == [
        "FileNotFoundError: [Errno 2] No such file or directory: '/data/models/r1/tokenizer.json'"
    ]
    assert messages(CHAIN + CHAIN.replace("FileNotFoundError", "PermissionError"))[1].startswith("PermissionError")


def test_symptom_in_the_text_of_an_exception_explains_it() -> None:
    text = "torch.distributed.DistBackendError: NCCL error in: x.cpp:1, invalid usage\nLast error:\n"
    assert lines(engine(f"{text}Duplicate GPU detected : rank 3 and rank 0 both on CUDA device f000\n")) == []


@pytest.mark.parametrize(
    "line",
    [
        "*** SIGABRT received at time=1739339449 on cpu 57 ***",
        "Segmentation fault (core dumped)",
        "[2026-11-27 05:55:01 TP4] Scheduler ended\nKilled",
        "n1:77:77 [4] init.cc:720 NCCL WARN Something new",
        "[ERROR] HCCL(1,python3):2026-11-27-03:49:57.177 [a.cc:7] something failed",
        "E19999: [PID: 7] Inner Error!",
        "CUDA error: an illegal memory access was encountered",
        "[11/27/2026-05:55:01] [TRT-LLM] [RANK 1] [E] Something new",
        "[TensorRT-LLM][ERROR] Assertion failed: something",
        "[TM][ERROR] something",
        "2026-11-27 05:55:01,123 - lmdeploy - ERROR - engine.py:1 - something",
        "2026-11-27 05:55:01,123\tERROR worker.py:409 -- Something",
        "[2026-11-27 05:55:01,123 C 1 1] core_worker.cc:215: something",
        "CRITICAL 11-27 05:55:01 [launcher.py:116] something",
        "vllm: error: unrecognized arguments: --enable-reasoning",
        "docker: Error response from daemon: something",
        "ValueError: something",
    ],
)
def test_fatal_lines_of_every_program_are_listed(line: str) -> None:
    assert len(messages(f"INFO 11-27 05:55:01 [a.py:1] quiet\n{line}\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "INFO 11-27 05:55:01 [a.py:1] ValueError: retried",
        "WARNING 11-27 05:55:01 [a.py:1] CUDA error handling is off",
        "2026-11-27 05:55:01,123\tINFO worker.py:409 -- RuntimeError: no",
        "KeyboardInterrupt",
        "ERROR 11-27 05:55:01 [a.py:1] ray.util.ActorHandleNotFoundError: Actor handle 'x' not found",
        "n1:77:77 [4] NCCL INFO ncclSystemError: 0",
        "n1:77:77 [4] misc/ibvwrap.cc:63 NCCL WARN Failed to open libibverbs.so[.1]",
        "raised no error: 0 errors",
    ],
)
def test_harmless_lines_are_not_listed(line: str) -> None:
    assert messages(line) == []


def test_repetitions_are_counted_and_the_list_is_limited() -> None:
    text = "".join(f"ValueError: rank {number} has no slot\n" for number in range(5))
    assert lines(engine(text)) == [(5, "ValueError: rank 4 has no slot", 5)]
    many = "".join(f"{letter}Error: something\n\n" for letter in "ABCDEFGHIJK")
    found = diagnose(evidence({"plans": ()}, logs=(engine(many),)), load_symptoms())
    assert (len(found.unexplained), found.unlisted) == (LISTED, 11 - LISTED)


def test_lines_are_resolved_like_errors() -> None:
    assert lines(engine(f"{ROOT}\n{READY}\n")) == []
    assert lines(engine(f"{READY}\n{ROOT}\n")) == [(2, ROOT, 1)]
    for data, expected in ((healthy(), 0), (changed("answers n1 completion status", 500), 1)):
        found = diagnose(evidence(data, logs=(engine(f"{ROOT}\n"),)), load_symptoms())
        assert len(found.unexplained) == expected


def test_secrets_are_redacted() -> None:
    given = evidence({"plans": ()}, logs=(engine("ValueError: key abcdef0123456789 is wrong\n"),))
    (line,) = diagnose(given, load_symptoms(), Hider({"engine_api_key": "abcdef0123456789"})).unexplained
    assert line.trace.text == "ValueError: key <engine_api_key> is wrong"


@pytest.mark.parametrize("log", EXPLAINED, ids=lambda log: log.stem)
def test_symptoms_explain_the_logs_of_failures(log: Path) -> None:
    assert diagnose(read_evidence(log), load_symptoms()).unexplained == ()


def test_healthy_test_cluster_has_no_unexplained_lines() -> None:
    given = read_evidence(LOGS / "healthy")
    assert diagnose(evidence({"plans": ()}, logs=given.logs), load_symptoms()).unexplained == ()
