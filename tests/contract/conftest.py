"""Engines' own parsers, each started once; a version whose packages cannot be had is skipped, and says why."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from lab.problem import LabError
from tools.engine_parsers import ENVIRONMENTS, EngineParser, Environment

BY_NAME = {environment.name: environment for environment in ENVIRONMENTS}


@pytest.fixture(scope="session")
def parser_of() -> Iterator[Callable[[str], EngineParser]]:
    """Yield what returns the parser of an engine's version by name, e.g. vllm-0.32.0."""
    running: dict[str, EngineParser | LabError] = {}

    with ExitStack() as stack:

        def get(name: str) -> EngineParser:
            if name not in running:
                running[name] = _start(stack, BY_NAME[name])
            found = running[name]
            if isinstance(found, LabError):
                pytest.skip(f"The packages of {name} cannot be installed here: {found}")
            return found

        yield get


def _start(stack: ExitStack, environment: Environment) -> EngineParser | LabError:
    try:
        return stack.enter_context(EngineParser(environment))
    except LabError as problem:
        return problem
