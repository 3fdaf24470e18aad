"""Compile the translations while the package is built; everything else is in pyproject.toml."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTranslations(build_py):
    """Add a compiled catalog (.mo) next to each .po of the built package."""

    def run(self) -> None:
        """Build the modules, then the catalogs."""
        super().run()
        if self.editable_mode:
            return  # the sources are used in place, and messages/translations.py compiles those in memory
        for source in Path("src/inferfleet/locale").rglob("*.po"):
            target = Path(self.build_lib, source.relative_to("src")).with_suffix(".mo")
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as texts, target.open("wb") as compiled:
                write_mo(compiled, read_po(texts, locale=source.parent.parent.name, domain=source.stem))


setup(cmdclass={"build_py": BuildWithTranslations})
