"""The questions of the tiny R1 as an EvalScope data set (general_qa)."""

import json

from lab.config import LabConfig
from lab.tiny_r1.questions import load_questions

FOLDER = "questions"  # in the lab state folder


def write(config: LabConfig) -> str:
    """Write the data set to the lab state folder; return its size."""
    folder = config.state / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    questions = load_questions()
    lines = [{"query": entry.question, "response": entry.answer} for entry in questions]
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    (folder / "default.jsonl").write_text(text, "utf-8")
    return f"{len(questions)} for evaluation"
