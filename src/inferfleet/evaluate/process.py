"""Run EvalScope as a background process on the controller, and read its progress."""

import fcntl
import json
import os
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inferfleet.evaluate.errors import EvaluationError
from inferfleet.messages import N_, Message
from inferfleet.proxies import bypass_proxy

PROGRAM = Path(__file__).with_name("runner.py")
WORK = "evalscope"  # EvalScope's output folder in the evaluation's folder
_GUARD, _TASK, _OUTCOME, _LOG, _CAS = "running", "task.json", "outcome.json", "run.log", "ca.pem"


@dataclass(frozen=True)
class Progress:
    """Progress: the number of answered questions. `finished`: whether the process has exited."""

    answered: int
    finished: bool
    error: str | Message = ""


def start(
    folder: Path, python: Path, task: Mapping[str, Any], url: str, key: str, owner: int, ca_file: str = ""
) -> bool:
    """Start EvalScope in `folder`, unless it already runs there; return whether it was started.

    Answers of an earlier run are reused. The key is passed in the environment. EvalScope exits soon after process
    `owner` has exited. It trusts `ca_file` besides the system's CAs, with which datasets are downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _GUARD).open("w") as guard, (folder / _LOG).open("ab") as log:
        if not _locked(guard.fileno()):
            return False
        (folder / _OUTCOME).unlink(missing_ok=True)
        work = folder / WORK
        begun = (work / "configs" / "task_config.yaml").is_file()
        full = {**task, "api_url": url, "work_dir": str(work), "no_timestamp": True}
        full |= {"use_cache": str(work)} if begun else {}
        (folder / _TASK).write_text(json.dumps(full, indent=1, ensure_ascii=False), "utf-8")
        env = environment(os.environ, task, url, key)
        if ca_file:
            (folder / _CAS).write_text(_with_system_cas(Path(ca_file)), "utf-8")
            env["SSL_CERT_FILE"] = str(folder / _CAS)  # httpx, which EvalScope's OpenAI client uses, reads it
        subprocess.Popen(
            [python, "-I", PROGRAM, folder, str(owner)],  # -I: isolated from its own folder
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            pass_fds=[guard.fileno()],  # the process holds the lock until it exits
            start_new_session=True,
        )
    return True


def environment(env: Mapping[str, str], task: Mapping[str, Any], url: str, key: str) -> dict[str, str]:
    """Return the environment for EvalScope: with the key, and without a proxy for the API."""
    host = urlsplit(url).hostname or ""
    added = {"EVALSCOPE_API_KEY": key}
    if all("local_path" in task["dataset_args"].get(name, {}) for name in task["datasets"]):
        added |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    return {**bypass_proxy(env, [host]), **added}


def _with_system_cas(ca_file: Path) -> str:
    system = ssl.get_default_verify_paths().cafile
    return (Path(system).read_text("utf-8") if system else "") + ca_file.read_text("utf-8")


def read_progress(folder: Path) -> Progress:
    """Return the progress of the evaluation in `folder`."""
    answered = sum(_lines(file) for file in (folder / WORK / "predictions").rglob("*.jsonl"))
    with (folder / _GUARD).open("r+") as guard:
        if not _locked(guard.fileno()):
            return Progress(answered, finished=False)
    return Progress(answered, finished=True, error=_error(folder))


def require_ended(folder: Path) -> None:
    """Raise EvaluationError if EvalScope runs in `folder`: two runs must not write one evaluation."""
    if (folder / _GUARD).is_file() and not read_progress(folder).finished:
        raise EvaluationError(
            "already-running",
            N_("An evaluation is running in {folder}."),
            N_("Wait for it to finish, or stop its `inferfleet evaluate`."),
            folder=str(folder),
        )


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _error(folder: Path) -> str | Message:
    try:
        return str(json.loads((folder / _OUTCOME).read_text("utf-8"))["error"])
    except FileNotFoundError:
        return Message("", N_("EvalScope was stopped before it finished; see {file}"), file=str(folder / _LOG))


def _lines(file: Path) -> int:
    with file.open("rb") as stream:
        return sum(1 for _ in stream)
