"""A minimal client of a served tiny R1's OpenAI-compatible API."""

import argparse
from pathlib import Path
from typing import Any

import httpx

TIMEOUT_S = 120.0


def connection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options `connect` needs to `parser`."""
    parser.add_argument("--base-url", required=True, help="address of the API, e.g. http://127.0.0.1:8000")
    parser.add_argument("--api-key-file", type=Path, help="file with the API key; default: no key is sent")
    parser.add_argument("--model", help="served model name; default: the first model of the server")


def connect(arguments: argparse.Namespace) -> "Endpoint":
    """Return the endpoint of the options of `connection_arguments`.

    Raises httpx.HTTPError if it does not answer, OSError if the key file cannot be read.
    """
    headers = {}
    if arguments.api_key_file is not None:
        headers["Authorization"] = f"Bearer {arguments.api_key_file.read_text('utf-8').strip()}"
    base_url = arguments.base_url.rstrip("/").removesuffix("/v1")
    http = httpx.Client(base_url=f"{base_url}/v1", headers=headers, timeout=TIMEOUT_S)
    model = arguments.model or http.get("/models").raise_for_status().json()["data"][0]["id"]
    return Endpoint(http, model)


class Endpoint:
    """One served model."""

    def __init__(self, http: httpx.Client, model: str) -> None:
        self.http = http
        self.model = model

    def complete(self, question: str) -> dict[str, Any]:
        """Send one question at temperature 0 and return the answer message; raises httpx.HTTPError."""
        messages = [{"role": "user", "content": question}]
        choice = self._post("/chat/completions", messages=messages, temperature=0, max_tokens=256)
        return dict(choice["message"])

    def prompt_logprobs(self, tokens: list[int]) -> list[float]:
        """Return the log-probability in nats of each of `tokens` but the first; raises httpx.HTTPError."""
        choice = self._post("/completions", prompt=tokens, temperature=0, max_tokens=1, prompt_logprobs=0)
        entries = zip(tokens[1:], choice["prompt_logprobs"][1:], strict=True)
        return [float(entry[str(token)]["logprob"]) for token, entry in entries]

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(path, json={"model": self.model, **body}).raise_for_status().json()
        return dict(answer["choices"][0])
