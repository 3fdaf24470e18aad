"""`model_weights_sources`, completed and checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from inferfleet.messages import Problem

TYPES = ("huggingface", "hfd", "modelscope", "path", "http")
_KEYS = {"type", "endpoint", "repository", "revision", "path", "host", "connections"}
_NEEDS = {"path": "path", "http": "endpoint"}
MODELSCOPE = "https://www.modelscope.cn"
_EXAMPLE = "[{type: huggingface, endpoint: https://hf-mirror.com}]"


class BadSourceError(Exception):
    """An entry of `model_weights_sources` that cannot be used."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.problem = Problem("bad-source", message, remedy)


def resolve_sources(
    given: Sequence[Mapping[str, Any]],
    *,
    repository: str,
    modelscope: str,
    revision: str,
    endpoint: str,
    folders: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Return the sources with everything filled in that the plan and the contract know.

    `repository` and `modelscope` are the checkpoint's ids on both hubs (the latter empty where it is not published
    there), `revision` and `endpoint` those of the contract. Without any entry, the hub of the contract is the source.
    `folders` maps the number of an entry that is a folder of the controller to the port of the node's loopback by
    which it is lent (see way_out.py).

    Raises:
        BadSourceError: an entry has an unknown type or key, or lacks what it needs.
    """
    resolved: list[dict[str, Any]] = []
    for number, entry in enumerate(given or [{"type": "huggingface"}], 1):
        where = f"Entry {number} of model_weights_sources"
        if not isinstance(entry, Mapping) or entry.get("type") not in TYPES:
            shown = entry.get("type") if isinstance(entry, Mapping) else entry
            raise BadSourceError(
                f"{where} has type {shown!r}, which is not known.",
                f"Set type to one of {', '.join(TYPES)}, as in {_EXAMPLE}.",
            )
        kind = str(entry["type"])
        if unknown := sorted(set(entry) - _KEYS):
            raise BadSourceError(
                f"{where} ({kind}) has the key {unknown[0]}, which is not known.", f"Use {', '.join(sorted(_KEYS))}."
            )
        if (needed := _NEEDS.get(kind)) and not entry.get(needed):
            raise BadSourceError(f"{where} ({kind}) has no {needed}.", f"Set {needed}.")
        if (host := entry.get("host", "localhost")) != "localhost" or ("host" in entry and kind != "path"):
            raise BadSourceError(
                f"{where} ({kind}) has host {host}, which is not known.",
                "Set host to localhost for a path on the controller; leave it out for one on the nodes.",
            )
        source: dict[str, Any] = {"repository": repository, "revision": revision, **entry}
        if source.pop("host", ""):
            path = source.pop("path")
            port = (folders or {}).get(str(number), 0)
            source |= {"type": "http", "endpoint": f"http://127.0.0.1:{port}", "title": f"{path} on the controller"}
        if kind in ("huggingface", "hfd"):
            source.setdefault("endpoint", endpoint)
        if kind == "modelscope":
            source.setdefault("endpoint", MODELSCOPE)
            source["repository"] = entry.get("repository") or modelscope
            if not source["repository"]:
                raise BadSourceError(
                    f"{where} is modelscope, but the catalog knows no id of {repository} there.",
                    "Set repository to its id on ModelScope, or leave the entry out.",
                )
        resolved.append(source)
    return resolved
