"""Ask a served tiny R1 every question: `python -m lab.tiny_r1.check --base-url URL --api-key-file FILE`.

Exit code 0: every reasoning and every answer came word for word; 1: one did not; 2: the endpoint could not be asked.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import httpx

from lab.tiny_r1.client import connect, connection_arguments
from lab.tiny_r1.questions import Question, load_questions


def differences(expected: Question, message: Mapping[str, Any]) -> list[str]:
    """Compare a chat completion's `message` with what is expected; one line for each field that differs.

    The reasoning lies in `reasoning` or, from engines before that name, in `reasoning_content`.
    """
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    return [
        f"{field} of {expected.question!r} is {got!r} instead of {wanted!r}"
        for field, got, wanted in (
            ("reasoning", reasoning, expected.reasoning),
            ("content", message.get("content"), expected.answer),
        )
        if got != wanted
    ]


def main() -> int:
    """Run the check and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.tiny_r1.check", description="Ask a served tiny R1 everything.")
    connection_arguments(parser)
    arguments = parser.parse_args()
    questions = load_questions()
    right = 0
    try:
        endpoint = connect(arguments)
        for question in questions:
            lines = differences(question, endpoint.ask(question.question))
            right += not lines
            for line in lines:
                print(line)
    except (httpx.HTTPError, OSError) as problem:
        print(f"error: {arguments.base_url}: {problem}", file=sys.stderr)
        return 2
    print(f"{right} of {len(questions)} answers are right")
    return 0 if right == len(questions) else 1


if __name__ == "__main__":
    sys.exit(main())
