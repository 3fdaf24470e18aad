"""Run the pinned EvalScope against an API that knows the answers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from lab.tiny_r1.questions import load_questions

from inferfleet.evaluate import (
    EvaluationError,
    Settings,
    assess,
    create_environment,
    make_task,
    read_progress,
    read_settings,
    start,
    unanswered,
)

KEY = "the-key-of-the-api"
QUESTIONS = load_questions()
PLAN = {"max_model_len": 2048, "engine_version": "0"}
TOOLS = Path(__file__).parents[2] / "tools"


class Api(BaseHTTPRequestHandler):
    """Answer the tiny R1's questions; questions that contain a word of `refused` get an error."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        self.server.prompts.append(prompt)  # type: ignore[attr-defined]
        time.sleep(self.server.seconds)  # type: ignore[attr-defined]
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self.answer(401, {})
        elif any(word in prompt for word in self.server.refused):  # type: ignore[attr-defined]
            self.answer(400, {"error": {"message": "too long", "type": "BadRequestError", "code": 400}})
        else:
            # Every second answer has the form of an engine without a reasoning parser.
            known = {
                entry.question: f"{entry.reasoning}</think>{entry.answer}" if place % 2 else entry.answer
                for place, entry in enumerate(QUESTIONS)
            }
            message = {"role": "assistant", "content": known.get(prompt, "答案：B"), "reasoning": "Hm."}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
            about = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
            self.answer(200, {**about, "choices": [choice], "usage": usage})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Suppress the log."""


@pytest.fixture(scope="module")
def python() -> Path:
    """Python of EvalScope's environment."""
    try:
        return create_environment()[0]
    except EvaluationError as error:
        pytest.skip(str(error))


@pytest.fixture
def api() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        server.prompts, server.refused, server.seconds = [], [], 0.0  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The tiny R1's questions in two subsets, and two multiple-choice questions, of which B is correct once."""
    lines = [json.dumps({"query": entry.question, "response": entry.answer}) for entry in QUESTIONS]
    (tmp_path / "first.jsonl").write_text("\n".join(lines[:15]))
    (tmp_path / "second.jsonl").write_text("\n".join(lines[15:]))
    choices = {"question": "Which?", "A": "this", "B": "that"}
    rows = [{"id": str(number), **choices, "answer": letter} for number, letter in enumerate("AB")]
    (tmp_path / "choices.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


@pytest.fixture
def evaluation(python: Path, api: Any, data: Path, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return a function that starts an evaluation in a folder; evaluations end with the fixture."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:

        def begin(settings: Settings, of: int = owner.pid) -> Path:
            folder = tmp_path / "20261123T054500Z"
            task = make_task(settings, None, "tiny-r1", 2048)
            assert start(folder, python, task, f"http://127.0.0.1:{api.server_port}/v1", KEY, of)
            return folder

        yield begin
        owner.kill()


def settings_for(data: Path, *datasets: str, **changed: Any) -> Settings:
    """Return settings for the data sets, without streaming, which this API does not support."""
    numbers = {
        "limit": 0.0,
        "n": 1,
        "batch_size": 4,
        "max_tokens": 256,
        "temperature": 0.0,
        "top_p": 1.0,
        "timeout": 30,
    }
    settings, _, problems = read_settings({"datasets": list(datasets), "stream": False, **numbers, **changed}, data)
    assert problems == []
    return settings


def ended(folder: Path) -> str:
    """Wait for the end and return the error, empty if there was none."""
    while not (progress := read_progress(folder)).finished:
        time.sleep(0.2)
    return str(progress.error)


def test_correct_answers_score_100(evaluation: Callable[..., Path], api: Any, data: Path) -> None:
    settings = settings_for(data, f"general_qa:first,second={data}", f"general_mcq:choices={data}")
    folder = evaluation(settings)
    assert ended(folder) == ""
    result = assess(folder, settings, PLAN, {}, "")
    assert {entry.question for entry in QUESTIONS} < set(api.prompts), "questions are sent verbatim"
    own, choices = result.datasets
    assert (own.score, own.questions, own.failed, set(own.other_scores.values())) == (100.0, 20, 0, {100.0})
    assert [(subset.name, subset.score, subset.questions) for subset in own.subsets] == [
        ("first", 100.0, 15),
        ("second", 100.0, 5),
    ]
    assert (choices.score, choices.metric, choices.questions) == (50.0, "accuracy", 2)
    assert result.complete
    assert (result.usage.input_tokens, result.usage.output_tokens) == (22 * 5, 22 * 7)
    for file in folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_only_unanswered_questions_are_repeated(evaluation: Callable[..., Path], api: Any, data: Path) -> None:
    settings = settings_for(data, f"general_qa:first,second={data}")
    api.refused.append("NCCL")
    folder = evaluation(settings)
    assert ended(folder) == ""
    result = assess(folder, settings, PLAN, {}, "")
    assert [p.message for p in unanswered(result, "")] == ["general_qa: 2 of 20 answers are missing."]
    api.refused.clear()
    api.prompts.clear()
    evaluation(settings)
    assert ended(folder) == ""
    assert sorted(api.prompts) == sorted(entry.question for entry in QUESTIONS if "NCCL" in entry.question)
    result = assess(folder, settings, PLAN, {}, "")
    assert (result.complete, result.datasets[0].score, result.datasets[0].answered) == (True, 100.0, 20)


def test_exits_with_its_owner_and_resumes(evaluation: Callable[..., Path], api: Any, data: Path) -> None:
    settings = settings_for(data, f"general_qa:first,second={data}")
    api.seconds = 1.0
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        folder = evaluation(settings, of=owner.pid)
        while read_progress(folder).answered < 4:
            time.sleep(0.1)
        owner.send_signal(signal.SIGKILL)
    assert "was stopped before it finished" in ended(folder)
    answered = read_progress(folder).answered
    assert 4 <= answered < 20
    api.seconds = 0.0
    api.prompts.clear()
    evaluation(settings)
    assert ended(folder) == ""
    assert len(api.prompts) == 20 - answered
    assert assess(folder, settings, PLAN, {}, "").datasets[0].score == 100.0


def test_benchmark_list_matches_evalscope(python: Path) -> None:
    argv = [sys.executable, TOOLS / "evaluation_benchmarks.py", "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.returncode == 0, done.stderr
