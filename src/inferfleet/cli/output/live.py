"""The view for a terminal: a live display with one line per stage."""

import time
from collections.abc import Iterator
from types import TracebackType

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from inferfleet.cli.output.style import LABELS, STYLES, ascii_only, mark
from inferfleet.cli.output.text import count, duration, pad, progress_parts, task_name, tr
from inferfleet.cli.output.view import STOPPING, Header, diff_of
from inferfleet.messages import N_, current_language, use_language
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.result import Progress, Stage, State

_REFRESHES = 8  # a second
_BAR_CELLS = 16
_TIME_CELLS = 7
_HOSTS = (N_("{count} host"), N_("{count} hosts"))
_TOTAL = N_("all nodes")
_NOT_RUN = N_("not run")


class LiveView:
    """Redraws the stages in place; permanent output (diffs) is printed above them."""

    def __init__(self, console: Console, header: Header, fold: Fold) -> None:
        self._console = console
        self._picture = Picture(header, fold, ascii_only=ascii_only(console))
        self._live = Live(self._picture, console=console, refresh_per_second=_REFRESHES, vertical_overflow="crop")
        self._header = header

    def __enter__(self) -> "LiveView":
        self._console.print(Text(f"$ {self._header.ansible_command}", style="dim"), soft_wrap=True)
        self._console.print()
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._picture.finish()
        self._live.stop()

    def on_event(self, event: Event) -> None:
        """Print permanent output; the display redraws itself."""
        if diff := diff_of(event):
            self._console.print(_colored(diff))

    def on_interrupt(self) -> None:
        """Show that the run is stopping."""
        self._picture.note = tr(STOPPING)


