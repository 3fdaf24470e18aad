"""The command-line parsers of the engines, each in a separate environment, without an accelerator."""

from tools.engine_parsers.client import EngineParser, ParserError
from tools.engine_parsers.environments import ENVIRONMENTS, Environment

__all__ = ["ENVIRONMENTS", "EngineParser", "Environment", "ParserError"]
