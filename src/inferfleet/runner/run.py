"""Run a playbook: the thin adapter between a request and ansible-runner."""

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from inferfleet.runner.command import Request, arguments, bound_to_parent, environment
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.extra_vars import file_contents
from inferfleet.runner.interrupt import Interrupt
from inferfleet.runner.result import RunResult

RUNS_KEPT = 10
_EXTRA_VARS = "extra_vars_"
_POLL_SECONDS = 0.2
_VAULT_PROMPT = r"Vault password[^:]*:\s*$"


def runs_folder(root: Path) -> Path:
    """Return where the logs of the last runs lie, one folder a run."""
    return root / ".cache" / "inferfleet" / "runs"


def run(
    request: Request,
    fold: Fold,
    on_event: Callable[[Event], None],
    on_interrupt: Callable[[], None],
    *,
    color: bool = False,
) -> RunResult:
    """Run the playbook to its end and return the result.

    Every event goes into `fold` first, then to `on_event`; both happen in the calling thread, which must be
    the main thread (signals end the run in good order).

    Raises:
        OSError: the log cannot be written.
    """
    import ansible_runner  # type: ignore[import-untyped]  # here: it costs 0.3 s that `--help` need not pay

    started = time.monotonic()
    tools = Path(sys.executable).parent
    runs = runs_folder(request.root)
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = _new_run_name(runs)
    private = Path(tempfile.mkdtemp(prefix="inferfleet-"))  # made with mode 0700

    def handle(event: Event) -> bool:
        interrupt.pid = event.get("pid") or interrupt.pid
        if event.get("event") == "playbook_on_start":
            _remove_extra_vars(private)  # Ansible has read them: they need not outlive a killed run
        fold.add(event)
        on_event(event)
        return True  # anything else makes ansible-runner drop the event

    with Interrupt(on_interrupt) as interrupt:
        try:
            argv = [str(tools / "ansible-playbook"), *arguments(request, write_extra_vars(private, request))]
            binary, *rest = bound_to_parent(argv, shutil.which("setpriv"))
            runner = ansible_runner.run(
                private_data_dir=str(private),
                project_dir=str(request.root),
                artifact_dir=str(runs),
                ident=name,
                binary=binary,
                cmdline=shlex.join(rest),
                envvars=environment(request.root, os.environ, tools, color),
                settings={"pexpect_timeout": _POLL_SECONDS},
                passwords=_passwords(request),
                suppress_env_files=True,
                fact_cache_type="",  # ansible.cfg says how facts are cached
                quiet=True,
                event_handler=handle,
                cancel_callback=interrupt.must_kill,
            )
        except BaseException:
            interrupt.abandon()
            raise
        finally:
            shutil.rmtree(private, ignore_errors=True)
            (runs / name / "command").unlink(missing_ok=True)  # it holds the whole environment
            remove_old_runs(runs)
    return fold.result(
        rc=runner.rc,
        interrupted=interrupt.interrupted,
        seconds=time.monotonic() - started,
        log=str(runs / name / "stdout"),
    )


def write_extra_vars(private: Path, request: Request) -> list[Path]:
    """Return the files of variables in order; what came as values is written with mode 0600."""
    files = []
    for number, content in enumerate(file_contents(request.extra_vars)):
        if isinstance(content, Path):
            files.append(content)
            continue
        path = private / f"{_EXTRA_VARS}{number}.json"
        path.touch(mode=0o600)
        path.write_text(content, "utf-8")
        files.append(path)
    return files


def _remove_extra_vars(private: Path) -> None:
    for path in private.glob(f"{_EXTRA_VARS}*"):
        path.unlink(missing_ok=True)


def _passwords(request: Request) -> dict[str, Any] | None:
    return {_VAULT_PROMPT: request.vault_password} if request.vault_password is not None else None


def _new_run_name(runs: Path) -> str:
    """Return a name that sorts by time; two runs of one second differ by a number."""
    base = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    names = (base if number == 1 else f"{base}.{number}" for number in range(1, 1000))
    return next(name for name in names if not (runs / name).exists())


def remove_old_runs(runs: Path) -> None:
    """Remove all but the last runs."""
    for path in sorted(runs.iterdir())[:-RUNS_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
