"""Engine-specific names of the parsers for a model's answers."""

from collections.abc import Mapping

from inferfleet.catalog import Model
from inferfleet.catalog.schema import ParserName
from inferfleet.engines.schema import Engine, EngineVersion


def reasoning_parser(model: Model, name: str, engine: Engine, version: EngineVersion) -> str:
    """Return the name of the model's reasoning parser in the engine called `name`; empty if it has none."""
    known = version.reasoning_parsers
    own = engine.reasoning_parsers
    return _own_name(model.reasoning_parser, name, own if known is None else {key: own[key] for key in known})


def tool_call_parser(model: Model, name: str, engine: Engine, version: EngineVersion) -> str:
    """Return the name of the model's tool call parser in the engine called `name`; empty if it has none."""
    return _own_name(model.tool_call_parser, name, engine.tool_call_parsers) if version.tool_calls else ""


def _own_name(parser: ParserName, engine: str, names: Mapping[str, str]) -> str:
    return names.get(parser, "") if isinstance(parser, str) else parser.get(engine, "")
