"""Templates of all texts and their Chinese translations: `python -m tools.translations` updates the catalogs.

It adds each untranslated template to the catalog of its area, with an empty translation, and removes unused ones. An
area is a package of src/inferfleet, `nodes` for plugins, `roles` for roles and playbooks, `tasks` for the names of
their tasks, `settings` for their reference, or `references` for the other generated pages of docs/; all other texts
belong to cli.po.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po
from tools import roles_doc, support_doc

from inferfleet.catalog import load_cuda_errors, load_xids
from inferfleet.components import load_components
from inferfleet.doctor.symptom import load_symptoms
from inferfleet.engines import load_engines
from inferfleet.inventory.examples import examples
from inferfleet.monitoring import load_alerts
from inferfleet.monitoring.dashboards import dashboard_texts
from inferfleet.runner.stages import titles
from inferfleet.settings import SECTIONS, HostSettings, Settings, Unit

ROOT = Path(__file__).resolve().parent.parent
CATALOGS = ROOT / "src/inferfleet/locale/zh_CN/LC_MESSAGES"
_HEADER = rb"""msgid ""
msgstr ""
"Language: zh_CN\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""
_CODE = ("src/inferfleet", "plugins", *sorted(f"tools/{path.name}" for path in (ROOT / "tools").glob("*_doc.py")))
_AREAS = {"catalog": "planner", "runner": "cli", "messages": "cli"}
"""Packages whose texts are in the catalog of another package."""
_TASKS = "tasks"
_REFERENCES = "references"
_LISTS = ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always")
"""Keys of a play or block that list tasks."""
_FOLDERS = {
    "plugins": "nodes",
    "roles": "roles",
    "playbooks": "roles",
    "tools": _REFERENCES,
    "docs": "settings",
    "inventories": "inventory",
    _TASKS: _TASKS,
    _REFERENCES: _REFERENCES,
}
"""Folders outside src/inferfleet, with the catalogs of their texts."""


@cache
def templates() -> dict[str, list[str]]:
    """Return all templates in code and data, with their places (`path:line`)."""
    found: dict[str, list[str]] = {}
    for template, place in (*_of_code(), *_of_data(), *_of_tasks()):
        found.setdefault(template, []).append(place)
    return found


def read_catalogs() -> dict[Path, Catalog]:
    """Return the catalogs by their files."""
    catalogs = {}
    for file in sorted(CATALOGS.glob("*.po")):
        with file.open("rb") as source:
            catalogs[file] = read_po(source, locale="zh_CN", domain=file.stem)
    return catalogs


def _of_code() -> Iterator[tuple[str, str]]:
    for name in _CODE:
        for file in sorted((ROOT / name).rglob("*.py")) or [ROOT / name]:
            place = file.relative_to(ROOT)
            for line, template, _, _ in extract_from_file("python", file, keywords={"N_": None}):
                yield str(template), f"{place}:{line}"


