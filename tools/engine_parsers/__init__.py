"""The engines' own parsers of command lines, each in an environment of its own, on a machine without an accelerator."""

from tools.engine_parsers.ask import EngineParser, ParserError
from tools.engine_parsers.environments import ENVIRONMENTS, Environment

__all__ = ["ENVIRONMENTS", "EngineParser", "Environment", "ParserError"]
