"""Tokens that the gateway counts by client are those that the engine counts."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from lab_cluster import API, MODEL, QUESTION, SECRETS, Controller, Lab, trusted

pytestmark = pytest.mark.lab
URL = "https://198.18.5.11:8443/v1"
CHECK = "inferfleet-completion-check"
METRICS = {"prompt_tokens": "vllm:prompt_tokens_total", "completion_tokens": "vllm:generation_tokens_total"}


@pytest.fixture
def without_checks(deployed: dict[str, Any], lab: Lab) -> Iterator[None]:
    """The completion check requests tokens without the gateway."""
    lab.ssh("node1", f"systemctl stop {CHECK}")
    yield
    lab.ssh("node1", f"systemctl start {CHECK}")


def engine_tokens() -> dict[str, float]:
    """Return the engine's own counts."""
    text = httpx.get(f"{API}/metrics", trust_env=False).text
    return {
        name: sum(map(float, re.findall(rf"^{metric}{{[^}}]*}} (\S+)$", text, re.MULTILINE)))
        for name, metric in METRICS.items()
    }


def counted_tokens(controller: Controller) -> dict[str, float]:
    """Return what `inferfleet usage` shows for a client."""
    report = controller.inferfleet("usage", "--client", "default", "--since", "1d")
    assert report.rc == 0, report
    rows = report.document["result"]["usage"]["clients"]
    return {name: sum(row[name] for row in rows if row["model"] == MODEL) for name in METRICS}


def send(number: int) -> None:
    """Send a request; half of them are streams, without a wish for usage."""
    headers = {"Authorization": f"Bearer {(SECRETS / 'api_clients' / 'default').read_text().strip()}"}
    content = f"{QUESTION.question} " * (1 + number % 3)
    body = {"model": MODEL, "max_tokens": 10 + number, "messages": [{"role": "user", "content": content}]}
    body["stream"] = bool(number % 2)
    with httpx.Client(verify=trusted(), trust_env=False, timeout=60, headers=headers) as client:
        assert client.post(f"{URL}/chat/completions", json=body).status_code == 200


@pytest.mark.usefixtures("without_checks")
def test_tokens_are_those_of_the_engine(controller: Controller) -> None:
    engine, counted = engine_tokens(), counted_tokens(controller)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(24)))
    engine_grew = {name: count - engine[name] for name, count in engine_tokens().items()}
    counted_grew = {name: count - counted[name] for name, count in counted_tokens(controller).items()}
    assert min(engine_grew.values()) > 0
    assert counted_grew == pytest.approx(engine_grew, rel=0.001)


def test_monitoring_can_scrape_the_usage(deployed: dict[str, Any]) -> None:
    text = httpx.get("http://198.18.5.11:8412/metrics", trust_env=False).text
    assert f'inferfleet_client_prompt_tokens_total{{client="default",model="{MODEL}"}} ' in text
