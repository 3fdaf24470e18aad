"""A bundle of small files."""

import pytest

ABOUT = {
    "images": {"a/engine:1": {"file": "images/a_engine_1.tar", "digest": "sha256:1", "layers": ["l"]}},
    "systems": {"debian-12-x86_64": {"file": "packages/debian-12-x86_64.tar"}},
    "checkpoint": {"repository": "a/model", "revision": "main", "weights": True},
}


@pytest.fixture
def folder(tmp_path):
    for name in ("images/a_engine_1.tar", "packages/debian-12-x86_64.tar", "checkpoint.json", "weights/a/model/w.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def about():
    return ABOUT
