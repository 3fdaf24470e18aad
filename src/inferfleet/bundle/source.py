"""The sources of inferfleet, for a wheel that an air-gapped controller installs."""

import shutil
from pathlib import Path

_BUILT = shutil.ignore_patterns("__pycache__", "deployment", "*.mo")


def source_tree(root: Path, folder: Path) -> Path:
    """Return the folder that pip builds inferfleet from.

    `root` contains site.yml: in a checkout it is that folder; in an installed package, whose playbooks are part of the
    package, the sources are put together in `folder`.

    Raises:
        OSError: `folder` cannot be written.
    """
    if (root / "src").is_dir():
        return root
    shutil.copytree(root, folder, ignore=_BUILT, dirs_exist_ok=True)
    shutil.copytree(root.parent, folder / "src" / "inferfleet", ignore=_BUILT, dirs_exist_ok=True)
    return folder
