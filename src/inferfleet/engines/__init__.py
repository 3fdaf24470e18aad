"""Inference engines, one folder each: properties, command line and the options of its versions.

A folder contains `engine.yml` (properties, schema.Engine), `command.py` (`build_argv(launch)` returns the command line
of one node) and, if known, `flags/<version>.yml` (the options of a version) and `symptoms/<layer>/<id>.yml` (failures
specific to this engine, doctor.Symptom). No other code names the engine.
"""

from inferfleet.engines.discovery import engine_folders, load_command, load_engine, load_engines, load_flags, own_port
from inferfleet.engines.schema import Engine, EngineVersion, Flag, FlagFile, Mode, Profile

__all__ = [
    "Engine",
    "EngineVersion",
    "Flag",
    "FlagFile",
    "Mode",
    "Profile",
    "engine_folders",
    "load_command",
    "load_engine",
    "load_engines",
    "load_flags",
    "own_port",
]