def _of_data() -> Iterator[tuple[str, str]]:
    for model in (Settings, HostSettings):
        for name, field in model.model_fields.items():
            for text in (field.description or "", *(item.name for item in field.metadata if isinstance(item, Unit))):
                yield text, f"docs/en/settings.md:{name}"
    for heading in SECTIONS:
        yield heading, "docs/en/settings.md"
    for xid, entry in load_xids().items():
        yield entry.meaning, f"src/inferfleet/catalog/driver.yml:Xid {xid}"
    for name, engine in load_engines().items():
        for caveat in engine.caveats:
            yield caveat, f"engine {name}:caveats"
        for phase in engine.phases:
            yield phase.name, f"engine {name}:phases"
    for component in load_components():
        yield component.title, f"src/inferfleet/components/{component.name}.yml:title"
        for port in component.ports:
            if port.purpose and not port.purpose.startswith("-"):  # an option stays as it is
                yield port.purpose, f"src/inferfleet/components/{component.name}.yml:ports"
    for role, entries in roles_doc.load_specs(ROOT).items():
        for text in roles_doc.descriptions(entries):
            yield text, f"{_REFERENCES}/{role}"
    for run in support_doc.load_runs():
        for text in run:
            yield text, f"{_REFERENCES}/{support_doc.RUNS.name}"
    for name, description in examples(ROOT).items():
        yield description, f"inventories/{name}"
    for stage, title in titles().items():
        yield title, f"src/inferfleet/runner/stages.yml:{stage}"
    for error in load_cuda_errors():
        for text in (error.cause, error.remedy):
            yield text, f"src/inferfleet/catalog/driver.yml:CUDA error {error.code}"
    for file in sorted([*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("playbooks/*.yml")]):
        for task in tasks_of(_load(file)):
            problem, container = task.get("fail_with_problem") or {}, task.get("wait_for_container") or {}
            for text in (problem.get("message"), problem.get("remedy"), container.get("hint")):
                if text and "{{" not in text:
                    yield text, str(file.relative_to(ROOT))
    for symptom in load_symptoms():
        texts = (symptom.title, symptom.cause, symptom.check, symptom.remedy)
        for text in (*texts, *(sentence.template for sentence in symptom.evidence)):
            yield text, f"src/inferfleet/doctor/symptom.py:{symptom.id}"
    for alert in load_alerts():
        if alert.texts:
            for text in (alert.texts.title, alert.texts.cause, alert.texts.check, alert.texts.remedy):
                yield text, f"src/inferfleet/monitoring/alerts.py:{alert.name}"
    for text in dashboard_texts():
        yield text, "src/inferfleet/monitoring/dashboards.py:overview"


def _of_tasks() -> Iterator[tuple[str, str]]:
    for pattern in ("roles/*/tasks/**/*.yml", "roles/*/handlers/*.yml", "playbooks/**/*.yml"):
        for file in sorted(ROOT.glob(pattern)):
            for name in shown_names(_load(file)):
                yield name, f"{_TASKS}/{file.relative_to(ROOT)}"


@cache
def _load(file: Path) -> Any:
    return yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)


def shown_names(entries: Any) -> Iterator[str]:
    """Yield the names of plays and tasks that a run shows as templates: `Pull {{ … }}` becomes `Pull {value}`."""
    for entry in entries or []:
        hidden = any(re.search(r"^block$|(^|\.)import_", key) for key in entry)  # Ansible resolves them beforehand
        if "name" in entry and not hidden:
            yield re.sub(r"\{\{.*\}\}$", "{value}", entry["name"])
        for key in _LISTS:
            yield from shown_names(entry.get(key))


def tasks_of(content: Any) -> Iterator[dict[str, Any]]:
    """Yield all mappings in a file of tasks or plays, recursively."""
    if isinstance(content, dict):
        yield content
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from tasks_of(item)


def main() -> int:
    """Write the catalogs; return 1 if translations are missing."""
    named, catalogs = templates(), read_catalogs()
    known = {message.id for catalog in catalogs.values() for message in catalog if message.id}
    for file, catalog in catalogs.items():
        for message in [message for message in catalog if message.id and message.id not in named]:
            catalog.delete(message.id)
            print(f"{file.name}: removed {message.id!r}")
    for template, places in named.items():
        if template not in known:
            file = _catalog_of(places[0], catalogs)
            catalogs[file].add(template)
            print(f"{file.name}: translate {template!r} ({places[0]})")
    for file, catalog in catalogs.items():
        file.write_bytes(content_of(catalog))
    return int(any(not message.string for catalog in catalogs.values() for message in catalog if message.id))


def content_of(catalog: Catalog) -> bytes:
    """Return the content of a catalog's file, without what changes with each run or version of Babel."""
    for message in catalog:
        message.flags.clear()
    content = BytesIO()
    write_po(content, catalog, width=0, omit_header=True)
    return _HEADER + content.getvalue().strip() + b"\n"


def _catalog_of(place: str, catalogs: dict[Path, Catalog]) -> Path:
    parts = place.split("/")
    package = parts[2] if parts[:2] == ["src", "inferfleet"] else _FOLDERS.get(parts[0], "")
    wanted = CATALOGS / f"{_AREAS.get(package, package)}.po"
    return wanted if wanted in catalogs else CATALOGS / "cli.po"


if __name__ == "__main__":
    sys.exit(main())
