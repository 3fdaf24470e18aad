"""Run a playbook: an adapter between a request and ansible-runner."""

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inferfleet.runner.command import Access, Request, arguments, bound_to_parent, environment
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.extra_vars import file_contents
from inferfleet.runner.interrupt import Interrupt
from inferfleet.runner.logs import new_run, runs_folder
from inferfleet.runner.result import RunResult

_EXTRA_VARS = "extra_vars_"
_POLL_SECONDS = 0.2


def run(
    request: Request,
    fold: Fold,
    on_event: Callable[[Event], None],
    on_interrupt: Callable[[], None],
    *,
    color: bool = False,
) -> RunResult:
    """Run the playbook to its end and return the result.

    Every event is added to `fold` first, then passed to `on_event`; both run in the calling thread, which must be the
    main thread (signals stop the run gracefully).

    Raises:
        OSError: the log cannot be written.
    """
    import ansible_runner  # type: ignore[import-untyped]  # imported here: it takes 0.3 s, which `--help` does not need

    started = time.monotonic()
    tools = Path(sys.executable).parent

    def handle(event: Event) -> bool:
        interrupt.pid = event.get("pid") or interrupt.pid
        if event.get("event") == "playbook_on_start":
            _remove_extra_vars(private)  # Ansible has read them: a killed run must not leave them
        fold.add(event)
        on_event(event)
        return True  # otherwise ansible-runner drops the event

    with new_run(runs_folder(request.root, os.environ)) as folder, Interrupt(on_interrupt) as interrupt:
        private = Path(tempfile.mkdtemp(prefix="inferfleet-"))  # created with mode 0700
        try:
            argv = [str(tools / "ansible-playbook"), *arguments(request, write_extra_vars(private, request))]
            binary, *rest = bound_to_parent(argv, shutil.which("setpriv"))
            runner = ansible_runner.run(
                private_data_dir=str(private),
                project_dir=str(request.root),
                artifact_dir=str(folder.parent),
                ident=folder.name,
                binary=binary,
                cmdline=shlex.join(rest),
                envvars=environment(request.root, os.environ, tools, color),
                settings={"pexpect_timeout": _POLL_SECONDS},
                passwords=_passwords(request.access),
                suppress_env_files=True,
                fact_cache_type="",  # ansible.cfg configures the fact cache
                quiet=True,
                event_handler=handle,
                cancel_callback=interrupt.must_kill,
            )
        except BaseException:
            interrupt.abandon()
            raise
        finally:
            shutil.rmtree(private, ignore_errors=True)
            (folder / "command").unlink(missing_ok=True)  # it contains the complete environment
    return fold.result(
        rc=runner.rc,
        interrupted=interrupt.interrupted,
        seconds=time.monotonic() - started,
        log=str(folder / "stdout"),
    )


def write_extra_vars(private: Path, request: Request) -> list[Path]:
    """Return the files of variables in order; values are written to files with mode 0600."""
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


def _passwords(access: Access) -> dict[str, Any] | None:
    """Return the answers to Ansible's prompts, by pattern; None without any."""
    answers = {
        r"^SSH password:\s*$": access.ssh_password,
        r"^BECOME password[^:]*:\s*$": access.become_password,
        r"^Vault password[^:]*:\s*$": access.vault_password,
    }
    return {prompt: password for prompt, password in answers.items() if password is not None} or None
