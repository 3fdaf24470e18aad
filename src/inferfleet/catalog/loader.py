"""Load the catalog's files; an invalid one is reported with file, key and reason."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from inferfleet.catalog import mistral, modelslim
from inferfleet.catalog.architecture import (
    Architecture,
    InvalidArchitectureError,
    Precision,
    UnknownArchitectureError,
    UnsupportedArchitectureError,
    architecture_from_config,
    assumed_architecture,
    precision_from_config,
)
from inferfleet.catalog.family import load_families
from inferfleet.catalog.folder import folder_name
from inferfleet.catalog.quantization import mapping, modelopt_algorithm
from inferfleet.catalog.schema import (
    Accelerator,
    Checkpoint,
    CudaError,
    CudaRelease,
    DriverFile,
    Model,
    Xid,
)
from inferfleet.messages import N_, Message, Problem, os_reason, reason_of

FOLDER = Path(__file__).parent
_INDEX_TOLERANCE = 0.5
"""Deviation of an index's total from the computed bytes up to which it is used: a quantization may skip layers that
config.json does not name. DeepSeek-R1's total is twice as large, since it counts two bytes for each FP8 weight."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the libyaml loader is ten times as fast
Entry = TypeVar("Entry")
Form = TypeVar("Form", bound=BaseModel)


class CatalogError(ValueError):
    """An invalid catalog file or `config.json`; the message names file, key and reason."""

    def __init__(self, template: str, /, **parameters: Any) -> None:
        self.message = Message("catalog-broken", template, **parameters)
        super().__init__(self.message.render("en"))


class UnsupportedModelError(CatalogError):
    """A valid `config.json` of a model whose memory the planner cannot compute."""


class UnknownModelError(UnsupportedModelError):
    """A `config.json` of an architecture that the planner does not know, and so needs the size of its KV cache."""

    def __init__(self, template: str, /, **parameters: Any) -> None:
        super().__init__(template, **parameters)
        self.has_weights = bool(parameters["size"])


class UnknownNameError(ValueError):
    """A name that is not in the catalog; the remedy suggests the nearest one."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@cache
def load_models(folder: Path = FOLDER) -> dict[str, Model]:
    """Return all models of the catalog by name; raises CatalogError."""
    return {file.stem: load_file(file, Model) for file in sorted((folder / "models").glob("*.yml"))}


@cache
def load_accelerators(folder: Path = FOLDER) -> dict[str, Accelerator]:
    """Return all accelerators of the catalog by name; raises CatalogError."""
    return {file.stem: load_file(file, Accelerator) for file in sorted((folder / "accelerators").glob("*.yml"))}


@cache
def _load_driver(folder: Path = FOLDER) -> DriverFile:
    return load_file(folder / "driver.yml", DriverFile)


def load_cuda_releases() -> dict[str, CudaRelease]:
    """Return what images of a CUDA release require of a driver, by release; raises CatalogError."""
    return {release.version: release for release in _load_driver().cuda_releases}


def load_cuda_errors() -> tuple[CudaError, ...]:
    """Return the CUDA errors caused by the driver or the hardware; raises CatalogError."""
    return _load_driver().cuda_errors


def load_xids() -> dict[int, Xid]:
    """Return the Xid errors of NVIDIA's driver by code; raises CatalogError."""
    return {xid.code: xid for xid in _load_driver().xids}


def load_model(name: str, *, kv_bytes_per_token: int = 0) -> Model:
    """Return the model called `name`, or the one in the folder or `config.json` at that absolute path.

    `kv_bytes_per_token` is that of read_model. Raises UnknownNameError or CatalogError.
    """
    if name.startswith("/"):
        return read_model(Path(name), kv_bytes_per_token=kv_bytes_per_token)
    return pick("model", name, load_models())


def load_accelerator(name: str) -> Accelerator:
    """Return the accelerator called `name`; raises UnknownNameError."""
    return load_accelerators()[accelerator_name(name)]


def accelerator_name(name: str) -> str:
    """Return the catalog name for a common spelling: `h200`, `RTX 4090`, `A800-80GB`, or a driver's product name.

    Raises UnknownNameError if no entry or more than one matches.
    """
    entries = load_accelerators()
    if name in entries:
        return name
    wanted = _folded(name)
    exact = [entry for entry in entries if _folded(entry) == wanted]
    begun = exact or [entry for entry in entries if wanted and _folded(entry).startswith(wanted)]
    # "A10" is a prefix of "A100-40G" too; only the memory size may follow the name.
    meant = exact or [entry for entry in begun if _folded(entry.rpartition("-")[0]) == wanted]
    if len(meant) == 1:
        return meant[0]
    if len(meant) > 1:
        raise UnknownNameError(
            Problem(
                "ambiguous-name",
                N_("Variable accelerator is {value}, which the catalog lists in {count} memory sizes."),
                N_("Choose one of {names}."),
                value=repr(name),
                count=len(meant),
                names=meant,
            )
        )
    sold = [entry for entry, data in entries.items() if wanted in map(_folded, data.product_names)]
    if len(sold) == 1:
        return sold[0]
    pick("accelerator", name, entries)
    raise AssertionError  # pick refuses what is not there


