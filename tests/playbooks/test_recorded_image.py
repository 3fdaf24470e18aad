"""The role container_images in a rollback, with a real Docker: the name got another image after the release."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def docker(*arguments: str, text: bytes = b"") -> str:
    done = subprocess.run(["docker", *arguments], input=text, capture_output=True, check=True)
    return done.stdout.decode().strip()


def image(content: str) -> str:
    """Create an image without a name; return its id."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        entry = tarfile.TarInfo(content)
        files.addfile(entry)
    return docker("import", "-", text=archive.getvalue())


@dataclass(frozen=True)
class Images:
    """An image name, and the ids of the image of the release and of a later one, which has the name."""

    name: str
    released: str
    later: str

    @property
    def named(self) -> str:
        return docker("image", "inspect", "--format", "{{.Id}}", self.name)


@pytest.fixture
def images() -> Iterator[Images]:
    found = Images(f"inferfleet-test-release:{os.getpid()}", image("released"), image("later"))
    docker("tag", found.later, found.name)
    yield found
    subprocess.run(["docker", "rmi", "-f", found.released, found.later], capture_output=True, check=False)


def run(folder: Path, images: Images, recorded: str) -> subprocess.CompletedProcess[str]:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": {"n1": local}}}))
    architecture = os.uname().machine
    variables = {
        "container_images_name": images.name,
        "container_images_recorded": {"n1": {images.name: recorded}},
        "container_images_mirrors": {},
        # A rollback does not query the registry, which may have another image under the tag.
        "container_images_pull": "always",
    }
    facts = {"inferfleet_node": {"architecture": architecture}, "inferfleet_bundle": {}, "cacheable": True}
    include = {"name": "container_images", "rolespec_validate": False}
    tasks = [{"ansible.builtin.set_fact": facts}, {"ansible.builtin.include_role": include}]
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    (folder / "play.json").write_text(json.dumps([play]))
    return subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", folder / "hosts.json"),
            *("-e", json.dumps(variables), folder / "play.json"),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_name_gets_the_image_of_the_release_and_keeps_it(tmp_path: Path, images: Images) -> None:
    first = run(tmp_path, images, images.released)
    assert first.returncode == 0, first.stdout
    assert images.named == images.released
    again = run(tmp_path, images, images.released)
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout


def test_removed_image_that_no_registry_has_is_refused(tmp_path: Path, images: Images) -> None:
    docker("rmi", images.released)
    done = run(tmp_path, images, images.released)
    assert done.returncode == 2
    assert "release-image-missing" in done.stdout
    assert images.named == images.later
