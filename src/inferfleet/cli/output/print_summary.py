"""Print the summary: framed on a terminal, otherwise as plain lines."""

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from inferfleet.cli.output.row import Row
from inferfleet.cli.output.style import TONES, ascii_only, plain_mark
from inferfleet.cli.output.summary import Summary
from inferfleet.cli.output.text import labelled, pad, tr
from inferfleet.messages import N_

_MARKS = {True: "✔", False: "✘"}
# Cells between label and text; those of the frame, which are blank, and of its padding at both ends of a line.
_GAP, _FRAME, _PADDING = 2, 1, 1
_TRY = N_("Try: {command}")
_GOOD, _WARNED, _BAD = N_("OK: {text}"), N_("WARNING: {text}"), N_("FAILED: {text}")


def print_summary(console: Console, summary: Summary) -> None:
    """Print `summary` in the format that the console supports."""
    if console.is_terminal:
        _print_framed(console, summary)
    else:
        _print_plain(console, summary)


def _print_framed(console: Console, summary: Summary) -> None:
    tone = "yellow" if summary.warned else "green" if summary.good else "red"
    sign = "!" if summary.warned else plain_mark(_MARKS[summary.good], ascii_only=ascii_only(console))
    parts: list[RenderableType] = []
    for block in summary.blocks:
        parts += ([""] if parts else []) + _block(block, console)
    title = Text(f"{sign} {summary.heading}", style=f"bold {tone}")
    # Only horizontal lines: text selected with the mouse contains no frame.
    frame = Panel(
        Group(*parts), title=title, title_align="left", border_style=tone, box=box.HORIZONTALS, padding=(0, _PADDING)
    )
    console.print()
    console.print(frame if parts else title)
    if summary.try_it:
        console.print(Text(tr(_TRY, command=summary.try_it), style="dim"), soft_wrap=True)


def _block(block: list[Row], console: Console) -> list[RenderableType]:
    """Return tables of the rows with a label, and those without one; a path that fits no column has its own line."""
    # Labels have at most two fifths of the line: most paths in the second column stay on one.
    labels = min(max((cell_len(row.label) for row in block), default=0), console.width * 2 // 5)
    room = console.width - labels - _GAP - 2 * (_FRAME + _PADDING)
    parts: list[RenderableType] = []
    plain: list[RenderableType] = []
    table = _grid(labels)
    for row in block:
        if not row.label:
            plain.append(Text(row.text, overflow="fold"))
            continue
        text = _row_text(row, ascii_only(console))
        if max(map(cell_len, text.plain.split()), default=0) <= room:
            table.add_row(Text(row.label), text)
            continue
        parts += [table] if table.row_count else []
        parts += [Text(row.label, style="dim"), Padding(text, (0, 0, 0, _PADDING))]
        table = _grid(labels)
    return [*parts, *([table] if table.row_count else []), *plain]


def _grid(labels: int) -> Table:
    table = Table.grid(padding=(0, _GAP))
    table.add_column(min_width=labels, max_width=labels, overflow="fold", style="dim")
    table.add_column(overflow="fold")
    return table


def _row_text(row: Row, only_ascii: bool) -> Text:
    if row.holds is None:
        return Text(row.text, style=TONES[row.tone], overflow="fold")
    tone = "green" if row.holds else "red"
    return Text.assemble((f"{plain_mark(_MARKS[row.holds], ascii_only=only_ascii)} ", tone), row.text, overflow="fold")


def _print_plain(console: Console, summary: Summary) -> None:
    lines = ["", tr(_WARNED if summary.warned else _GOOD if summary.good else _BAD, text=summary.heading)]
    for number, block in enumerate(summary.blocks):
        lines += [""] if number else []
        widest = max((cell_len(row.label) for row in block if row.column), default=0)
        lines += [line for row in block for line in _plain_row(row, widest)]
    lines += [tr(_TRY, command=summary.try_it)] if summary.try_it else []
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _plain_row(row: Row, widest: int) -> list[str]:
    if row.column:
        return [f"  {pad(row.label, widest)}  {row.text}".rstrip()]
    if not row.label:
        return row.text.splitlines()
    state = {True: N_("ok: {text}"), False: _BAD, None: "{text}"}[row.holds]
    first, *rest = tr(state, text=row.text).splitlines() or [""]
    return [f"  {labelled(row.label, first)}".rstrip(), *(f"    {line}" for line in rest)]
