"""A root folder with one repository, and hubs that serve it."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from lab.hub.app import create_app

REPO = "inferfleet/tiny"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / REPO
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "model-00001-of-00002.safetensors").write_bytes(os.urandom(300_000))
    (folder / "model-00002-of-00002.safetensors").write_bytes(os.urandom(200_000))
    (folder / "config.json").write_text('{"model_type": "deepseek_v3"}\n')
    (folder / "sub" / "deep" / "说明 notes.txt").write_text("中文\n")
    (tmp_path / "root" / "secret.txt").write_text("not to be served")
    return tmp_path / "root"


@pytest.fixture
def start() -> Iterator[Callable[..., str]]:
    """Start hubs with given options; each runs a real uvicorn on a free port of 127.0.0.1."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start_one(root: Path, **options: Any) -> str:
        config = uvicorn.Config(
            create_app(root, **options), host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    yield start_one
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join()
