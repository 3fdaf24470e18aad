"""The image registry on the cluster network (Debian's docker-registry) and how images get into it."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import httpx
import yaml

from lab.config import CONTROLLER, REGISTRY_PORT, LabConfig
from lab.problem import LabError
from lab.services import Service, listens, log_file

ADDRESS = f"{CONTROLLER}:{REGISTRY_PORT}"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def configuration(storage: Path, address: str) -> str:
    """Return docker-registry's configuration."""
    return yaml.safe_dump(
        {
            "version": "0.1",
            "log": {"accesslog": {"disabled": True}, "level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
            "http": {"addr": address},
        }
    )


def service(config: LabConfig) -> Service:
    """The registry the nodes pull from."""
    return Service("registry", _command(config, "registry", ADDRESS), str(CONTROLLER), REGISTRY_PORT)


def _command(config: LabConfig, name: str, address: str) -> list[str]:
    file = config.cache / "run" / f"{name}.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(configuration(config.cache / "registry", address))
    return ["docker-registry", "serve", str(file)]


@contextmanager
def _door(config: LabConfig) -> Iterator[str]:
    """Open the registry's storage on a loopback port while images are pushed; give its address.

    Docker speaks plain HTTP with loopback addresses only, unless its own configuration is changed, and this
    machine's Docker may serve others.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = log_file(config, f"push-{port}")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = _command(config, f"push-{port}", f"127.0.0.1:{port}")
    with log.open("w") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            while not listens("127.0.0.1", port):
                if process.poll() is not None:
                    raise LabError(f"docker-registry did not start. Read {log}.")
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
    log.unlink()
    Path(command[-1]).unlink()


def held_image(name: str, tag: str) -> str | None:
    """Return the image id that the registry serves under `name`:`tag`, None when it serves none."""
    answer = httpx.get(f"http://{ADDRESS}/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST})
    return str(answer.json()["config"]["digest"]) if answer.status_code == httpx.codes.OK else None


def push(client: docker.DockerClient, config: LabConfig, image: str, name: str, tag: str) -> str:
    """Put a local image into the registry as `name`:`tag` unless it is there; return what was done.

    Raises LabError when Docker cannot push.
    """
    source = client.images.get(image)
    if held_image(name, tag) == source.id:
        return f"{ADDRESS}/{name}:{tag} unchanged"
    with _door(config) as door:
        source.tag(f"{door}/{name}", tag)
        try:
            for line in client.api.push(f"{door}/{name}", tag, stream=True, decode=True):
                if "error" in line:
                    raise LabError(f"The image {name}:{tag} could not be pushed: {line['error']}")
        finally:
            client.api.remove_image(f"{door}/{name}:{tag}")
    return f"{ADDRESS}/{name}:{tag} pushed"
