"""Find the playbooks and roles (in a checkout or in the installed package) and the inventory of a command."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from inferfleet.messages import N_
from inferfleet.runner.errors import UsageError

HOME_VARIABLE = "INFERFLEET_HOME"
PACKAGED = Path(__file__).resolve().parents[1] / "deployment"
"""Playbooks and roles of an installed package; setup.py copies them."""


def find_checkout(start: Path, env: Mapping[str, str]) -> Path:
    """Return the folder with site.yml, playbooks and roles.

    Search order: the folder in INFERFLEET_HOME, `start` and its parent folders, the source tree of an editable
    installation, the installed package.

    Raises:
        UsageError: there is no checkout, or the folder in INFERFLEET_HOME is not one.
    """
    if home := env.get(HOME_VARIABLE):
        root = Path(home).expanduser().resolve()
        if is_checkout(root):
            return root
        raise UsageError(
            "no-checkout",
            N_("{variable} is '{home}', which contains no site.yml or no playbooks folder."),
            N_("Set {variable} to the folder of the inferfleet checkout."),
            variable=HOME_VARIABLE,
            home=home,
        )
    for folder in _candidates(start):
        if is_checkout(folder):
            return folder
    raise UsageError(
        "no-checkout",
        N_("No inferfleet checkout found in {start} or its parent folders."),
        N_("Change into the checkout, or set {variable} to its folder."),
        start=str(start),
        variable=HOME_VARIABLE,
    )


def state_folder(root: Path, env: Mapping[str, str]) -> Path:
    """Return the folder for logs and locks: in a checkout `.cache/inferfleet`, otherwise in the user's state folder.

    The state folder is XDG_STATE_HOME, by default ~/.local/state (XDG Base Directory Specification 0.8).
    """
    if root != PACKAGED:
        return root / ".cache" / "inferfleet"
    return Path(env.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "inferfleet"


def is_checkout(folder: Path) -> bool:
    """Return whether `folder` contains the files that a run needs."""
    return (folder / "site.yml").is_file() and (folder / "playbooks").is_dir()


def inventory_in(folder: Path, name: str) -> str:
    """Return the absolute path of the inventory `name` relative to `folder`; empty if it does not exist.

    An empty name would mean the folder itself, and Ansible runs every executable file of an inventory folder.
    """
    path = folder / Path(name).expanduser()
    return str(path.resolve()) if name.strip() and path.exists() and not is_checkout(path) else ""


def find_inventory(name: str, start: Path, root: Path) -> str:
    """Return the inventory argument of ansible-playbook: an absolute path, or a host list (`a,b,`).

    A relative path is searched for in `start`, then in the checkout.

    Raises:
        UsageError: the inventory does not exist; the remedy lists similar inventories of the checkout.
    """
    if "," in name:
        return name
    for folder in (start, root):
        if path := inventory_in(folder, name):
            return path
    known = sorted(f"inventories/{path.name}" for path in (root / "inventories").glob("[!.]*"))
    near = difflib.get_close_matches(Path(name).name, [Path(item).name for item in known], n=3, cutoff=0.5)
    if near:
        remedy = N_("Did you mean {names}?")
    elif known:
        remedy = N_("Available inventories: {names}.")
    else:
        remedy = N_("Create one with `inferfleet init`.")
    names = [f"inventories/{item}" for item in near] or known
    raise UsageError("no-inventory", N_("Inventory '{name}' does not exist."), remedy, name=name, names=names)


def _candidates(start: Path) -> Iterator[Path]:
    yield from (start, *start.parents)
    yield Path(__file__).resolve().parents[3]
    yield PACKAGED
