"""Build steps that pyproject.toml cannot express: the compiled translations, and the playbooks inside the package."""

import shutil
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from setuptools import setup
from setuptools.command.build_py import build_py

TREES = ("group_vars", "inventories", "playbooks", "plugins", "requirements", "roles")
FILES = ("ansible.cfg", "site.yml", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
"""What `inferfleet` needs outside a checkout; the second row lets `inferfleet bundle` build a wheel of it again."""
UNUSED = shutil.ignore_patterns(".*", "__pycache__", "report.html", "stubs", "lab")


class BuildPackage(build_py):
    """Add a compiled catalog (.mo) next to each .po, and the playbooks and roles, to the built package."""

    def run(self) -> None:
        """Build the modules, then add what is not a module."""
        if self.editable_mode:
            super().run()
            return  # the sources are used in place, and messages/translations.py compiles the catalogs in memory
        package = Path(self.build_lib, "inferfleet")
        shutil.rmtree(package, ignore_errors=True)  # an earlier build: commands and engines are found by their files
        super().run()
        for source in Path("src/inferfleet/locale").rglob("*.po"):
            target = Path(self.build_lib, source.relative_to("src")).with_suffix(".mo")
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as texts, target.open("wb") as compiled:
                write_mo(compiled, read_po(texts, locale=source.parent.parent.name, domain=source.stem))
        for name in TREES:
            shutil.copytree(name, package / "deployment" / name, ignore=UNUSED)
        for name in FILES:
            shutil.copy(name, package / "deployment" / name)


setup(cmdclass={"build_py": BuildPackage})
