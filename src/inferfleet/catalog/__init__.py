"""Catalog of models, accelerators and drivers."""

from inferfleet.catalog.architecture import Architecture, Precision, UnsupportedArchitectureError
from inferfleet.catalog.loader import (
    CatalogError,
    UnknownModelError,
    UnknownNameError,
    UnsupportedModelError,
    accelerator_name,
    load_accelerator,
    load_accelerators,
    load_cuda_errors,
    load_cuda_releases,
    load_model,
    load_models,
    load_xids,
    read_model,
)
from inferfleet.catalog.schema import Accelerator, Checkpoint, CudaError, Model, Xid

__all__ = [
    "Accelerator",
    "Architecture",
    "CatalogError",
    "Checkpoint",
    "CudaError",
    "Model",
    "Precision",
    "UnknownModelError",
    "UnknownNameError",
    "UnsupportedArchitectureError",
    "UnsupportedModelError",
    "Xid",
    "accelerator_name",
    "load_accelerator",
    "load_accelerators",
    "load_cuda_errors",
    "load_cuda_releases",
    "load_model",
    "load_models",
    "load_xids",
    "read_model",
]
