"""Inference engines, each a folder here: facts, command line and the options of its versions.

A folder holds `engine.yml` (facts, in the form of schema.Engine), `command.py` (`build_argv(launch)` writes the command
line of one node) and, where they are known, `flags/<version>.yml` (the options of a version) and
`symptoms/<layer>/<id>.yml` (what goes wrong with this engine alone, in the form of doctor.Symptom). Nothing else names
it.
"""

from inferfleet.engines.discovery import engine_folders, load_command, load_engine, load_engines, load_flags, own_port
from inferfleet.engines.schema import Engine, EngineVersion, FlagFile, Mode

__all__ = [
    "Engine",
    "EngineVersion",
    "FlagFile",
    "Mode",
    "engine_folders",
    "load_command",
    "load_engine",
    "load_engines",
    "load_flags",
    "own_port",
]
