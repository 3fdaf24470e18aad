"""Argument parsers of the engines, each started once; versions that cannot be installed are skipped with the reason."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from lab.problem import LabError
from tools.engine_parsers import ENVIRONMENTS, EngineParser, Environment

BY_NAME = {environment.name: environment for environment in ENVIRONMENTS}


@pytest.fixture(scope="session")
def parser_of(request: pytest.FixtureRequest) -> Iterator[Callable[[str], EngineParser]]:
    """Yield a function that returns the parser of an engine version by name, e.g. vllm-0.32.0.

    Those of the selected tests are started together, since importing an engine takes long.
    """
    requested = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    with ExitStack() as stack:
        running = {name: _start(stack, environment) for name, environment in BY_NAME.items() if name in requested}

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