class Picture:
    """Draws the current state of a run."""

    def __init__(self, header: Header, fold: Fold, *, ascii_only: bool = False) -> None:
        self.note = ""
        self._header = header
        self._fold = fold
        self._ascii = ascii_only
        self._language = current_language()
        self._spinner = Spinner("line" if ascii_only else "dots")
        self._started = time.time()
        self._finished_at: float | None = None

    def finish(self) -> None:
        """Stop the clock: the next drawing is the last."""
        self._finished_at = time.time()
        self.note = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        use_language(self._language)  # rich draws in a thread of its own too
        now = self._finished_at or time.time()
        height = options.height or console.height
        for line in self.lines(now, options.max_width, height):
            line.truncate(options.max_width, overflow="crop" if self._ascii else "ellipsis")
            yield line

    def lines(self, now: float, width: int, height: int) -> Iterator[Text]:
        """Yield the lines at Unix time `now`, at most `width` cells wide and `height` lines high."""
        # The thread of the run adds hosts and stages concurrently: draw copies of the lists.
        stages = list(self._fold.stages.values())
        yield self._head(now)
        below = [*self._busy_lines(width, max(height - len(stages) - 4, 2)), *self._note_lines()]
        room = height - 2 - len(below) - sum(len(stage.rows) for stage in stages)
        if len(stages) > room:
            hidden = _hidden(stages, len(stages) - room + 1)
            before = count(hidden, N_("{count} stage before"), N_("{count} stages before"))
            yield Text(f"  … {before}", style="dim")
            stages = stages[hidden : hidden + room - 1]
        titles = max((cell_len(tr(stage.title)) for stage in stages), default=0)
        for stage in stages:
            yield self._stage_line(stage, titles, now)
            yield from _table_lines(stage)
            if stage is self._fold.current:
                yield from below
                below = []
        yield from below

    def _head(self, now: float) -> Text:
        hosts = len(self._fold.hosts)
        parts = [f"inferfleet {self._header.command}", self._header.inventory]
        parts += [count(hosts, *_HOSTS)] if hosts else []
        parts += [duration(now - self._started)]
        separator = " - " if self._ascii else " · "
        return Text.assemble((parts[0], "bold"), separator, separator.join(parts[1:]))

    def _stage_line(self, stage: Stage, titles: int, now: float) -> Text:
        running = stage is self._fold.current and self._finished_at is None
        state = stage.state
        if stage is self._fold.current and self._finished_at is not None and state is State.RUNNING:
            state = State.INTERRUPTED
        label = tr(_NOT_RUN if state is State.WAITING and self._finished_at is not None else LABELS[state])
        style = STYLES[state]
        sign = self._spin(now) if running and state is State.RUNNING else mark(state, ascii_only=self._ascii)
        title = pad(tr(stage.title), titles)
        states = max(cell_len(tr(text)) for text in (*LABELS.values(), _NOT_RUN))
        spent = duration(stage.elapsed(now)) if stage.hosts or running else ""
        quiet = "dim" if state in (State.WAITING, State.SKIPPED) else ""
        return Text.assemble(
            " ", (sign, style), " ", (title, quiet), "  ", (pad(label, states), style),
            (f"{spent:>{_TIME_CELLS}}", "dim"),
        )  # fmt: skip

    def _spin(self, now: float) -> str:
        frame = int((now - self._started) * 1000 / self._spinner.interval) % len(self._spinner.frames)
        return str(self._spinner.frames[frame])

    def _note_lines(self) -> list[Text]:
        return [Text(f"   {self.note}", style="yellow")] if self.note else []

    def _busy_lines(self, width: int, room: int) -> list[Text]:
        """Return the lines below the running stage: its task, and the hosts with progress to show."""
        stage = self._fold.current
        if stage is None or self._finished_at is not None:
            return []
        hosts = [(name, host) for name, host in list(stage.hosts.items()) if host.busy and host.progress]
        waiting = [name for name, host in list(stage.hosts.items()) if host.busy and not host.progress]
        task = task_name(stage.task)
        lines = [Text(f"     {task}{_on(waiting, width - cell_len(task) - 10)}", style="dim")]
        total = stage.total
        names = max((cell_len(name) for name in [*dict(hosts), *([tr(_TOTAL)] if total else [])]), default=0)
        room -= 1 if total else 0
        listed = hosts if len(hosts) < room else hosts[: max(room - 2, 0)]
        lines += [self._progress_line(name, host.progress or Progress(), names, width) for name, host in listed]
        if len(listed) < len(hosts):
            more = count(len(hosts) - len(listed), N_("{count} more host"), N_("{count} more hosts"))
            lines.append(Text(f"     … {more}", style="dim"))
        return lines + ([self._progress_line(tr(_TOTAL), total, names, width)] if total else [])

    def _progress_line(self, name: str, progress: Progress, names: int, width: int) -> Text:
        line = Text(f"     {pad(name, names)}  ")
        parts = progress_parts(progress)
        if progress.done is not None and progress.total and width >= 80:
            line.append_text(self._bar(progress.done / progress.total))
        while len(parts) > 1 and line.cell_len + cell_len("  ".join(parts)) > width:
            parts.pop()
        return line.append("  ".join(parts))

    def _bar(self, share: float) -> Text:
        full = round(min(max(share, 0.0), 1.0) * _BAR_CELLS)
        done, rest = ("#", ".") if self._ascii else ("━", "─")
        return Text.assemble((done * full, "cyan"), (rest * (_BAR_CELLS - full), "dim"), "  ")


def _colored(diff: str) -> Text:
    """Return the diff with added lines green and removed ones red."""
    text = Text()
    for line in diff.splitlines():
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
        text.append(f"{line}\n", style=style)
    return text


def _table_lines(stage: Stage) -> list[Text]:
    """Return the rows that a stage has reported so far; the first one contains the titles."""
    rows = [(str(row.label), str(row.text)) for row in list(stage.rows)]
    labels = max((cell_len(label) for label, _ in rows), default=0)
    return [
        Text(f"     {pad(label, labels, right=True)}  {text}", style="" if number else "dim")
        for number, (label, text) in enumerate(rows)
    ]


def _on(hosts: list[str], room: int) -> str:
    """Return ` (node1, node2)` as far as it fits, else the number of hosts."""
    if not hosts:
        return ""
    names = f" ({', '.join(hosts)})"
    return names if cell_len(names) <= room else f" ({count(len(hosts), *_HOSTS)})"


def _hidden(stages: list[Stage], wanted: int) -> int:
    """Return how many of the first stages to hide: never the running one."""
    running = next((number for number, stage in enumerate(stages) if stage.since is not None), len(stages))
    return min(wanted, running)
