"""The modules, and recorded outputs of hardware tools."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures"
MODULES = ROOT / "plugins" / "modules"


def load_module(name: str) -> ModuleType:
    """Return a module of plugins/modules as a Python module."""
    spec = importlib.util.spec_from_file_location(name, MODULES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
