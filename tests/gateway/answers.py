"""Requests and answers that several tests of the gateway share."""

import httpx

ALICE = {"Authorization": "Bearer sk-alice"}
CHAT = "/v1/chat/completions"


def refused(answer: httpx.Response, status: int, code: str | None) -> None:
    """Assert an error in OpenAI's format."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert {*error} == {"message", "type", "param", "code"}
    assert error["code"] == code


def stream(gateway, tokens, started):
    with gateway.client(headers=ALICE) as client:
        body = {"model": "deepseek/r1", "stream": True, "max_tokens": tokens}
        with client.stream("POST", CHAT, json=body) as answer:
            lines = []
            for line in answer.iter_lines():
                started.set()
                lines.append(line)
    return [line for line in lines if line]
