"""Validation and completion of `model_weights_sources`."""

from collections.abc import Mapping, Sequence
from typing import Any

from inferfleet.messages import N_, Problem

TYPES = ("huggingface", "hfd", "modelscope", "path", "http")
_KEYS = {"type", "endpoint", "repository", "revision", "path", "host", "connections"}
_NEEDS = {"path": "path", "http": "endpoint"}
MODELSCOPE = "https://www.modelscope.cn"
_EXAMPLE = "[{type: huggingface, endpoint: https://hf-mirror.com}]"


class BadSourceError(Exception):
    """An entry of `model_weights_sources` that cannot be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def resolve_sources(
    entries: Sequence[Mapping[str, Any]],
    *,
    repository: str,
    modelscope: str,
    revision: str,
    endpoint: str,
    hub: str = "huggingface",
    folders: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Return the sources, completed with values of the plan and the settings.

    `repository` and `modelscope` are the checkpoint's ids on both hubs (the latter empty if it is not published
    there), `revision` and `endpoint` those of the settings. Without entries, the checkpoint's `hub` is the only source.
    `folders` maps the number of an entry that is a folder of the controller to the port on the node's loopback that
    serves it (see internet_access.py).

    Raises:
        BadSourceError: an entry has an unknown type or key, or a required key is missing.
    """
    resolved: list[dict[str, Any]] = []
    for number, entry in enumerate(entries or [{"type": hub}], 1):
        if not isinstance(entry, Mapping) or entry.get("type") not in TYPES:
            shown = entry.get("type") if isinstance(entry, Mapping) else entry
            raise BadSourceError(
                Problem(
                    "bad-source",
                    N_("Entry {number} of model_weights_sources has the unknown type {type}."),
                    N_("Set type to one of {types}, as in {example}."),
                    number=number,
                    type=repr(shown),
                    types=TYPES,
                    example=_EXAMPLE,
                )
            )
        kind = str(entry["type"])
        place = {"number": number, "type": kind}
        if unknown := sorted(set(entry) - _KEYS):
            message = N_("Entry {number} of model_weights_sources ({type}) has the unknown key {key}.")
            keys = sorted(_KEYS)
            raise BadSourceError(Problem("bad-source", message, N_("Use {keys}."), key=unknown[0], keys=keys, **place))
        if (needed := _NEEDS.get(kind)) and not entry.get(needed):
            message = N_("Entry {number} of model_weights_sources ({type}) has no {key}.")
            raise BadSourceError(Problem("bad-source", message, N_("Set {key}."), key=needed, **place))
        if (host := entry.get("host", "localhost")) != "localhost" or ("host" in entry and kind != "path"):
            message = N_("Entry {number} of model_weights_sources ({type}) has the unsupported host {host}.")
            remedy = N_("Set host to localhost for a path on the controller; omit it for a path on the nodes.")
            raise BadSourceError(Problem("bad-source", message, remedy, host=host, **place))
        source: dict[str, Any] = {"repository": repository, "revision": revision, **entry}
        if source.pop("host", ""):
            path = source.pop("path")
            port = (folders or {}).get(str(number), 0)
            source |= {"type": "http", "endpoint": f"http://127.0.0.1:{port}", "title": f"localhost:{path}"}
        if kind in ("huggingface", "hfd"):
            source.setdefault("endpoint", endpoint)
        if kind == "modelscope":
            source.setdefault("endpoint", MODELSCOPE)
            source["repository"] = entry.get("repository") or modelscope
            if not source["repository"]:
                message = N_(
                    "Entry {number} of model_weights_sources is modelscope, but the catalog has no ModelScope id for"
                    " {repository}."
                )
                remedy = N_("Set repository to its id on ModelScope, or remove the entry.")
                raise BadSourceError(Problem("bad-source", message, remedy, number=number, repository=repository))
        resolved.append(source)
    return resolved
