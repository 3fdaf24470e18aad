"""doctor_answers against a small server with the APIs of the engine and of Open WebUI."""

import json
from pathlib import Path

import pytest

MODELS = {"data": [{"id": "r1"}]}
DOCKER = """#!/bin/sh
printf 'OPENAI_API_BASE_URLS=%s/v1;%s/other/v1\\nOPENAI_API_KEYS=the-key-of-the-page;other\\n' "$URL" "$URL"
"""


def test_responses_of_the_api(run_module, service):
    service.answers |= {
        "/health": (200, {}),
        "/v1/models": (200, MODELS),
        "/v1/chat/completions": (500, {"error": "dead"}),
    }
    result = run_module("doctor_answers", api_url=service.url, api_key="k3y", model="r1")
    answers = result["answers"]
    assert {name: answers[name]["status"] for name in ("health", "models", "completion")} == {
        "health": 200,
        "models": 200,
        "completion": 500,
    }
    assert answers["models"]["ids"] == ["r1"]
    assert "dead" in answers["completion"]["text"]
    unauthenticated = [request for request in service.requests if "client=inferfleet-doctor" in request["path"]]
    assert [request["token"] for request in unauthenticated] == ["Bearer inferfleet-doctor-has-no-key"]
    assert "k3y" not in json.dumps(answers)


def test_unreachable_service(run_module):
    answers = run_module("doctor_answers", api_url="http://127.0.0.1:9", model="r1")["answers"]
    assert [answers[name]["status"] for name in ("health", "models", "unauthenticated", "completion")] == [0, 0, 0, 0]
    assert "refused" in answers["completion"]["text"]


@pytest.fixture
def page(tmp_path: Path, service) -> dict[str, str]:
    """The environment of Open WebUI's host."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", "URL": service.url}


def test_open_webui_and_its_key(run_module, service, page):
    service.answers |= {
        "/health": (200, {}),
        "/api/v1/auths/signin": (200, {"token": "t0ken"}),
        "/api/models": (200, {"data": []}),
        "/v1/models": (401, {"error": "Unauthorized"}),
        "/other/v1/models": (200, MODELS),
    }
    account = {"webui_url": service.url, "webui_email": "a@b", "webui_password": "s3cret-word"}
    result = run_module("doctor_answers", env=page, webui_container="inferfleet-webui", **account)
    webui = result["answers"]["webui"]
    assert (webui["signin"], webui["models"]) == (200, [])
    assert [api["status"] for api in webui["apis"]] == [401, 200]
    assert "the-key-of-the-page" in {str(request["token"]).removeprefix("Bearer ") for request in service.requests}
    assert not {"the-key-of-the-page", "s3cret-word", "t0ken"} & set(json.dumps(result["answers"]).split('"'))


def test_open_webui_rejects_the_administrator(run_module, service, page):
    service.answers |= {"/health": (200, {}), "/api/v1/auths/signin": (400, {"detail": "wrong"})}
    account = {"webui_url": service.url, "webui_email": "a@b", "webui_password": "x"}
    webui = run_module("doctor_answers", env=page, **account)["answers"]["webui"]
    assert (webui["signin"], webui["models_status"], webui["models"]) == (400, 0, [])
