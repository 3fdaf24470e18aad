"""A reason why something cannot work: the one form in which the contract and the planner refuse."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: what is wrong (with the variable or host and its value) and what to do about it.

    `code` is stable and machine-readable (`kebab-case`); `message` names the variable or host and the
    value; `remedy` is one imperative sentence.
    """

    code: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"

    def as_dict(self) -> dict[str, str]:
        """Return the JSON form, as `--json` prints it."""
        return asdict(self)