def _folded(name: str) -> str:
    letters = "".join(c for c in name.lower() if c.isalnum()).removeprefix("nvidia").removeprefix("tesla")
    return re.sub(r"(?<=\d)gb?$", "", letters)


def read_model(path: Path, *, kv_bytes_per_token: int = 0) -> Model:
    """Return the model that a `config.json`, or a folder with one, describes; raises CatalogError.

    Mistral's `params.json` serves as well, in a folder if there is no `config.json`. If safetensors files or their
    index are in the same folder, they determine the size of the weights. A model of an architecture that the planner
    does not know needs them, and `kv_bytes_per_token` on each rank.
    """
    file = path if path.suffix == ".json" else path / "config.json"
    if not file.exists() and path.joinpath(mistral.FILE).is_file():
        file = path / mistral.FILE
    config = _mapping(file, _text(file), json.loads)
    config = mistral.config_of_params(config) if file.name == mistral.FILE else _with_quantization(file, config)
    try:
        precision = precision_from_config(config)
        architecture = _architecture(file, config, kv_bytes_per_token)
    except InvalidArchitectureError as error:
        raise CatalogError(N_("File {file}: {reason}."), file=file, reason=error.message) from None
    except UnsupportedArchitectureError as error:
        raise UnsupportedModelError(N_("File {file}: {reason}."), file=file, reason=error.message) from None
    computed, indexed = _computed_bytes(architecture, precision), 0
    size = _stored_bytes(file.parent)
    if not size:
        indexed = _indexed_bytes(file.parent)
        exact = architecture.assumed is not None  # since it was computed from the index
        size = indexed if exact or abs(indexed / computed - 1) <= _INDEX_TOLERANCE else computed
    folder = folder_name(PurePosixPath(file.parent)) or "model"
    checkpoint = Checkpoint(
        id=f"local/{''.join(c if c.isalnum() or c in '.-_' else '-' for c in folder)}",
        publisher="local",
        precision=precision,
        method=_method(config),
        vendors=("ascend",) if _method(config) == modelslim.METHOD else (),
        tensor_bytes=size,
        bytes=size,
        indexed_bytes=indexed,
    )
    return Model(
        title=folder,
        architecture=architecture,
        max_model_len=architecture.max_position_embeddings,
        reasoning_parser="deepseek_r1" if "r1" in folder.lower() else "",
        trust_remote_code=_needs_own_code(file.parent, config, architecture.name),
        checkpoints=(checkpoint,),
    )


def _with_quantization(file: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return a `config.json` with the quantization that ModelSlim, or ModelOpt before 0.31, states in another file.

    Source: vllm/transformers_utils/config.py and vllm/model_executor/layers/quantization/modelopt.py.
    """
    if isinstance(config.get("quantization_config"), Mapping):
        return config
    own = file.parent / modelslim.FILE
    if own.is_file():
        settings = modelslim.quantization_config(_mapping(own, _text(own), json.loads))
        return config | ({"quantization_config": settings} if settings else {})
    own = file.parent / "hf_quant_config.json"
    if not own.is_file():
        return config
    stated = mapping(_mapping(own, _text(own), json.loads).get("quantization"))
    settings = {"quant_method": "modelopt", "ignore": stated.get("exclude_modules")}
    return config | {"quantization_config": {**settings, "quant_algo": stated.get("quant_algo")}}


def _architecture(file: Path, config: Mapping[str, Any], kv_bytes_per_token: int) -> Architecture:
    """Return the architecture; raises UnsupportedArchitectureError or UnknownModelError."""
    try:
        return architecture_from_config(config)
    except UnknownArchitectureError as error:
        size = _stored_bytes(file.parent) or _indexed_bytes(file.parent)
        if size and kv_bytes_per_token:
            return assumed_architecture(config, size, kv_bytes_per_token)
        template = N_("File {file}: {reason}.")
        if size:
            template = N_("File {file}: {reason}. The weights have {size:.1f} GiB; their KV cache is not known.")
        raise UnknownModelError(template, file=file, reason=error.message, size=size / 2**30) from None


def _stored_bytes(folder: Path) -> int:
    """Return the bytes of all tensors in the headers of the safetensors files in `folder`; 0 without files."""
    files = sorted(folder.glob("*.safetensors"))
    # Mistral's repositories may have all weights a second time, which engines ignore.
    return sum(map(_header_bytes, [f for f in files if not f.name.startswith("consolidated")] or files))


def _indexed_bytes(folder: Path) -> int:
    """Return the bytes of all tensors that the index in `folder` states; 0 without an index."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return 0
    metadata = _mapping(index, _text(index), json.loads).get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, Mapping) else None
    if not isinstance(total, int | float) or total <= 0:
        raise CatalogError(
            N_("File {file}: metadata.total_size is {value!r}, not a number of bytes."), file=index, value=total
        )
    return int(total)


