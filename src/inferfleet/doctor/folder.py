"""Evidence in a folder: written by a playbook run, read from there or from any log files.

FOLDER/service.json          plans, responses, unreachable nodes
FOLDER/<node>/state.json     containers, mounts, ranks, … of a node
FOLDER/<node>/….log          its logs
FOLDER/findings.json         findings
"""

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from errno import ENOENT
from pathlib import Path
from typing import Any

from inferfleet.doctor.evidence import Evidence, Log

STATE, SERVICE, FINDINGS = "state.json", "service.json", "findings.json"
MAX_BYTES = 64 << 20  # of one log, from its end
_PLANNED = (
    *("name", "service", "api_url", "protocol"),
    *("engine", "executor", "model", "served_model_name", "accelerator", "vendor", "transport", "precision", "dtype"),
    *("head", "port", "takes_api_key", "max_model_len", "rank_processes", "engine_version", "kv_cache_dtype"),
)
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_NODE = ("role", "address", "interface", "rdma")


def write_node(
    folder: Path, node: str, logs: Mapping[str, str], state: Mapping[str, Any], hide: Callable[[str], str]
) -> int:
    """Write a node's logs and state, for their owner only, without secrets; return the bytes."""
    written = _write(folder / node / STATE, hide(json.dumps(state, indent=1, ensure_ascii=False, default=str)))
    for name, text in logs.items():
        place = (folder / node / name).resolve()
        if not place.is_relative_to((folder / node).resolve()):
            raise ValueError(f"The log name is outside its folder: {name!r}")
        written += _write(place, hide(text))
    return written


def write_service(
    folder: Path,
    plans: Sequence[Mapping[str, Any]],
    answers: Mapping[str, Mapping[str, Any]],
    unreachable: Mapping[str, str],
    hide: Callable[[str], str],
) -> None:
    """Write the data of services; of plans only the keys that conditions use, without environments.

    `answers` maps hosts to the responses that they received.
    """
    content = {
        "plans": [_planned(plan) for plan in plans],
        "answers": {
            host: {key: value for key, value in own.items() if key != "webui"} for host, own in answers.items()
        },
        "webui": next((own["webui"] for own in answers.values() if own.get("webui")), {}),
        "unreachable": dict(unreachable),
    }
    _write(folder / SERVICE, hide(json.dumps(content, indent=1, ensure_ascii=False, default=str)))


def _planned(plan: Mapping[str, Any]) -> dict[str, Any]:
    planned = {key: plan[key] for key in (*_PLANNED, *_SIZES) if key in plan}
    serves = plan.get("protocol") != "none"
    planned["nodes"] = {
        name: {key: node[key] for key in _NODE if key in node}
        | {"ray": bool(node.get("ray_argv")), "engine": serves and bool(node.get("argv"))}
        for name, node in (plan.get("nodes") or {}).items()
    }
    sizes = [int(plan.get(key) or 1) for key in _SIZES]
    planned["ranks"] = sizes[0] * sizes[1] * sizes[2] if plan.get("rank_processes") else 0
    return planned


def write_diagnosis(folder: Path, diagnosis: Mapping[str, Any], keep: int) -> None:
    """Write the findings, and remove all but the last `keep` diagnoses in the same folder."""
    _write(folder / FINDINGS, json.dumps(diagnosis, indent=1, ensure_ascii=False))
    for old in sorted(path for path in folder.parent.iterdir() if (path / SERVICE).is_file())[: -max(keep, 1)]:
        shutil.rmtree(old, ignore_errors=True)


def read_evidence(place: Path) -> Evidence:
    """Return the evidence in a file or folder; a subfolder is named after its node. Binary files are skipped.

    Raises:
        OSError: the path cannot be read.
    """
    if not place.exists():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(place))
    if place.is_file():
        return Evidence(logs=tuple(_logs(place, "", place.name)))
    logs: list[Log] = []
    nodes: dict[str, Any] = {}
    service: dict[str, Any] = {}
    for path in sorted(file for file in place.rglob("*") if file.is_file()):
        parts = path.relative_to(place).parts
        node, name = (parts[0], "/".join(parts[1:])) if len(parts) > 1 else ("", parts[0])
        if parts == (SERVICE,):
            service = _json(path)
        elif parts == (FINDINGS,):
            continue
        elif name == STATE and node:
            nodes[node] = _json(path)
        else:
            logs += _logs(path, node, name)
    return Evidence(
        logs=tuple(logs),
        nodes={name: state for name, state in nodes.items() if isinstance(state, dict)},
        plans=tuple(plan for plan in service.get("plans") or () if isinstance(plan, dict)),
        answers=_mapping(service.get("answers")),
        webui=_mapping(service.get("webui")),
        unreachable=_mapping(service.get("unreachable")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _logs(path: Path, node: str, name: str) -> Iterator[Log]:
    content = _content(path)
    if b"\0" not in content[:4096]:
        yield Log(node, name.removesuffix(".gz"), content.decode(errors="replace"))


def _content(path: Path) -> bytes:
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            return file.read(MAX_BYTES)
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_BYTES))
        return file.read()


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, text: str) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path.write_text(text, "utf-8", errors="replace")
