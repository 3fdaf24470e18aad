"""The image registry on the cluster network (Debian's docker-registry) and the push of images."""

import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import docker
import httpx
import yaml

from lab.config import CONTROLLER, REGISTRY_PORT, LabConfig
from lab.problem import LabError
from lab.services import Service

ADDRESS = f"{CONTROLLER}:{REGISTRY_PORT}"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"
CHUNK = 1 << 20  # bytes read at a time


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
    """Return the service of the registry from which nodes pull."""
    file = config.cache / "run" / "registry.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(configuration(config.cache / "registry", ADDRESS))
    return Service("registry", ["docker-registry", "serve", str(file)], str(CONTROLLER), REGISTRY_PORT)


def stored_image(name: str, tag: str) -> str | None:
    """Return the image id of `name`:`tag` in the registry, None if it is missing."""
    answer = httpx.get(f"http://{ADDRESS}/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST})
    return str(answer.json()["config"]["digest"]) if answer.status_code == httpx.codes.OK else None


def push(client: docker.DockerClient, image: str, name: str, tag: str) -> str:
    """Push a local image to the registry as `name`:`tag` unless it exists; return what was done.

    Layers are not compressed, unlike with `docker push`: on a network inside one machine compression takes longer than
    it saves. Docker would also need a changed configuration to push to a registry without TLS.
    Raises LabError if the registry rejects a part.
    """
    source = client.images.get(image)
    if stored_image(name, tag) == source.id:
        return f"{ADDRESS}/{name}:{tag} unchanged"
    try:
        with httpx.Client(base_url=f"http://{ADDRESS}/v2/{name}/", timeout=600) as http:
            manifest = upload_parts(http, Stream(source.save()))
            http.put(
                f"manifests/{tag}", content=json.dumps(manifest), headers={"Content-Type": MANIFEST}
            ).raise_for_status()
    except httpx.HTTPError as error:
        raise LabError(f"The registry rejected {name}:{tag}: {error}. See `python -m lab logs registry`.") from error
    return f"{ADDRESS}/{name}:{tag} pushed"


def upload_parts(http: httpx.Client, saved: "Stream") -> dict[str, Any]:
    """Upload the layers and the configuration of a `docker save` archive; return the manifest."""
    parts: dict[str, dict[str, Any]] = {}
    with tarfile.open(fileobj=saved, mode="r|", bufsize=CHUNK) as archive:
        for member in archive:
            if member.issym():  # a layer that occurs twice
                parts[member.name] = parts[posixpath.normpath(f"{posixpath.dirname(member.name)}/{member.linkname}")]
            elif (content := archive.extractfile(member)) and member.name == "manifest.json":
                (contents,) = json.load(content)
            elif content:
                parts[member.name] = {"size": member.size, "digest": _upload(http, content)}
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, **parts[contents["Config"]]},
        "layers": [{"mediaType": LAYER, **parts[layer]} for layer in contents["Layers"]],
    }


def _upload(http: httpx.Client, content: IO[bytes]) -> str:
    """Upload one blob and return its digest."""
    checksum = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        while chunk := content.read(CHUNK):
            checksum.update(chunk)
            yield chunk

    opened = http.post("blobs/uploads/").raise_for_status()
    sent = http.patch(
        opened.headers["Location"], content=chunks(), headers={"Content-Type": "application/octet-stream"}
    ).raise_for_status()
    digest = f"sha256:{checksum.hexdigest()}"
    http.put(httpx.URL(sent.headers["Location"]).copy_merge_params({"digest": digest})).raise_for_status()
    return digest


class Stream(io.RawIOBase):
    """The chunks of an iterator as a readable stream."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        end = len(self._rest) if size < 0 else size
        head, self._rest = self._rest[:end], self._rest[end:]
        return head