def _needs_own_code(folder: Path, config: Mapping[str, Any], architecture: str) -> bool:
    """Return whether the model's configuration or tokenizer is Python code of the checkpoint.

    Engines know the model type of each supported architecture, but not those that publishers give to models of the
    same architecture (Kimi K2: kimi_k2). A tokenizer of their own is named in auto_map of tokenizer_config.json.
    """
    family = load_families().get(architecture)
    if family is None:
        return "auto_map" in config
    known = family.model_types
    if not known or config.get("model_type", known[0]) not in known:
        return True
    file = folder / "tokenizer_config.json"
    return file.is_file() and "auto_map" in _mapping(file, _text(file), json.loads)


def pick(key: str, name: str, entries: Mapping[str, Entry]) -> Entry:
    """Return the entry called `name`; raises UnknownNameError with the nearest name."""
    if name in entries:
        return entries[name]
    folded = {entry.lower(): entry for entry in entries}
    near = difflib.get_close_matches(name.lower(), folded, n=1)
    remedy = N_("Did you mean {nearest}?") if near else N_("Choose one of {names}.")
    offered = {"nearest": folded[near[0]]} if near else {"names": sorted(entries)}
    unknown = N_("Variable {key} is {value}, which is not in the catalog.")
    raise UnknownNameError(Problem("unknown-name", unknown, remedy, key=key, value=repr(name), **offered))


def load_file(
    file: Path, form: type[Form], complete: Callable[[dict[str, Any]], dict[str, Any]] = lambda values: values
) -> Form:
    """Return the content of a data file, changed by `complete`, as a pydantic model; raises CatalogError."""
    values = complete(_mapping(file, _text(file), _parse_yaml))
    try:
        return form.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "(entire file)"
        raise CatalogError(
            N_("File {file}: key {key}: {reason}."), file=file, key=key, reason=reason_of(first)
        ) from None


def _parse_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else Message("", N_("it is not text"))
        raise CatalogError(N_("File {file} cannot be read: {reason}."), file=file, reason=reason) from None


def _mapping(file: Path, text: str, parse: Any) -> dict[str, Any]:
    try:
        data = parse(text)
    except (yaml.YAMLError, json.JSONDecodeError, RecursionError) as error:
        reason = _syntax_reason(error)
        raise CatalogError(N_("File {file} cannot be parsed: {reason}."), file=file, reason=reason) from None
    if not isinstance(data, dict):
        raise CatalogError(N_("File {file} does not contain a mapping."), file=file)
    return data


def _syntax_reason(error: Exception) -> Message | str:
    """Return line and text of a parser's error."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return Message("", N_("line {line}: {text}"), line=error.problem_mark.line + 1, text=error.problem)
    if isinstance(error, json.JSONDecodeError):
        return Message("", N_("line {line}: {text}"), line=error.lineno, text=error.msg)
    return next(iter(str(error).splitlines()), type(error).__name__)


def _header_bytes(file: Path) -> int:
    # A safetensors file starts with the length of its JSON header (8 bytes, little-endian).
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(100_000_000, file.stat().st_size - 8):
                raise CatalogError(
                    N_("File {file} is not a safetensors file: its header length is {length}."),
                    file=file,
                    length=length,
                )
            header = _mapping(file, stream.read(length).decode("utf-8", "replace"), json.loads)
    except OSError as error:
        raise CatalogError(N_("File {file} cannot be read: {reason}."), file=file, reason=os_reason(error)) from None
    try:
        return sum(t["data_offsets"][1] - t["data_offsets"][0] for n, t in header.items() if n != "__metadata__")
    except (KeyError, IndexError, TypeError):
        raise CatalogError(N_("File {file}: its header lacks data_offsets of a tensor."), file=file) from None


def _method(config: Mapping[str, Any]) -> str:
    quantization = mapping(config.get("quantization_config"))
    if algorithm := modelopt_algorithm(quantization):
        return "modelopt_fp4" if "NVFP4" in algorithm else "modelopt"
    return str(quantization.get("quant_method", ""))


def _computed_bytes(architecture: Architecture, precision: Precision) -> int:
    from inferfleet.planner.weights import checkpoint_bytes  # the planner imports the catalog

    return checkpoint_bytes(architecture, precision)
