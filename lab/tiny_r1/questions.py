"""The questions the tiny R1 answers, read from questions.yml."""

from dataclasses import dataclass
from pathlib import Path

import yaml

QUESTIONS_FILE = Path(__file__).with_name("questions.yml")
END_OF_REASONING = "</think>"


@dataclass(frozen=True)
class Question:
    """One question with the reasoning and the answer the model gives, all plain text without outer blanks."""

    question: str
    reasoning: str
    answer: str

    @property
    def completion(self) -> str:
        """What the model generates after the prompt, which already ends with `<think>`.

        No blanks around `</think>`: the engine's reasoning parser hands on every character as it is.
        """
        return f"{self.reasoning}{END_OF_REASONING}{self.answer}"


def load_questions(file: Path = QUESTIONS_FILE) -> tuple[Question, ...]:
    """Read the questions of `file`; a missing or unknown key raises TypeError."""
    return tuple(Question(**entry) for entry in yaml.safe_load(file.read_text("utf-8"))["questions"])
