"""One line of a summary."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its text; `tone` is "bad", "soft" or empty. A row without a label stands alone.

    `holds` marks the row of something that was tested: whether it held.
    """

    label: str
    text: str
    tone: str = ""
    holds: bool | None = None
