"""One line of a summary."""

from collections.abc import Sequence
from dataclasses import dataclass

from inferfleet.cli.output.text import aligned


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its text; `tone` is "bad", "soft" or empty. A row without a label is printed as plain text.

    `holds` is the result of a check; None if the row is not a check. `column` is whether the label is the first column
    of a table.
    """

    label: str
    text: str
    tone: str = ""
    holds: bool | None = None
    column: bool = False


def table_rows(labels: Sequence[str], cells: Sequence[Sequence[str]]) -> list[Row]:
    """Return the rows of a table, without the widths of its first column."""
    return [Row(label, line, column=True) for label, line in zip(labels, aligned(cells), strict=True)]
