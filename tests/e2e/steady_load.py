"""Constant streaming load through the gateway, as clients send it, and what became of each request."""

import ssl
import threading
import time
from collections import Counter

import httpx
from lab_cluster import MODEL, QUESTION, SECRETS

_BODY = {
    "model": MODEL,
    "messages": [{"role": "user", "content": QUESTION.question}],
    "temperature": 0,
    "stream": True,
}


class SteadyLoad:
    """Clients that send a streaming request after the other until the `with` block ends."""

    def __init__(self, url: str, clients: int = 2) -> None:
        self.outcomes: Counter[str] = Counter()
        """Requests by outcome: `ok` or the reason of the failure."""
        self._url = url
        self._trust = ssl.create_default_context(cafile=str(SECRETS / "gateway_ca.pem"))
        self._key = (SECRETS / "api_clients" / "default").read_text().strip()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(clients)]

    def __enter__(self) -> "SteadyLoad":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> dict[str, int]:
        """The failed requests by reason."""
        return {reason: count for reason, count in self.outcomes.items() if reason != "ok"}

    def _send(self, number: int) -> None:
        turn = 0
        with httpx.Client(verify=self._trust, trust_env=False, timeout=120) as client:
            while not self._stop.is_set():
                turn += 1
                # Another key of the prefix affinity in each request, so that all replicas get some.
                body = {**_BODY, "prompt_cache_key": f"{number}-{turn}"}
                outcome = self._outcome(client, body)
                with self._lock:
                    self.outcomes[outcome] += 1
                time.sleep(0.3)

    def _outcome(self, client: httpx.Client, body: dict[str, object]) -> str:
        headers = {"Authorization": f"Bearer {self._key}"}
        url = f"{self._url}/v1/chat/completions"
        try:
            with client.stream("POST", url, json=body, headers=headers) as answer:
                lines = [line for line in answer.iter_lines() if line]
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        if answer.status_code != 200:
            return f"HTTP {answer.status_code}"
        return "ok" if lines[-1] == "data: [DONE]" else "incomplete stream"
