"""What the world is like, as data: models, accelerators and engines."""

from inferfleet.catalog.architecture import Architecture, Precision, UnsupportedArchitectureError
from inferfleet.catalog.loader import (
    CatalogError,
    UnknownNameError,
    accelerator_name,
    load_accelerator,
    load_accelerators,
    load_engine,
    load_engines,
    load_model,
    load_models,
    read_model,
    safetensors_bytes,
)
from inferfleet.catalog.schema import Accelerator, Checkpoint, Engine, EngineVersion, Model

__all__ = [
    "Accelerator",
    "Architecture",
    "CatalogError",
    "Checkpoint",
    "Engine",
    "EngineVersion",
    "Model",
    "Precision",
    "UnknownNameError",
    "UnsupportedArchitectureError",
    "accelerator_name",
    "load_accelerator",
    "load_accelerators",
    "load_engine",
    "load_engines",
    "load_model",
    "load_models",
    "read_model",
    "safetensors_bytes",
]
