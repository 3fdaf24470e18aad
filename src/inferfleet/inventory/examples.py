"""Example inventories, which `inferfleet init` copies."""

import difflib
import shutil
from collections.abc import Mapping
from pathlib import Path

from inferfleet.messages import N_
from inferfleet.runner.errors import UsageError

_TEST_CLUSTER = "lab"  # generated for `make up`; its hosts exist only there
_IGNORED = ".secrets/\n.results/\nreport.html\n"


def examples(root: Path) -> dict[str, str]:
    """Return the example inventories of the checkout or package at `root`: description by name."""
    files = {path.parent.name: path for path in sorted(root.glob("inventories/[!.]*/hosts.yml"))}
    return {name: _description(path) for name, path in files.items() if name != _TEST_CLUSTER}


def create(root: Path, like: str, target: Path) -> list[Path]:
    """Copy the example `like` to the folder `target`, and return the files written.

    Raises:
        UsageError: there is no such example, or `target` is not an empty folder.
        OSError: a file cannot be written.
    """
    _require_example(like, examples(root))
    require_empty(target)
    hidden = shutil.ignore_patterns(".*", "report.html")  # secrets and results of the example's own runs
    shutil.copytree(root / "inventories" / like, target, ignore=hidden, dirs_exist_ok=True)
    (target / ".gitignore").write_text(_IGNORED, "utf-8")
    return sorted(path for path in target.rglob("*") if path.is_file())


def write(files: Mapping[str, str], target: Path) -> list[Path]:
    """Write `files`, content by path in the folder `target`, and return their paths.

    Raises:
        UsageError: `target` is not an empty folder.
        OSError: a file cannot be written.
    """
    require_empty(target)
    for name, content in {**files, ".gitignore": _IGNORED}.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(content, "utf-8")
    return sorted(path for path in target.rglob("*") if path.is_file())


def require_empty(target: Path) -> None:
    """Return if `target` does not exist or is an empty folder; nothing is ever overwritten.

    Raises:
        UsageError: it contains something, or is a file.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            "not-empty",
            N_("{path} exists and is not an empty folder."),
            N_("Specify another folder."),
            path=str(target),
        )


def _require_example(like: str, known: Mapping[str, str]) -> None:
    if like in known:
        return
    near = difflib.get_close_matches(like, known, n=1, cutoff=0.5)
    raise UsageError(
        "no-example",
        N_("--like: there is no example inventory '{name}'.") if like else N_("--like: specify an example inventory."),
        N_("Did you mean {names}?") if near else N_("The examples are {names}."),
        name=like,
        names=near or list(known),
    )


def _description(hosts: Path) -> str:
    """Return the first sentence of the comment at the top of hosts.yml."""
    comments = (line[1:].strip() for line in hosts.read_text("utf-8").splitlines() if line.startswith("#"))
    return next(comments, "").split(". ")[0].rstrip(".")
