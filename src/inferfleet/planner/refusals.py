"""Problems that make a plan impossible: one class per reason.

Each names the variable or host, its value and the remedies. A remedy that changes settings carries them as data; the
planner applies it, plans again and offers it only if that plan works.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar, Self

from inferfleet.catalog import UnknownNameError
from inferfleet.messages import N_, Message, Problem


@dataclass(frozen=True)
class Remedy:
    """A change of settings that removes a problem."""

    text: Message
    """What to do: a sentence, or the words after "To make it fit,"."""
    change: Mapping[str, Any]
    """Setting names and values; key `nodes` is the number of nodes."""


class Refusal(Problem):
    """A reason why a plan cannot work."""

    CODE: ClassVar[str]

    candidates: Iterable[Remedy]
    """What may remove the problem, the cheapest first, perhaps computed when needed; see `remedies`."""

    def __init__(
        self,
        template: str,
        remedy: str,
        change: Mapping[str, Any] | None = None,
        /,
        *,
        remedies: Iterable[Remedy] = (),
        **parameters: Any,
    ) -> None:
        super().__init__(self.CODE, template, remedy, **parameters)
        own = (Remedy(Message("", remedy, **parameters), dict(change)),) if change else ()
        object.__setattr__(self, "candidates", (*own, *remedies) if isinstance(remedies, list | tuple) else remedies)

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """What removes the problem, the cheapest first; none if no setting does."""
        object.__setattr__(self, "candidates", tuple(self.candidates))
        return tuple(self.candidates)

    @property
    def change(self) -> dict[str, Any]:
        """The first remedy as setting names and values; empty if no setting removes the problem."""
        return dict(self.remedies[0].change) if self.remedies else {}

    def offering(self, remedies: Sequence[Remedy]) -> Self:
        """Return the problem with the first of these remedies."""
        if remedies and self.remedy_template and remedies[0] == self.remedies[0]:
            return type(self)(self.template, self.remedy_template, remedies=remedies[:1], **self.parameters)
        first = remedies[0].text if remedies else Message("", NOTHING_HELPS)
        return type(self)(self.template, "{remedy}", remedies=remedies, **{**self.parameters, "remedy": first})


NOTHING_HELPS = N_("No single setting is enough: use other accelerators, another engine or another model.")


class ShortOfMemory(Refusal):
    """Too little memory: several remedies to choose from, each the words after "To make it fit,"."""

    def offering(self, remedies: Sequence[Remedy]) -> Self:
        """Return the problem with these remedies as alternatives."""
        offers = [remedy.text for remedy in remedies] or [Message("", N_("use accelerators with more memory"))]
        joined = reduce(lambda one, other: Message("", N_("{one}, or {other}"), one=one, other=other), offers)
        remedy = N_("To make it fit, {offers}.")
        return type(self)(self.template, remedy, remedies=remedies, **{**self.parameters, "offers": joined})


class UnknownName(Refusal):
    """A model, accelerator, engine, mode or checkpoint that is not in the catalog."""

    CODE = "unknown-name"


def unknown_name(error: UnknownNameError, key: str) -> UnknownName:
    """Return the problem of a name that is not in the catalog; the remedy sets `key` to the nearest name."""
    problem = error.problem
    nearest = problem.parameters.get("nearest")
    change = {key: nearest} if nearest else None
    return UnknownName(problem.template, problem.remedy_template, change, **problem.parameters)


class CatalogBroken(Refusal):
    """A catalog file or a model's config.json that cannot be used."""

    CODE = "catalog-broken"


class ModelUnsupported(Refusal):
    """A model whose memory the planner cannot compute."""

    CODE = "model-unsupported"


class BadValue(Refusal):
    """A setting that is out of range."""

    CODE = "bad-value"


class NoAccelerator(Refusal):
    """The accelerators of the nodes are not known."""

    CODE = "no-accelerator"


class AcceleratorsMissing(Refusal):
    """A node has fewer accelerators than declared, or the fleet fewer than a layout needs."""

    CODE = "accelerators-missing"


class AcceleratorUnusable(Refusal):
    """An accelerator is divided (MIG), reports uncorrectable errors, or failed according to the kernel log."""

    CODE = "accelerator-unusable"


class AcceleratorBusy(Refusal):
    """Another program uses the memory of an accelerator."""

    CODE = "accelerator-busy"


class MixedAccelerators(Refusal):
    """Nodes of one cluster differ in the model of their accelerators."""

    CODE = "mixed-accelerators"


class MixedMemory(Refusal):
    """Accelerators of one cluster differ in memory."""

    CODE = "mixed-memory"


class MixedDrivers(Refusal):
    """Nodes of one cluster differ in the version of their driver."""

    CODE = "mixed-drivers"


