"""Run steps with dependencies in parallel, and show a line for each."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

MARKS = {"ok": "[green]✓[/]", "failed": "[red]✗[/]"}


@dataclass(frozen=True)
class Step:
    """One step: `run` executes it and returns a short note; it starts when all of `after` are done."""

    name: str
    run: Callable[[], str]
    after: tuple[str, ...] = ()


class View:
    """One line per step: live on a terminal, otherwise plain."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    def __enter__(self) -> "View":
        if self._live:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._progress.stop()

    def started(self, name: str) -> None:
        """Show that a step runs."""
        if self._live:
            self._progress.add_task(name)

    def ended(self, name: str, state: str, seconds: float, note: str) -> None:
        """Replace the live line of a step with its final one."""
        for task in self._progress.tasks:
            if task.description == name:
                self._progress.remove_task(task.id)
        mark = MARKS[state] if self._live else f"{state:6}"
        self._console.print(f"{mark} {name:24} {seconds:6.1f} s  {note}", soft_wrap=True, highlight=False)


def run_steps(steps: Iterable[Step], console: Console, workers: int = 3) -> None:
    """Run the steps in the order of their dependencies, at most `workers` at a time.

    After a failure no further step starts; running steps are awaited. Raises the first failure.
    """
    by_name = {step.name: step for step in steps}
    order = TopologicalSorter({step.name: step.after for step in by_name.values()})
    order.prepare()
    running: dict[Future[str], str] = {}
    started: dict[str, float] = {}
    failure: BaseException | None = None
    with View(console) as view, ThreadPoolExecutor(workers) as pool:

        def timed(step: Step) -> str:
            started[step.name] = time.monotonic()
            view.started(step.name)
            return step.run()

        while order.is_active():
            for name in order.get_ready() if failure is None else ():
                running[pool.submit(timed, by_name[name])] = name
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                seconds = time.monotonic() - started[name]
                if error := future.exception():
                    failure = failure or error
                    view.ended(name, "failed", seconds, str(error))
                else:
                    order.done(name)
                    view.ended(name, "ok", seconds, future.result())
    if failure is not None:
        raise failure
