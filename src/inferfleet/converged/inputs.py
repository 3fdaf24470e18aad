"""Digests of what a deployment reads on the controller."""

import hashlib
import hmac
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from inferfleet.settings.model import SECRETS

CODE = ("ansible.cfg", "group_vars", "playbooks", "plugins", "roles", "site.yml")
"""Of the checkout; besides the package itself."""
FOLDERS = ("ascend_driver_folder", "nvidia_driver_folder", "offline_bundle", "vastai_driver_folder")
"""Variables that name folders of the controller, whose files are copied to nodes."""
_MEASURING = ("model_weights_deep", "nccl_fabric_measure")
"""Variables that request a measurement, which is not skipped."""
_EVALUATED = re.compile(r"\{\{.*\b(lookup|query|q|now)\s*\(|\{\{.*\bis\s+(exists|file|directory|link)\b", re.DOTALL)
"""Expressions whose value depends on more than variables."""


def code_digest(root: Path) -> str:
    """Return the digest of the code that a deployment executes: the checkout `root` and this package.

    Raises:
        FileNotFoundError: it is no checkout.
    """
    total = hashlib.sha256()
    for top in (*(root / name for name in CODE), Path(__file__).parents[1]):
        top.stat()
        for path in _files(top):
            total.update(f"{path.relative_to(top.parent)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _files(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(folder, name) for name in sorted(names))


def software_digest(search_path: Iterable[str], collections: Iterable[str]) -> str:
    """Return the digest of the versions of Python, its packages (Ansible too) and Ansible's collections."""
    packages = [path.name for folder in search_path for path in Path(folder or ".").glob("*.dist-info")]
    manifests = [path for folder in collections for path in Path(folder).glob("ansible_collections/*/*/MANIFEST.json")]
    known = [f"{path.parent} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in manifests]
    return hashlib.sha256(json.dumps([sys.version, sorted(packages), sorted(known)]).encode()).hexdigest()


def needs_complete_run(variables: Mapping[str, Mapping[str, Any]], roles: Iterable[str]) -> str:
    """Return the first reason why no run may be skipped, a variable or a role of an engine; empty if there is none."""
    for role in roles:
        if role != "inference_engine":
            return role  # such an engine keeps a state of its own, which only its API returns
    for values in variables.values():
        for name, value in values.items():
            if name in _MEASURING and str(value).lower() not in ("false", "no", "0", ""):
                return name
            if any(_EVALUATED.search(text) for text in _texts(value)):
                return name
    return ""


def controller_files(variables: Mapping[str, Mapping[str, Any]], bases: Iterable[Path]) -> list[str]:
    """Return the state of every file of the controller that a variable names, and of the files of folders.

    A relative path is one in any of the folders `bases`.
    """
    named: set[Path] = set()
    for values in variables.values():
        for name, value in values.items():
            for text in _texts(value):
                for path in (base / text for base in bases if text):
                    if os.path.isfile(path):  # noqa: PTH113  # Path.is_file fails for a text that is too long
                        named.add(path)
                    elif name in FOLDERS:
                        named.update(_files(path))
    return [f"{path} {_file_digest(path)}" for path in sorted(named)]


def _file_digest(path: Path) -> str:
    """Return the digest of a small file; of a large one, such as an image archive, size and times."""
    found = path.stat()
    if found.st_size > 1_000_000:
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def secrets_content(folder: Path, variables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the content of all secrets: the generated files, and those of the inventory."""
    # Files that lock others are empty and change with every run.
    generated = {
        str(path.relative_to(folder)): path.read_bytes().hex() for path in _files(folder) if path.suffix != ".lock"
    }
    given = {host: {name: values[name] for name in SECRETS if name in values} for host, values in variables.items()}
    return json.dumps([generated, given], sort_keys=True, default=str)


def digests(inputs: Mapping[str, Any], secrets: str) -> dict[str, str]:
    """Return the digest of each input by its name, and of the secrets.

    Their key is derived from the generated secrets of 256 bits: a digest on a node reveals no password of a variable.
    """
    key = hashlib.sha256(secrets.encode()).digest()
    content = {name: json.dumps(value, sort_keys=True, default=str) for name, value in inputs.items()}
    content["secrets"] = "secrets"
    return {name: hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for name, text in content.items()}


def plain(value: Any) -> Any:
    """Return a variable without Ansible's tags; a value from a vault is decrypted.

    Raises:
        AnsibleError: its password is missing.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