class UnequalCounts(Refusal):
    """Nodes of one cluster differ in the number of their accelerators."""

    CODE = "unequal-counts"


class MixedArchitectures(Refusal):
    """Nodes of one cluster differ in CPU architecture."""

    CODE = "mixed-architectures"


class EngineUnsupported(Refusal):
    """The engine or its version does not run on this hardware or model."""

    CODE = "engine-unsupported"


class ExecutorUnsupported(Refusal):
    """The engine does not support this executor, or several nodes."""

    CODE = "executor-unsupported"


class FlagUnsupported(Refusal):
    """A flag of engine_extra_args that this version of the engine does not have."""

    CODE = "flag-unsupported"


class FlagManaged(Refusal):
    """An option or environment variable of the engine that the plan sets itself."""

    CODE = "flag-managed"


class PrecisionUnsupported(Refusal):
    """The hardware or engine does not support this precision."""

    CODE = "precision-unsupported"


class DtypeUnsupported(Refusal):
    """The hardware does not support this data type."""

    CODE = "dtype-unsupported"


class NoCheckpoint(Refusal):
    """No published checkpoint has the configured precision."""

    CODE = "no-checkpoint"


class TensorParallelIndivisible(Refusal):
    """The tensor parallel size does not divide heads, key-value heads, layers' widths or FP8 blocks."""

    CODE = "tensor-parallel-indivisible"


class ExpertParallelIndivisible(Refusal):
    """The expert parallel size does not divide the experts."""

    CODE = "expert-parallel-indivisible"


class PipelineUneven(Refusal):
    """The pipeline parallel size does not divide the layers, or pipeline parallelism is not supported."""

    CODE = "pipeline-uneven"


class LayoutMismatch(Refusal):
    """Tensor times pipeline parallel size is not the number of accelerators."""

    CODE = "layout-mismatch"


class ReplicasUnsuitable(Refusal):
    """The configured number of replicas is not possible on these nodes."""

    CODE = "replicas-unsuitable"


class DoesNotFit(ShortOfMemory):
    """Weights, activations and overhead exceed the memory."""

    CODE = "does-not-fit"


class MaxModelLenTooLong(Refusal):
    """max_model_len exceeds the context length of the model."""

    CODE = "max-model-len-too-long"


class KvCacheTooSmall(ShortOfMemory):
    """The KV cache does not hold one sequence of max_model_len."""

    CODE = "kv-cache-too-small"


class DriverTooOld(Refusal):
    """The CUDA release of the image needs a newer driver."""

    CODE = "driver-too-old"


class FabricManagerMissing(Refusal):
    """An NVSwitch machine without a fabric manager of the driver's version."""

    CODE = "fabric-manager"


class VendorLimit(Refusal):
    """A setting that the vendor of the accelerator does not support."""

    CODE = "vendor-limit"


class SpeculationUnsupported(Refusal):
    """Speculative decoding is not supported by the model or engine."""

    CODE = "speculation-unsupported"


class ToolCallsUnsupported(Refusal):
    """Tool calls are not supported by the model, or the engine has no parser for them."""

    CODE = "tool-calls-unsupported"


class ImageArchitecture(Refusal):
    """An image for another CPU architecture than the nodes'."""

    CODE = "image-architecture"


class ModelPathDiffers(Refusal):
    """The weights are not stored at the same path on every node."""

    CODE = "model-path-differs"


class ModelFolderMissing(Refusal):
    """A node lacks the model folder of the user."""

    CODE = "model-folder-missing"


class ModelFolderIncomplete(Refusal):
    """The model folder of the user lacks shards, or has links without a target or to files outside of it."""

    CODE = "model-folder-incomplete"


class ModelFolderDiffers(Refusal):
    """Nodes have different files in the model folder of the user."""

    CODE = "model-folder-differs"


class ModelPresent(Refusal):
    """The nodes already have the model in a folder that inferfleet did not download, and would store it twice."""

    CODE = "model-present"


class ShmTooSmall(Refusal):
    """/dev/shm of a node is too small for its ranks."""

    CODE = "shm-too-small"


class InterfaceMissing(Refusal):
    """A node has no interface in the cluster network."""

    CODE = "interface-missing"


class RdmaMissing(Refusal):
    """A node does not have the configured RDMA port, or the port has no link."""

    CODE = "rdma-missing"


class GidMissing(Refusal):
    """An RDMA port has no such entry in its GID table."""

    CODE = "gid-missing"


class PortClash(Refusal):
    """A port that the engine already uses between the nodes."""

    CODE = "port-clash"


class SharedAddress(Refusal):
    """Several nodes have the same address."""

    CODE = "shared-address"
