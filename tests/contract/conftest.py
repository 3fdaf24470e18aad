"""Engines' own parsers, each started once; a version whose packages cannot be had is skipped, and says why."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from lab.problem import LabError
from tools.engine_parsers import ENVIRONMENTS, EngineParser, Environment

BY_NAME = {environment.name: environment for environment in ENVIRONMENTS}


@pytest.fixture(scope="session")
def parser_of(request: pytest.FixtureRequest) -> Iterator[Callable[[str], EngineParser]]:
    """Yield what returns the parser of an engine's version by name, e.g. vllm-0.32.0.

    Those that the selected tests ask for are started together: each takes its time to import an engine.
    """
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    with ExitStack() as stack:
        running = {name: _start(stack, environment) for name, environment in BY_NAME.items() if name in asked}

        def get(name: str) -> EngineParser:
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
