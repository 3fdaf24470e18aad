"""Check all answers of a served tiny R1: `python -m lab.tiny_r1.check --base-url URL --api-key-file FILE`.

Exit code 0: all reasonings and answers match exactly; 1: at least one differs; 2: the endpoint does not answer.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import httpx

from lab.tiny_r1.client import connect, connection_arguments
from lab.tiny_r1.questions import Question, load_questions


def differences(expected: Question, message: Mapping[str, Any]) -> list[str]:
    """Compare the `message` of a chat completion with the expected one; one line per different field.

    The reasoning is in `reasoning` or, in older engines, in `reasoning_content`.
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
    parser = argparse.ArgumentParser(
        prog="python -m lab.tiny_r1.check", description="Check all answers of a served tiny R1."
    )
    connection_arguments(parser)
    arguments = parser.parse_args()
    questions = load_questions()
    right = 0
    try:
        endpoint = connect(arguments)
        for question in questions:
            lines = differences(question, endpoint.complete(question.question))
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
