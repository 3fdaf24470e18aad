"""One line of a summary."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its text; `tone` is "bad", "soft" or empty. A row without a label is printed as plain text.

    `holds` is the result of a check; None if the row is not a check.
    """

    label: str
    text: str
    tone: str = ""
    holds: bool | None = None
